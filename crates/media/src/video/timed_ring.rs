//! The ring behind packets and pictures: groups that begin at a key item, bounded by bytes and by seconds.
//!
//! Items go by whole groups, oldest first: what depends on a dropped key item could not be shown. Pure: the time of
//! every item is told by whoever pushes it.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// What an item costs beside its bytes: its place in the ring and the head of its allocation.
const ITEM_OVERHEAD_BYTES: usize = 128;

/// How much of a stream a ring holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingLimits {
    /// Bytes at most, each item counted with 128 bytes besides its own. Where a single group is larger, the ring is
    /// emptied and begins again at the next key frame.
    pub bytes: usize,
    /// Seconds before the newest item that are kept. The group that holds the oldest of them is kept whole, so the ring
    /// may be longer by the distance of two key frames.
    pub span: Duration,
}

/// What a ring holds and what it has let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingStats {
    /// Items held.
    pub items: usize,
    /// Bytes held, as [`RingLimits::bytes`] counts them.
    pub bytes: usize,
    /// From the oldest to the newest item.
    pub span: Duration,
    /// Items ever taken in.
    pub taken: u64,
    /// Items that were not taken in: they came before a key item.
    pub without_key: u64,
}

/// A bounded ring of items with their times of arrival.
#[derive(Debug)]
pub(super) struct TimedRing<T> {
    limits: RingLimits,
    entries: VecDeque<Entry<T>>,
    stats: RingStats,
    /// Whether what comes next depends on nothing that is here.
    is_broken: bool,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    wall: SystemTime,
    bytes: usize,
    is_key: bool,
}

impl<T: Clone> TimedRing<T> {
    pub(super) fn new(limits: RingLimits) -> Self {
        Self { limits, entries: VecDeque::new(), stats: RingStats::default(), is_broken: false }
    }

    /// Takes in the next item; one that depends on what is not here is left out.
    pub(super) fn push(&mut self, item: T, wall: SystemTime, bytes: usize, is_key: bool) {
        if (self.entries.is_empty() || self.is_broken) && !is_key {
            self.stats.without_key += 1;
            return;
        }
        self.is_broken = false;
        let bytes = bytes.saturating_add(ITEM_OVERHEAD_BYTES);
        self.stats.taken += 1;
        self.stats.bytes = self.stats.bytes.saturating_add(bytes);
        self.entries.push_back(Entry { item, wall, bytes, is_key });
        while self.is_over_bytes() || self.is_over_span(wall) {
            self.drop_group();
        }
    }

    /// Items that arrived from `from` to `to`, beginning at the key item at or before `from`, or at the oldest one.
    pub(super) fn between(&self, from: SystemTime, to: SystemTime) -> Vec<T> {
        let is_start = |entry: &Entry<T>| entry.is_key && entry.wall <= from;
        let start = self.entries.iter().rposition(is_start).unwrap_or(0);
        let chosen = self.entries.iter().skip(start).take_while(|entry| entry.wall <= to);
        chosen.map(|entry| entry.item.clone()).collect()
    }

    /// What comes next has nothing to do with what is here: it counts from its first key item on.
    pub(super) const fn break_off(&mut self) {
        self.is_broken = true;
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.stats.bytes = 0;
    }

    /// When the newest item arrived.
    pub(super) fn newest(&self) -> Option<SystemTime> {
        self.entries.back().map(|entry| entry.wall)
    }

    pub(super) fn stats(&self) -> RingStats {
        let ends = self.entries.front().zip(self.entries.back());
        let span = ends.and_then(|(first, last)| last.wall.duration_since(first.wall).ok()).unwrap_or_default();
        RingStats { items: self.entries.len(), span, ..self.stats }
    }

    fn is_over_bytes(&self) -> bool {
        self.stats.bytes > self.limits.bytes
    }

    /// Whether the seconds before `newest` are covered without the oldest group.
    fn is_over_span(&self, newest: SystemTime) -> bool {
        let next_group = self.entries.iter().skip(1).find(|entry| entry.is_key);
        let distance = next_group.and_then(|entry| newest.duration_since(entry.wall).ok());
        distance.is_some_and(|distance| distance >= self.limits.span)
    }

    fn drop_group(&mut self) {
        while let Some(entry) = self.entries.pop_front() {
            self.stats.bytes -= entry.bytes;
            if self.entries.front().is_none_or(|next| next.is_key) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: RingLimits = RingLimits { bytes: 20_000, span: Duration::from_secs(4) };

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    /// Ten items a second, a key item each second.
    fn filled(seconds: u64, bytes: usize) -> TimedRing<u64> {
        let mut ring = TimedRing::new(LIMITS);
        (0..seconds * 10).for_each(|index| ring.push(index, at(index * 100), bytes, index % 10 == 0));
        ring
    }

    #[test]
    fn the_last_seconds_are_held_from_a_key_item_on() {
        let ring = filled(20, 10);
        let held = ring.between(at(0), at(u64::MAX >> 20));
        assert_eq!((held[0], held.last().copied()), (150, Some(199)));
        assert_eq!(ring.between(at(17_550), at(18_200)), (170..=182).collect::<Vec<_>>());
        assert_eq!(ring.stats().span, Duration::from_millis(4_900));
    }

    #[test]
    fn too_many_bytes_take_the_oldest_group() {
        let ring = filled(20, 1_000 - ITEM_OVERHEAD_BYTES);
        assert_eq!((ring.stats().items, ring.stats().bytes), (20, 20_000));
        assert_eq!(ring.between(at(0), at(50_000))[0], 180);
    }

    #[test]
    fn a_group_that_is_too_large_empties_the_ring_until_the_next_key_item() {
        let mut ring = TimedRing::new(LIMITS);
        ring.push(0, at(0), 15_000, true);
        ring.push(1, at(100), 15_000, false);
        ring.push(2, at(200), 10, false);
        assert_eq!((ring.stats().items, ring.stats().bytes, ring.stats().without_key), (0, 0, 1));
        ring.push(3, at(300), 10, true);
        assert_eq!(ring.between(at(0), at(400)), [3]);
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_comes(items in prop::collection::vec((0_u64..60_000, 0_usize..9_000, any::<bool>()), 0..200)) {
            let mut ring = TimedRing::new(LIMITS);
            for (index, (ms, bytes, is_key)) in items.into_iter().enumerate() {
                ring.push(index, at(ms), bytes, is_key);
                let sum: usize = ring.entries.iter().map(|entry| entry.bytes).sum();
                prop_assert_eq!(ring.stats.bytes, sum);
                prop_assert!(sum <= LIMITS.bytes);
                prop_assert!(ring.entries.front().is_none_or(|entry| entry.is_key));
            }
        }
    }
}
