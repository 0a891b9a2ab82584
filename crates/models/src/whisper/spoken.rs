//! Recordings of which only speech is decoded: silence costs nothing, and windows begin where somebody begins to speak.

use super::recording::Held;
use super::{Checkpoint, DecodeOptions, RecordingEnd, SampleSource, Sound, Transcriber, VadChunks, WindowText};
use crate::{SpeechEdge, SpeechOptions, SpeechSegment, SpeechTracker, VoiceDetector, VoiceModel, VoiceState};
use samovar_runtime::{Call, RunError};

/// What finds the speech.
#[derive(Clone, Copy)]
pub struct Voices<'a> {
    /// The model that hears voices.
    pub detector: &'a VoiceDetector,
    /// What counts as speech.
    pub options: &'a SpeechOptions,
}

impl Transcriber {
    /// Transcribes the speech in a recording, in windows that [`VadChunks`] makes of it; `heard` gets the text of each, in the recording's
    /// times. What follows a window's last timestamp is heard again from there. The prompt goes before every window, and no text of one
    /// before another.
    ///
    /// # Errors
    /// As [`Transcriber::recording`], and those of the detector.
    pub async fn spoken(
        &self,
        source: &mut impl SampleSource,
        voices: Voices<'_>,
        (options, call): (&DecodeOptions, Call),
        mut heard: impl FnMut(WindowText) + Send,
    ) -> Result<RecordingEnd, RunError> {
        let model = self.model()?;
        model.permits(options)?;
        let prompt = model.tokenizer().encode("prompt", options.prompt.as_deref().unwrap_or_default())?;
        let mut cutter = Cutter::new(model.checkpoint().window_samples(), voices.options);
        drop(model);
        let (mut options, mut held, mut state) = (options.clone(), Held::default(), VoiceState::default());
        let mut chunk = [0.0; VoiceModel::CHUNK_SAMPLES];
        loop {
            let place = cutter.tracker.heard();
            held.fill(source, cutter.needed_from(), (place - held.first()) as usize + chunk.len()).await?;
            let length = held.copy(place, &mut chunk);
            if length == 0 {
                cutter.finish(place.min(held.end()));
            } else {
                chunk[length..].fill(0.0);
                let probability = voices.detector.next(&mut state, &chunk, call).await?;
                cutter.push(probability, held.end());
            }
            while let Some(window) = cutter.chunks.next_window() {
                for text in self.within(&held, window, &prompt, (&mut options, call)).await? {
                    heard(text);
                }
            }
            cutter.drained();
            if length == 0 {
                return Ok(RecordingEnd { samples: held.end(), language: options.language });
            }
        }
    }

    /// The texts of a window, which is heard on from its last timestamp to its end.
    async fn within(
        &self,
        held: &Held,
        window: SpeechSegment,
        previous: &[u32],
        (options, call): (&mut DecodeOptions, Call),
    ) -> Result<Vec<WindowText>, RunError> {
        let (mut texts, mut first, mut spoken_until_s) = (Vec::new(), window.from, 0.0);
        while first + (Checkpoint::HOP as u64) <= window.to {
            let samples = held.part(first, window.to);
            let sound = Sound { samples, first_sample: first, previous, spoken_until_s };
            let mut text = self.hear(sound, options, call).await?;
            options.language.get_or_insert(text.language);
            first += (text.advance_frames.max(1) * Checkpoint::HOP) as u64;
            text.drop_empty();
            spoken_until_s = text.segments.last().map_or(spoken_until_s, |segment| segment.end_s);
            texts.push(text);
        }
        Ok(texts)
    }
}

/// Speech in windows, out of how likely each chunk is to be speech, with no more kept than a window and what is said at present.
struct Cutter {
    tracker: SpeechTracker,
    chunks: VadChunks,
    window: u64,
    padding: u64,
    /// Up to where speech was handed on.
    cut: u64,
    /// Where the oldest speech begins that waits for its window.
    waits_from: Option<u64>,
}

impl Cutter {
    fn new(window: usize, options: &SpeechOptions) -> Self {
        Self {
            tracker: SpeechTracker::new(options),
            chunks: VadChunks::new(window),
            window: window as u64,
            padding: u64::from(options.padding_ms) * u64::from(SpeechSegment::SAMPLE_RATE) / 1_000,
            cut: 0,
            waits_from: None,
        }
    }

    /// The next chunk, of a recording of which `end` samples are there.
    fn push(&mut self, probability: f32, end: u64) {
        if let Some(SpeechEdge::Ended(speech)) = self.tracker.push(probability) {
            self.hand_on(speech, end);
        }
        let heard = self.tracker.heard().min(end);
        // Who speaks for longer than a window without a pause is cut there.
        let since = self.tracker.speaking_since().map(|since| since.max(self.cut));
        if let Some(from) =
            since.filter(|from| heard.saturating_sub(*from) >= self.window.saturating_sub(2 * self.padding).max(1))
        {
            self.hand_on(SpeechSegment { from, to: heard }, end);
        }
        // Nothing that comes fits into the window of what waits.
        if self.waits_from.is_some_and(|from| heard.saturating_sub(from) > self.window) {
            self.chunks.finish();
        }
    }

    fn finish(&mut self, end: u64) {
        if let Some(SpeechEdge::Ended(speech)) = self.tracker.finish(end) {
            self.hand_on(speech, end);
        }
        self.chunks.finish();
    }

    fn hand_on(&mut self, speech: SpeechSegment, end: u64) {
        let from = speech.from.saturating_sub(self.padding).max(self.cut);
        let to = (speech.to + self.padding).min(end);
        if from >= to {
            return;
        }
        self.chunks.push(SpeechSegment { from, to });
        self.cut = to;
        self.waits_from.get_or_insert(from);
    }

    /// All windows that are whole were taken.
    fn drained(&mut self) {
        self.waits_from = self.chunks.open_from();
    }

    /// What lies before it is not needed any more.
    fn needed_from(&self) -> u64 {
        let speaking = self.tracker.speaking_since().unwrap_or_else(|| self.tracker.heard());
        self.waits_from.unwrap_or(u64::MAX).min(speaking.saturating_sub(self.padding))
    }
}
