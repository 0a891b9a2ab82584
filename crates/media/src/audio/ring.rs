//! The last seconds of a call: what waits while a model loads, and what is looked at again.

use std::collections::VecDeque;
use std::ops::Range;

/// Samples with their places in time, up to a bound. When it is full the oldest samples give way to the new ones and are
/// counted; places go on counting, so that times stay right.
#[derive(Debug)]
pub struct AudioRing {
    samples: VecDeque<f32>,
    capacity: usize,
    /// Place of the first sample that is held.
    start: u64,
    lost: u64,
}

/// So many samples are no matter.
const SMALL: usize = 16_000;

impl AudioRing {
    /// A ring for `capacity` samples, one at least. Memory, 4 bytes each, is taken as they come, and given back when they are read.
    pub fn new(capacity: usize) -> Self {
        Self { samples: VecDeque::new(), capacity: capacity.max(1), start: 0, lost: 0 }
    }

    /// Takes samples in; how many older ones gave way unread.
    pub fn push(&mut self, samples: &[f32]) -> usize {
        let beyond = samples.len().saturating_sub(self.capacity);
        let kept = &samples[beyond..];
        let pushed_out = (self.samples.len() + kept.len()).saturating_sub(self.capacity);
        self.samples.drain(..pushed_out);
        self.samples.extend(kept);
        self.start += (pushed_out + beyond) as u64;
        self.lost += (pushed_out + beyond) as u64;
        pushed_out + beyond
    }

    /// The places that are held.
    pub fn range(&self) -> Range<u64> {
        self.start..self.start + self.samples.len() as u64
    }

    /// Samples that gave way unread since the beginning.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Appends the part of `range` that is held; its place.
    pub fn copy(&self, range: Range<u64>, into: &mut Vec<f32>) -> Range<u64> {
        let held = self.range();
        let (start, end) = (range.start.clamp(held.start, held.end), range.end.clamp(held.start, held.end));
        let end = end.max(start);
        into.extend(self.samples.range((start - held.start) as usize..(end - held.start) as usize));
        start..end
    }

    /// Forgets what lies before `place`: it was read.
    pub fn discard_before(&mut self, place: u64) {
        let held = self.range();
        let count = place.clamp(held.start, held.end) - held.start;
        self.samples.drain(..count as usize);
        self.start += count;
        let in_use = self.samples.len().max(SMALL);
        if self.samples.capacity() / 4 > in_use {
            self.samples.shrink_to(2 * in_use);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(ring: &AudioRing, range: Range<u64>) -> (Range<u64>, Vec<f32>) {
        let mut samples = Vec::new();
        (ring.copy(range, &mut samples), samples)
    }

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let mut ring = AudioRing::new(4);
        assert_eq!(ring.push(&[0.0, 1.0, 2.0]), 0);
        assert_eq!(ring.push(&[3.0, 4.0, 5.0]), 2);
        assert_eq!(copied(&ring, 0..100), (2..6, vec![2.0, 3.0, 4.0, 5.0]));
        let many: Vec<f32> = (6..16).map(|sample| sample as f32).collect();
        assert_eq!(ring.push(&many), 10);
        assert_eq!(copied(&ring, 13..15), (13..15, vec![13.0, 14.0]));
        assert_eq!((ring.range(), ring.lost()), (12..16, 12));
    }

    #[test]
    fn what_was_read_is_not_lost() {
        let mut ring = AudioRing::new(4);
        ring.push(&[0.0, 1.0, 2.0]);
        ring.discard_before(2);
        assert_eq!(ring.push(&[3.0, 4.0, 5.0]), 0);
        assert_eq!((ring.range(), ring.lost()), (2..6, 0));
        ring.discard_before(100);
        assert_eq!((ring.range(), copied(&ring, 0..100).0), (6..6, 6..6));
        assert_eq!(copied(&ring, 8..8).0, 6..6);
    }
}
