//! The sound of a call that is not done with, and when it arrived.

use super::utterance::WINDOW;
use samovar_media::AudioRing;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Sound with its places in time: what may wait and a window; places are samples of 16 kHz from the beginning of the call.
pub(super) struct Tape {
    ring: AudioRing,
    capacity: u64,
    /// Up to which place had arrived when.
    arrivals: VecDeque<(u64, Instant)>,
    /// What was lost since that was told.
    lost: Range<u64>,
}

/// Samples for each second.
pub(super) const RATE: u64 = 16_000;
/// Arrivals that lie nearer than 10 ms are one.
const ARRIVAL: u64 = 160;

impl Tape {
    pub(super) fn new(held_max: Duration) -> Self {
        let capacity = samples(held_max) + WINDOW;
        Self { ring: AudioRing::new(capacity as usize), capacity, arrivals: VecDeque::new(), lost: 0..0 }
    }

    /// Takes sound in that arrived at `now`. What is no number is silence.
    pub(super) fn push(&mut self, sound: &[f32], now: Instant) {
        let start = self.ring.range().start;
        for piece in sound.chunks(PIECE) {
            let mut clean = [0.0; PIECE];
            let clean = &mut clean[..piece.len()];
            clean
                .iter_mut()
                .zip(piece)
                .for_each(|(clean, &sample)| *clean = if sample.is_finite() { sample } else { 0.0 });
            self.ring.push(clean);
        }
        self.note_lost(start);
        let held = self.ring.range();
        match self.arrivals.back_mut() {
            Some((end, _)) if *end / ARRIVAL == held.end / ARRIVAL => *end = held.end,
            _ => self.arrivals.push_back((held.end, now)),
        }
        self.forget_arrivals(held.start);
    }

    /// The place behind the last sample.
    pub(super) fn end(&self) -> u64 {
        self.ring.range().end
    }

    /// The place of the first sample that is held.
    pub(super) fn start(&self) -> u64 {
        self.ring.range().start
    }

    /// What is held of a range.
    pub(super) fn copy(&self, range: Range<u64>) -> Vec<f32> {
        let mut sound = Vec::with_capacity(range.end.saturating_sub(range.start) as usize);
        self.ring.copy(range, &mut sound);
        sound
    }

    /// Whether a decoder may hand over what it has. There is always room for a window, without which nothing would be let go.
    pub(super) fn has_room(&self) -> bool {
        self.end() - self.start() < WINDOW + (self.capacity - WINDOW) / 2
    }

    /// Loses the oldest where more than this is held.
    pub(super) fn lose_beyond(&mut self, most: u64) {
        let start = self.start();
        self.ring.discard_before(self.end().saturating_sub(most));
        self.note_lost(start);
    }

    /// What lies before `place` is done with.
    pub(super) fn discard_before(&mut self, place: u64) {
        self.ring.discard_before(place);
        self.forget_arrivals(self.start());
    }

    /// How long ago the sample before `place` arrived.
    pub(super) fn age(&self, place: u64, now: Instant) -> Duration {
        let at = self.arrivals.partition_point(|(end, _)| *end < place);
        let arrived = self.arrivals.get(at).or(self.arrivals.back());
        arrived.map_or(Duration::ZERO, |(_, arrived)| now.saturating_duration_since(*arrived))
    }

    /// What was lost since this was asked for the last time.
    pub(super) fn take_lost(&mut self) -> Option<Range<u64>> {
        let lost = std::mem::replace(&mut self.lost, 0..0);
        (!lost.is_empty()).then_some(lost)
    }

    /// Samples that were lost and not told of yet.
    pub(super) const fn lost(&self) -> u64 {
        self.lost.end - self.lost.start
    }

    /// Sound from `start` on that is not held any more was lost.
    fn note_lost(&mut self, start: u64) {
        let held = self.ring.range().start;
        if held > start {
            self.lost = if self.lost.is_empty() { start } else { self.lost.start }..held;
        }
    }

    fn forget_arrivals(&mut self, before: u64) {
        while self.arrivals.len() > 1 && self.arrivals.front().is_some_and(|(end, _)| *end < before) {
            self.arrivals.pop_front();
        }
    }
}

/// Samples that are looked through at once.
const PIECE: usize = 1_024;

/// Samples of so much time.
pub(super) const fn samples(time: Duration) -> u64 {
    time.as_millis() as u64 * RATE / 1_000
}

/// The time of a place.
pub(super) fn seconds(place: u64) -> f64 {
    place as f64 / RATE as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_when_and_what_was_lost_is_known() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut tape = Tape::new(Duration::from_secs(2));
        for second in 0..34 {
            tape.push(&[0.5; 16_000], at(1_000 * (second + 1)));
        }
        assert_eq!((tape.start(), tape.end(), tape.lost()), (32_000, 544_000, 32_000));
        assert_eq!((tape.take_lost(), tape.take_lost()), (Some(0..32_000), None));
        assert_eq!(tape.age(48_000, at(5_000)), Duration::from_secs(2));
        assert_eq!(tape.age(48_001, at(5_000)), Duration::from_secs(1));
        tape.discard_before(540_000);
        tape.push(&[f32::NAN; 16_000], at(36_000));
        assert_eq!((tape.start(), tape.take_lost()), (540_000, None));
        assert_eq!(tape.copy(543_999..544_001), [0.5, 0.0]);
        tape.lose_beyond(4_000);
        assert_eq!((tape.start(), tape.take_lost()), (556_000, Some(540_000..556_000)));
    }

    #[test]
    fn many_small_pieces_keep_few_arrivals() {
        let mut tape = Tape::new(Duration::from_secs(2));
        (0..800_000).for_each(|_| tape.push(&[0.0], Instant::now()));
        assert!(tape.arrivals.len() <= 3_202, "{}", tape.arrivals.len());
    }
}
