//! The one clock of the runtime, monotonic: the pure scheduler is told moments of it. Tests have one that moves by hand.

use samovar_schedule::Moment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Tells the time as the scheduler's moments. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

/// The hand that moves a clock of [`Clock::manual`]. Clones move the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    /// Nanoseconds since the start.
    now: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum Source {
    /// The machine's monotonic clock, since `origin`.
    Machine { origin: Instant },
    /// Whatever the hand says.
    Manual(ManualClock),
}

impl Clock {
    /// The machine's clock, starting now.
    pub fn start() -> Self {
        Self { source: Source::Machine { origin: Instant::now() } }
    }

    /// A clock that stands still until its hand moves it, for tests in virtual time. It starts a day after its origin, so that
    /// instants that have passed keep their distance.
    pub fn manual() -> (Self, ManualClock) {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let hand = ManualClock { now: Arc::new(AtomicU64::new(Moment::from_duration(DAY).0)) };
        (Self { source: Source::Manual(hand.clone()) }, hand)
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        match &self.source {
            Source::Machine { origin } => Moment::from_duration(origin.elapsed()),
            Source::Manual(hand) => hand.now(),
        }
    }

    /// The moment of `instant`. On a clock that moves by hand: as far from its present as `instant` is from the machine's.
    /// Instants before the start count as the start.
    pub fn at(&self, instant: Instant) -> Moment {
        match &self.source {
            Source::Machine { origin } => Moment::from_duration(instant.saturating_duration_since(*origin)),
            Source::Manual(hand) => {
                let present = Instant::now();
                let passed = Moment::from_duration(present.saturating_duration_since(instant));
                Moment(hand.now().0.saturating_sub(passed.0)) + instant.saturating_duration_since(present)
            }
        }
    }

    /// How long from now until `moment`; zero when it has passed.
    pub fn until(&self, moment: Moment) -> Duration {
        moment.saturating_since(self.now())
    }

    /// How long a thread that waits for `moment` may sleep before it looks at the clock again. A clock that is moved by hand wakes
    /// nobody: there it is short.
    pub(crate) fn sleep_until(&self, moment: Moment) -> Duration {
        const LOOK_EVERY: Duration = Duration::from_millis(2);
        match &self.source {
            Source::Machine { .. } => self.until(moment),
            Source::Manual(_) => self.until(moment).min(LOOK_EVERY),
        }
    }

    /// How long it is since `moment`; zero when it is still to come.
    pub fn since(&self, moment: Moment) -> Duration {
        self.now().saturating_since(moment)
    }
}

impl ManualClock {
    /// Moves the clock on.
    pub fn advance(&self, time: Duration) {
        self.now.fetch_add(Moment::from_duration(time).0, Ordering::AcqRel);
    }

    fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_by_hand_alone() {
        let (clock, hand) = Clock::manual();
        let began = clock.now();
        assert_eq!(clock.now(), began);
        hand.advance(Duration::from_millis(40));
        hand.clone().advance(Duration::from_millis(2));
        assert_eq!(clock.clone().since(began), Duration::from_millis(42), "clones share the time");
        assert_eq!(clock.until(began), Duration::ZERO);
    }

    #[test]
    fn instants_keep_their_side_of_the_present_on_both_clocks() {
        let hour = Duration::from_secs(3600);
        for clock in [Clock::start(), Clock::manual().0] {
            let now = clock.now();
            assert!(clock.at(Instant::now() + hour) > now);
            assert!(clock.until(clock.at(Instant::now() + hour)) <= hour);
        }
        let (clock, _hand) = Clock::manual();
        let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert!(clock.at(past) < clock.now());
    }
}
