//! Recordings of any length, window after window, in memory that does not grow with them.

use super::{DecodeOptions, Language, LongForm, Sound, Transcriber, WindowText};
use samovar_runtime::{Call, RunError};

/// Where a recording's samples come from.
pub trait SampleSource: Send {
    /// The next samples, mono at 16 kHz, -1 to 1; none at the end.
    ///
    /// # Errors
    /// Whatever keeps it from the rest: the transcription ends with it.
    fn next_block(&mut self) -> impl Future<Output = Result<Option<Vec<f32>>, RunError>> + Send;
}

/// What is known at the end of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingEnd {
    /// Samples of 16 kHz that it had.
    pub samples: u64,
    /// What was spoken, given or detected in the first window; none where there was nothing to hear.
    pub language: Option<Language>,
}

/// The part of a recording that is not done with: a window and a block at most.
#[derive(Default)]
pub(super) struct Held {
    samples: Vec<f32>,
    /// Place of the first of them.
    first: u64,
    has_ended: bool,
}

impl Transcriber {
    /// Transcribes a recording by the reference's seek rule, from its beginning; `heard` gets the text of each window, in the recording's
    /// times. The language of the first window is that of all. Whoever drops the future ends it.
    ///
    /// # Errors
    /// As [`Transcriber::window`], and those of the source. What was heard before stays good.
    pub async fn recording(
        &self,
        source: &mut impl SampleSource,
        options: &DecodeOptions,
        call: Call,
        mut heard: impl FnMut(WindowText) + Send,
    ) -> Result<RecordingEnd, RunError> {
        let model = self.model()?;
        model.permits(options)?;
        let prompt = model.tokenizer().encode("prompt", options.prompt.as_deref().unwrap_or_default())?;
        let mut long_form = LongForm::new(model.checkpoint(), options, &prompt);
        let window_samples = model.checkpoint().window_samples();
        // No generation is kept over a recording.
        drop(model);
        let (mut options, mut held) = (options.clone(), Held::default());
        loop {
            held.fill(source, long_form.next_sample(), window_samples).await?;
            let Some(span) = long_form.span(held.samples.len()) else { break };
            let sound = Sound {
                samples: held.samples[..span.samples].to_vec(),
                first_sample: span.first_sample,
                previous: long_form.previous(),
                spoken_until_s: long_form.spoken_until_s(),
            };
            let mut text = self.hear(sound, &options, call).await?;
            options.language.get_or_insert(text.language);
            long_form.accept(&mut text);
            heard(text);
        }
        Ok(RecordingEnd { samples: held.end(), language: options.language })
    }
}

impl Held {
    /// Forgets what lies before `from`, and reads until there are so many samples or the recording has ended.
    pub(super) async fn fill(
        &mut self,
        source: &mut impl SampleSource,
        from: u64,
        samples: usize,
    ) -> Result<(), RunError> {
        let done = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX).min(self.samples.len());
        self.samples.drain(..done);
        self.first += done as u64;
        while self.samples.len() < samples && !self.has_ended {
            match source.next_block().await? {
                Some(block) => self.samples.extend_from_slice(&block),
                None => self.has_ended = true,
            }
        }
        Ok(())
    }

    /// Place of the first sample that is held.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The place behind the last.
    pub(super) const fn end(&self) -> u64 {
        self.first + self.samples.len() as u64
    }

    /// The samples from one place to another, as far as they are held.
    pub(super) fn part(&self, from: u64, to: u64) -> Vec<f32> {
        let index = |place: u64| (place.clamp(self.first, self.end()) - self.first) as usize;
        self.samples[index(from)..index(to.max(from))].to_vec()
    }

    /// Copies what is held from `from` on; how many samples.
    pub(super) fn copy(&self, from: u64, into: &mut [f32]) -> usize {
        let there = self.samples.get(from.saturating_sub(self.first) as usize..).unwrap_or_default();
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        count
    }
}
