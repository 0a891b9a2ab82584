//! A point in time that the caller supplies: nanoseconds since an origin of the caller's choice.
//!
//! `std::time::Instant` cannot be made out of a number, so it cannot be used in virtual time. A `Moment` can.

use std::ops::Add;
use std::time::Duration;

/// Nanoseconds since the caller's origin. Sums saturate; 64 bits hold 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// The origin itself.
    pub const ZERO: Self = Self(0);
    /// Later than everything: stands for "no deadline" in orders.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The moment `since_origin` after the origin.
    pub fn from_duration(since_origin: Duration) -> Self {
        Self(nanoseconds(since_origin))
    }

    /// The time from `earlier` to here, zero where `earlier` is in fact later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(span)))
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_differences_saturate() {
        let moment = Moment::from_duration(Duration::from_millis(3));
        assert_eq!(moment + Duration::from_nanos(1), Moment(3_000_001));
        assert_eq!(moment + Duration::MAX, Moment::NEVER);
        assert_eq!(moment.saturating_since(Moment(1_000_000)), Duration::from_millis(2));
        assert_eq!(Moment::ZERO.saturating_since(moment), Duration::ZERO);
    }
}
