//! Access units that wait for the child: bounded, and dropped so that what is left can be decoded. Pure.

use super::annex_b::UnitHead;
use crate::{MediaError, MediaErrorKind};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// One access unit.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) number: u64,
    pub(super) bytes: Bytes,
    pub(super) is_key: bool,
    /// The sequence parameter set, where it brings one.
    pub(super) sps: Option<Bytes>,
}

/// Bytes of parameter sets that wait for their access unit, at most; real ones have some hundred.
const SETS_BYTES_MAX: usize = 64 << 10;

/// The queue.
#[derive(Debug)]
pub(super) struct UnitQueue {
    waiting: VecDeque<Unit>,
    bytes: usize,
    units_max: usize,
    bytes_max: usize,
    /// Whether nothing can be decoded before the next key frame.
    needs_key: bool,
    /// Parameter sets that came alone, and go before the next access unit.
    sets: Bytes,
}

impl UnitQueue {
    pub(super) fn new(units_max: usize, bytes_max: usize) -> Self {
        let sets = Bytes::new();
        Self { waiting: VecDeque::new(), bytes: 0, units_max: units_max.max(1), bytes_max, needs_key: true, sets }
    }

    /// Takes one in. Tells the numbers of all that were dropped for it, its own included.
    pub(super) fn push(&mut self, number: u64, bytes: Bytes) -> Result<Vec<u64>, MediaError> {
        let sets = std::mem::take(&mut self.sets);
        if bytes.len() > self.bytes_max {
            self.needs_key = true;
            return Err(too_long());
        }
        let Some(alone) = UnitHead::read(&bytes) else {
            self.needs_key = true;
            let sentence = "these bytes are no access unit of H.264 in Annex B form; send one with its start codes";
            return Err(MediaError::new(MediaErrorKind::Corrupt, sentence));
        };
        let bytes = if sets.is_empty() { bytes } else { join(&sets, &bytes) };
        let bytes_max = if alone.has_picture { self.bytes_max } else { self.bytes_max.min(SETS_BYTES_MAX) };
        if bytes.len() > bytes_max {
            self.needs_key = true;
            return Err(too_long());
        }
        if !alone.has_picture {
            self.sets = bytes;
            return Ok(Vec::new());
        }
        let head = if sets.is_empty() { alone } else { UnitHead::read(&bytes).unwrap_or_default() };
        let sps = head.sps.map(|range| bytes.slice(range));
        Ok(self.take_in(Unit { number, is_key: head.is_key, sps, bytes }))
    }

    fn take_in(&mut self, unit: Unit) -> Vec<u64> {
        let mut dropped = Vec::new();
        while !self.waiting.is_empty()
            && (self.waiting.len() >= self.units_max || self.bytes + unit.bytes.len() > self.bytes_max)
        {
            self.drop_run(&mut dropped);
        }
        if self.needs_key && !unit.is_key {
            dropped.push(unit.number);
            return dropped;
        }
        self.needs_key = false;
        self.bytes += unit.bytes.len();
        self.waiting.push_back(unit);
        dropped
    }

    /// Drops the oldest and all that need it.
    fn drop_run(&mut self, dropped: &mut Vec<u64>) {
        while let Some(unit) = self.waiting.pop_front() {
            self.bytes -= unit.bytes.len();
            dropped.push(unit.number);
            if self.waiting.front().is_some_and(|next| next.is_key) {
                return;
            }
        }
        self.needs_key = true;
    }

    /// The oldest, which stays.
    pub(super) fn front(&self) -> Option<&Unit> {
        self.waiting.front()
    }

    pub(super) fn pop(&mut self) -> Option<Unit> {
        let unit = self.waiting.pop_front()?;
        self.bytes -= unit.bytes.len();
        Some(unit)
    }
}

fn too_long() -> MediaError {
    MediaError::new(MediaErrorKind::TooLarge, "the access unit is over the limit; encode it smaller")
}

fn join(sets: &[u8], unit: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(sets.len() + unit.len());
    bytes.extend_from_slice(sets);
    bytes.extend_from_slice(unit);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &[u8] = &[0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 0x88];
    const OTHER: &[u8] = &[0, 0, 1, 0x41, 0x9A, 0, 0, 0, 0, 0];

    fn push(queue: &mut UnitQueue, number: u64, bytes: &'static [u8]) -> Vec<u64> {
        queue.push(number, Bytes::from_static(bytes)).unwrap()
    }

    #[test]
    fn what_needs_a_dropped_one_is_dropped_too() {
        let mut queue = UnitQueue::new(4, 1_000);
        assert_eq!(push(&mut queue, 0, OTHER), [0]);
        for (number, bytes) in [(1, KEY), (2, OTHER), (3, KEY), (4, OTHER)] {
            assert!(push(&mut queue, number, bytes).is_empty());
        }
        assert_eq!(push(&mut queue, 5, OTHER), [1, 2]);
        assert!(push(&mut queue, 6, OTHER).is_empty());
        assert_eq!(push(&mut queue, 7, OTHER), [3, 4, 5, 6, 7]);
        assert_eq!(push(&mut queue, 8, OTHER), [8]);
        assert!(push(&mut queue, 9, KEY).is_empty());
        assert_eq!(queue.pop().unwrap().number, 9);
    }

    #[test]
    fn parameter_sets_that_come_alone_go_before_the_next() {
        let mut queue = UnitQueue::new(4, 1_000);
        assert!(push(&mut queue, 0, &[0, 0, 1, 0x67, 7]).is_empty());
        assert!(push(&mut queue, 1, &[0, 0, 1, 0x65, 0x88]).is_empty());
        let unit = queue.pop().unwrap();
        assert_eq!(
            (unit.number, &unit.bytes[..5], unit.sps.as_deref()),
            (1, &[0, 0, 1, 0x67, 7][..], Some(&[0x67, 7][..]))
        );
    }

    #[test]
    fn what_is_refused_breaks_the_run() {
        let mut queue = UnitQueue::new(4, 12);
        assert!(push(&mut queue, 0, KEY).is_empty());
        assert_eq!(queue.push(1, vec![0; 13].into()).unwrap_err().kind(), MediaErrorKind::TooLarge);
        assert_eq!(push(&mut queue, 2, OTHER), [0, 2]);
        assert!(push(&mut queue, 3, KEY).is_empty());
        queue.pop();
        assert_eq!(queue.push(4, Bytes::from_static(b"hello")).unwrap_err().kind(), MediaErrorKind::Corrupt);
        assert_eq!(push(&mut queue, 5, OTHER), [5]);
    }

    #[test]
    fn parameter_sets_without_end_are_refused_and_forgotten() {
        let mut queue = UnitQueue::new(4, 1 << 20);
        let mut set = vec![7; 1_000];
        set[..4].copy_from_slice(&[0, 0, 1, 0x67]);
        let pushed: Vec<_> = (0..100).map(|number| queue.push(number, set.clone().into())).collect();
        let refused = pushed.iter().position(Result::is_err).unwrap();
        assert_eq!(pushed[refused].as_ref().unwrap_err().kind(), MediaErrorKind::TooLarge);
        assert!(pushed[refused + 1].is_ok() && queue.sets.len() <= SETS_BYTES_MAX);
        assert!(push(&mut queue, 200, KEY).is_empty(), "and the stream goes on");
        assert!(push(&mut queue, 201, &[0, 0, 1, 0x68, 1]).is_empty());
        assert_eq!(queue.push(202, Bytes::from_static(b"hello")).unwrap_err().kind(), MediaErrorKind::Corrupt);
        assert!(queue.sets.is_empty(), "what is no access unit is not taken for more of them");
    }

    proptest! {
        #[test]
        fn what_comes_out_can_always_be_decoded(steps in prop::collection::vec((any::<bool>(), any::<bool>()), 1..200)) {
            let mut queue = UnitQueue::new(5, 64);
            let (mut expected, mut out) = (None, Vec::new());
            for (number, (is_key, pops)) in steps.into_iter().enumerate() {
                push(&mut queue, number as u64, if is_key { KEY } else { OTHER });
                prop_assert!(queue.waiting.len() <= 5 && queue.bytes <= 64);
                if pops { out.extend(queue.pop()); }
            }
            while let Some(unit) = queue.pop() { out.push(unit); }
            for unit in out {
                prop_assert!(unit.is_key || expected == Some(unit.number), "{}", unit.number);
                expected = Some(unit.number + 1);
            }
            prop_assert_eq!(queue.bytes, 0);
        }
    }
}
