//! A class's reserved share of the device: how much others were given while it waited, and when its turn is due.

use std::time::Duration;

/// Whatever is told, everything costs something.
const COST_MIN: Duration = Duration::from_micros(1);

/// What a class has had to watch.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// The time of cores of batches without its work since it began to wait, or had its last turn.
    passed_over: Duration,
}

impl Share {
    /// Whether it is worth to look what its next work costs.
    pub(crate) const fn may_be_due(&self, one_in: u32) -> bool {
        one_in == 1 || (one_in > 1 && !self.passed_over.is_zero())
    }

    /// For how much its batch is overdue that begins with work of this `cost`, where one part in `one_in` of the time is reserved; none
    /// where it is not due, or nothing is reserved. What is dear comes as much more rarely; still a class does not wait until it gives
    /// up: it is due after half its `patience` at the latest.
    pub(crate) fn overdue(&self, one_in: u32, cost: Duration, patience: Duration) -> Option<Duration> {
        let others = one_in.checked_sub(1)?;
        let due = cost.max(COST_MIN).saturating_mul(others).min(patience / 2);
        self.passed_over.checked_sub(due)
    }

    /// A batch of that `cost` went before it.
    pub(crate) fn pass_over(&mut self, cost: Duration) {
        self.passed_over = self.passed_over.saturating_add(cost.max(COST_MIN));
    }

    /// It had its turn, or nothing of it waits.
    pub(crate) fn reset(&mut self) {
        self.passed_over = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn after(passed_ms: u64) -> Share {
        Share { passed_over: ms(passed_ms) }
    }

    #[test]
    fn work_is_due_when_others_had_their_parts_of_the_time() {
        assert_eq!(after(89).overdue(10, ms(10), LONG), None);
        assert_eq!(after(95).overdue(10, ms(10), LONG), Some(ms(5)));
        assert_eq!(after(95).overdue(10, ms(100), LONG), None);
        assert_eq!(after(0).overdue(1, ms(100), LONG), Some(ms(0)), "every turn");
        assert_eq!(after(10_000).overdue(0, ms(1), LONG), None, "nothing is reserved");
    }

    #[test]
    fn nobody_waits_until_it_gives_up_and_nothing_is_free() {
        assert_eq!(after(5_000).overdue(10, ms(9_000), ms(10_000)), Some(ms(0)));
        let mut share = Share::default();
        (0..9).for_each(|_| share.pass_over(Duration::ZERO));
        assert_eq!(share.overdue(10, Duration::ZERO, LONG), Some(Duration::ZERO));
        share.reset();
        assert_eq!(share.overdue(10, Duration::ZERO, LONG), None);
    }
}
