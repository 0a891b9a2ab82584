//! Speech in pieces: where somebody speaks in a recording, out of how likely each chunk is to be speech.

use super::{SpeechEdge, SpeechOptions, SpeechTracker};

/// A piece of speech, in samples of 16 kHz from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechSegment {
    /// The first sample.
    pub from: u64,
    /// The sample behind the last.
    pub to: u64,
}

impl SpeechSegment {
    /// Samples for each second.
    pub const SAMPLE_RATE: u32 = 16_000;

    /// From and to in seconds.
    pub fn seconds(&self) -> (f64, f64) {
        let seconds = |samples: u64| samples as f64 / f64::from(Self::SAMPLE_RATE);
        (seconds(self.from), seconds(self.to))
    }

    pub(super) fn samples(time_ms: u32) -> u64 {
        u64::from(time_ms) * u64::from(Self::SAMPLE_RATE) / 1_000
    }
}

/// The pieces of speech in a recording of `samples` samples, given the probability of each of its chunks: Silero's
/// `get_speech_timestamps` without a limit to a piece's length.
pub fn speech_segments(probabilities: &[f32], samples: u64, options: &SpeechOptions) -> Vec<SpeechSegment> {
    let mut tracker = SpeechTracker::new(options);
    let mut edges: Vec<_> = probabilities.iter().filter_map(|probability| tracker.push(*probability)).collect();
    edges.extend(tracker.finish(samples));
    let spoken = |edge: SpeechEdge| match edge {
        SpeechEdge::Ended(speech) => Some(speech),
        SpeechEdge::Began(_) | SpeechEdge::TooShort(_) => None,
    };
    let mut segments: Vec<SpeechSegment> = edges.into_iter().filter_map(spoken).collect();
    pad(&mut segments, samples, SpeechSegment::samples(options.padding_ms));
    segments
}

/// Widens all of them, neighbours to the middle of the silence between them at most.
fn pad(segments: &mut [SpeechSegment], samples: u64, padding: u64) {
    let Some(first) = segments.first_mut() else { return };
    first.from = first.from.saturating_sub(padding);
    for index in 1..segments.len() {
        let silence = segments[index].from - segments[index - 1].to;
        let widen = if silence < 2 * padding { silence / 2 } else { padding };
        segments[index - 1].to += widen;
        segments[index].from -= widen;
    }
    if let Some(last) = segments.last_mut() {
        last.to = (last.to + padding).min(samples).max(last.to);
    }
}
