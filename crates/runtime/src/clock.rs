//! The one clock of the runtime, monotonic: the pure scheduler is told moments of it.

use samovar_schedule::Moment;
use std::time::{Duration, Instant};

/// Turns the machine's monotonic clock into the scheduler's moments.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.at(Instant::now())
    }

    /// The moment of `instant`; instants before the start count as the start.
    pub fn at(&self, instant: Instant) -> Moment {
        Moment::from_duration(instant.saturating_duration_since(self.origin))
    }

    /// How long from now until `moment`; zero when it has passed.
    pub fn until(&self, moment: Moment) -> Duration {
        moment.saturating_since(self.now())
    }
}
