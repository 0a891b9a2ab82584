//! Where speech begins and ends while it is heard: one probability after the other, no clock, no model.

use super::model::CHUNK;
use super::{SpeechOptions, SpeechSegment};

/// Follows one stream from chunk to chunk.
#[derive(Clone, Debug)]
pub struct SpeechTracker {
    threshold: f32,
    end_below: f32,
    speech_min: u64,
    silence_min: u64,
    /// Samples heard so far.
    heard: u64,
    /// Where the speech that goes on began.
    began: Option<u64>,
    /// Where the silence within it began that may be its end.
    quiet: Option<u64>,
}

/// What a chunk changed. Places are samples from the stream's beginning, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechEdge {
    /// Somebody began to speak there.
    Began(u64),
    /// This was said; the silence behind it has lasted as long as it must.
    Ended(SpeechSegment),
    /// It was too short to be speech.
    TooShort(SpeechSegment),
}

impl SpeechTracker {
    /// At the beginning of a stream. [`SpeechOptions::padding_ms`] plays no part here.
    pub fn new(options: &SpeechOptions) -> Self {
        Self {
            threshold: options.threshold,
            end_below: options.end_below(),
            speech_min: SpeechSegment::samples(options.speech_min_ms),
            silence_min: SpeechSegment::samples(options.silence_min_ms),
            heard: 0,
            began: None,
            quiet: None,
        }
    }

    /// Samples heard so far.
    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// Where the speech that goes on began; none in silence.
    pub const fn speaking_since(&self) -> Option<u64> {
        self.began
    }

    /// Up to where the speech that goes on was heard: where the silence begins that may be its end, else [`SpeechTracker::heard`].
    pub fn spoken_to(&self) -> Option<u64> {
        self.began.map(|_| self.quiet.unwrap_or(self.heard))
    }

    /// The next chunk, of [`VoiceModel::CHUNK_SAMPLES`](super::VoiceModel::CHUNK_SAMPLES) samples, is speech with this probability.
    pub fn push(&mut self, probability: f32) -> Option<SpeechEdge> {
        let here = self.heard;
        self.heard += CHUNK as u64;
        if probability >= self.threshold {
            self.quiet = None;
            let begins = self.began.is_none();
            self.began.get_or_insert(here);
            return begins.then_some(SpeechEdge::Began(here));
        }
        let from = self.began.filter(|_| probability < self.end_below)?;
        let to = *self.quiet.get_or_insert(here);
        if here - to < self.silence_min {
            return None;
        }
        (self.began, self.quiet) = (None, None);
        Some(self.ended(SpeechSegment { from, to }))
    }

    /// The stream ends after `samples`; what is being said ends with it.
    pub fn finish(&mut self, samples: u64) -> Option<SpeechEdge> {
        self.quiet = None;
        let from = self.began.take()?;
        Some(self.ended(SpeechSegment { from, to: samples.max(from) }))
    }

    fn ended(&self, speech: SpeechSegment) -> SpeechEdge {
        let long = speech.to - speech.from > self.speech_min;
        if long { SpeechEdge::Ended(speech) } else { SpeechEdge::TooShort(speech) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(options: SpeechOptions, probabilities: &[f32]) -> Vec<SpeechEdge> {
        let mut tracker = SpeechTracker::new(&options);
        let mut edges: Vec<_> = probabilities.iter().filter_map(|probability| tracker.push(*probability)).collect();
        edges.extend(tracker.finish(tracker.heard()));
        edges
    }

    fn chunks(from: u64, to: u64) -> SpeechSegment {
        SpeechSegment { from: from * CHUNK as u64, to: to * CHUNK as u64 }
    }

    #[test]
    fn what_lies_between_the_thresholds_goes_on_with_what_was() {
        let quick = SpeechOptions { speech_min_ms: 0, silence_min_ms: 0, ..SpeechOptions::default() };
        assert_eq!(
            edges(quick, &[0.4, 0.6, 0.4, 0.34, 0.49]),
            [SpeechEdge::Began(512), SpeechEdge::Ended(chunks(1, 3))]
        );
    }

    #[test]
    fn a_short_silence_ends_nothing_and_a_short_sound_is_no_speech() {
        let options = SpeechOptions { speech_min_ms: 64, silence_min_ms: 64, ..SpeechOptions::default() };
        let heard = [0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1];
        let wanted = [
            SpeechEdge::Began(0),
            SpeechEdge::Ended(chunks(0, 5)),
            SpeechEdge::Began(8 * 512),
            SpeechEdge::TooShort(chunks(8, 9)),
        ];
        assert_eq!(edges(options, &heard), wanted);
    }

    #[test]
    fn what_goes_on_ends_with_the_stream() {
        let mut tracker = SpeechTracker::new(&SpeechOptions::default());
        let began = (0..20).filter_map(|_| tracker.push(0.9)).collect::<Vec<_>>();
        assert_eq!((began.as_slice(), tracker.speaking_since()), ([SpeechEdge::Began(0)].as_slice(), Some(0)));
        assert_eq!((tracker.push(0.1), tracker.spoken_to()), (None, Some(20 * 512)));
        assert_eq!((tracker.push(0.9), tracker.spoken_to()), (None, Some(22 * 512)));
        assert_eq!(tracker.finish(10_000), Some(SpeechEdge::Ended(SpeechSegment { from: 0, to: 10_000 })));
        assert_eq!(tracker.finish(10_000), None);
    }
}
