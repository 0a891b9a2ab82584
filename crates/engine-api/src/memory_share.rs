//! How much of a card's memory may be used.

use std::num::NonZeroU16;

/// A share of a card's memory, in thousandths: more than nothing, all of it at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemoryShare(NonZeroU16);

impl MemoryShare {
    /// A fraction above 0 and up to 1, rounded up to thousandths; none for any other number.
    pub fn from_fraction(fraction: f64) -> Option<Self> {
        let thousandths = (fraction * 1000.0).ceil();
        let is_share = fraction > 0.0 && fraction <= 1.0;
        NonZeroU16::new(if is_share { thousandths as u16 } else { 0 }).map(Self)
    }

    /// The bytes that it is of so many.
    pub fn of(self, total_bytes: u64) -> u64 {
        (u128::from(total_bytes) * u128::from(self.0.get()) / 1000) as u64
    }
}

impl std::fmt::Display for MemoryShare {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", f64::from(self.0.get()) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_above_nothing_and_at_most_everything() {
        let share = |fraction| MemoryShare::from_fraction(fraction).map(|share| share.of(8_000));
        assert_eq!([share(0.5), share(1.0), share(0.0001)], [Some(4_000), Some(8_000), Some(8)]);
        assert_eq!([share(0.0), share(-0.5), share(1.01), share(f64::NAN)], [None; 4]);
        let all = MemoryShare::from_fraction(1.0).map(|share| share.of(u64::MAX));
        assert_eq!(all, Some(u64::MAX));
        assert_eq!(MemoryShare::from_fraction(0.5).map(|share| share.to_string()).as_deref(), Some("0.5"));
    }
}
