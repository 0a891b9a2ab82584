//! Windows made of speech: pieces of it are put together as long as they fit into one, and silence is not decoded.

use crate::SpeechSegment;
use std::collections::VecDeque;

/// Windows out of the pieces of speech that [`SpeechTracker`](crate::SpeechTracker) finds, one after the other.
///
/// Neighbours share a window, with the pause between them, so that times stay those of the recording. A piece that is longer than a window is
/// cut into equal parts.
#[derive(Clone, Debug)]
pub struct VadChunks {
    window: u64,
    open: Option<SpeechSegment>,
    ready: VecDeque<SpeechSegment>,
}

impl VadChunks {
    /// Windows of so many samples at most: [`Checkpoint::window_samples`](super::Checkpoint::window_samples).
    pub const fn new(window_samples: usize) -> Self {
        Self { window: if window_samples == 0 { 1 } else { window_samples as u64 }, open: None, ready: VecDeque::new() }
    }

    /// Takes the next piece of speech in; it begins where the one before has ended, or later.
    pub fn push(&mut self, speech: SpeechSegment) {
        match &mut self.open {
            Some(open) if speech.to.saturating_sub(open.from) <= self.window => open.to = open.to.max(speech.to),
            _ => self.close_and_open(Some(speech)),
        }
    }

    /// No more speech comes.
    pub fn finish(&mut self) {
        self.close_and_open(None);
    }

    /// The next window that is whole, in samples from the beginning of the recording.
    pub fn next_window(&mut self) -> Option<SpeechSegment> {
        let piece = self.ready.front_mut()?;
        let length = piece.to.saturating_sub(piece.from);
        if length <= self.window {
            return self.ready.pop_front();
        }
        let part = SpeechSegment { from: piece.from, to: piece.from + length / length.div_ceil(self.window) };
        piece.from = part.to;
        Some(part)
    }

    /// Where the speech begins that waits for more; none where nothing waits.
    pub(super) fn open_from(&self) -> Option<u64> {
        self.open.map(|open| open.from)
    }

    fn close_and_open(&mut self, next: Option<SpeechSegment>) {
        self.ready.extend(self.open.take());
        self.open = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(pieces: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut chunks = VadChunks::new(30);
        pieces.iter().for_each(|&(from, to)| chunks.push(SpeechSegment { from, to }));
        chunks.finish();
        std::iter::from_fn(|| chunks.next_window()).map(|window| (window.from, window.to)).collect()
    }

    #[test]
    fn pieces_share_a_window_as_long_as_they_fit() {
        assert_eq!(windows(&[(2, 10), (15, 20), (25, 32), (33, 40)]), [(2, 32), (33, 40)]);
        assert_eq!(windows(&[(0, 5), (100, 105)]), [(0, 5), (100, 105)]);
        assert_eq!(windows(&[]), []);
    }

    #[test]
    fn a_long_piece_is_cut_into_equal_parts() {
        assert_eq!(windows(&[(10, 75), (80, 90)]), [(10, 31), (31, 53), (53, 75), (80, 90)]);
        assert!(windows(&[(0, 1_000_003)]).iter().all(|(from, to)| to - from <= 30));
    }
}
