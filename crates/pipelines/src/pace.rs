//! How fast a stream's frames come, and how long each of them may take.

use std::time::{Duration, Instant};

/// The pace of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    /// What the client asked for.
    asked: Option<Duration>,
    last: Option<Instant>,
    /// The usual time between two frames, smoothed.
    interval: Option<Duration>,
}

/// While nothing is known of the pace: ten frames a second.
const DEADLINE_DEFAULT: Duration = Duration::from_millis(100);
/// No pace is taken to be faster than this, that of an ordinary camera: a client that sends each frame when the answer to the one
/// before has come would otherwise set itself a deadline that just fails.
const INTERVAL_MIN: Duration = Duration::from_millis(33);
/// A longer silence is a pause, not a pace.
const INTERVAL_MAX: Duration = Duration::from_secs(1);

impl Pace {
    /// Takes a deadline for every frame in place of the one that follows from the pace; none goes back to that.
    pub(crate) const fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.asked = deadline;
    }

    /// How long a frame may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.asked.or(self.interval).unwrap_or(DEADLINE_DEFAULT)
    }

    /// Takes note of a frame.
    pub(crate) fn arrived(&mut self, now: Instant) {
        let since = self.last.replace(now).map(|last| now.saturating_duration_since(last));
        let Some(gap) = since.filter(|gap| *gap <= INTERVAL_MAX) else { return };
        let smoothed = self.interval.map_or(gap, |interval| (interval * 9 + gap) / 10);
        self.interval = Some(smoothed.max(INTERVAL_MIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_is_what_was_asked_for_or_the_time_until_the_next_frame() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        assert_eq!(pace.deadline(), DEADLINE_DEFAULT);
        (0..200).for_each(|frame| pace.arrived(begin + Duration::from_millis(40) * frame));
        assert_eq!(pace.deadline().as_millis(), 40);
        pace.arrived(begin + Duration::from_secs(100));
        assert_eq!(pace.deadline().as_millis(), 40, "a pause is no pace");
        pace.set_deadline(Some(Duration::from_millis(7)));
        assert_eq!(pace.deadline().as_millis(), 7);
    }

    #[test]
    fn frames_all_at_once_leave_a_deadline_that_can_be_kept() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        (0..200).for_each(|_| pace.arrived(now));
        assert_eq!(pace.deadline(), INTERVAL_MIN);
    }
}
