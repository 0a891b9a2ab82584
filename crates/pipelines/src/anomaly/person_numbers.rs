//! Numbers for people: 1, 2, 3 in the order in which they are first told of.
//!
//! The tracker's own numbers have gaps, for it also counts boxes that it follows and drops before anybody hears of them.

use std::collections::BTreeMap;

/// The numbers of one stream's people.
#[derive(Clone, Debug, Default)]
pub(super) struct PersonNumbers {
    /// By the tracker's number: those that were told of and are not gone, so bounded by what the tracker holds.
    of_tracks: BTreeMap<u64, u64>,
    last: u64,
}

impl PersonNumbers {
    /// The number of whom the tracker tells of; never given to anybody else.
    pub(super) fn of(&mut self, track: u64) -> u64 {
        *self.of_tracks.entry(track).or_insert_with(|| {
            self.last += 1;
            self.last
        })
    }

    /// The number of a track that ended; none for one that was never told of.
    pub(super) fn forget(&mut self, track: u64) -> Option<u64> {
        self.of_tracks.remove(&track)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gaps_and_are_never_used_again() {
        let mut numbers = PersonNumbers::default();
        assert_eq!([7, 94, 7].map(|track| numbers.of(track)), [1, 2, 1]);
        assert_eq!((numbers.forget(7), numbers.forget(50)), (Some(1), None));
        assert_eq!([94, 101].map(|track| numbers.of(track)), [2, 3]);
    }
}
