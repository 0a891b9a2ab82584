//! Times of the week, and whether it is one of them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Times of the week, local to the camera's `utc_offset_min`.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Minutes to add to UTC.
    pub utc_offset_min: i32,
    /// Spans of the week: (first minute, end minute), counted from Monday 00:00; end above first. A span that ends after
    /// [`Schedule::WEEK_MIN`] goes on into the next week: `(9_960, 10_440)` is Sunday 22:00 to Monday 06:00.
    pub spans: Vec<(u16, u16)>,
}

impl Schedule {
    /// Minutes of a week.
    pub const WEEK_MIN: u16 = 7 * 24 * 60;

    /// Whether `wall` is within one of the spans.
    pub fn holds(&self, wall: SystemTime) -> bool {
        let week = i64::from(Self::WEEK_MIN);
        // The epoch was a Thursday: three days after a Monday.
        let minute = (minutes_since_epoch(wall) + i64::from(self.utc_offset_min) + 3 * 24 * 60).rem_euclid(week);
        let within =
            |minute: i64| self.spans.iter().any(|&(first, end)| (i64::from(first)..i64::from(end)).contains(&minute));
        within(minute) || within(minute + week)
    }
}

fn minutes_since_epoch(wall: SystemTime) -> i64 {
    let minutes = |seconds: u64| i64::try_from(seconds / 60).unwrap_or(i64::MAX / 4);
    match wall.duration_since(UNIX_EPOCH) {
        Ok(since) => minutes(since.as_secs()),
        Err(before) => -minutes(before.duration().as_secs().saturating_add(59)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// 2026-11-23 00:00 UTC, a Monday.
    const MONDAY: u64 = 1_795_392_000;

    fn at(day: u64, hour: u64, minute: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(MONDAY + ((day * 24 + hour) * 60 + minute) * 60)
    }

    #[test]
    fn a_span_holds_from_its_first_minute_to_before_its_end() {
        let schedule = Schedule { utc_offset_min: 0, spans: vec![(8 * 60, 18 * 60)] };
        for (hour, minute, held) in [(7, 59, false), (8, 0, true), (17, 59, true), (18, 0, false)] {
            assert_eq!(schedule.holds(at(0, hour, minute)), held, "{hour}:{minute}");
        }
        assert!(!schedule.holds(at(1, 12, 0)), "Tuesday is not in it");
        assert!(schedule.holds(at(7, 12, 0)), "the next Monday is");
    }

    #[test]
    fn a_span_over_the_end_of_the_week_goes_on_on_monday() {
        let schedule = Schedule { utc_offset_min: 0, spans: vec![(9_960, 10_440)] };
        let held =
            [(6, 21, 59), (6, 22, 0), (7, 0, 0), (7, 5, 59), (7, 6, 0)].map(|(d, h, m)| schedule.holds(at(d, h, m)));
        assert_eq!(held, [false, true, true, true, false]);
    }

    #[test]
    fn the_offset_moves_the_week() {
        let schedule = Schedule { utc_offset_min: -90, spans: vec![(0, 60)] };
        assert!(!schedule.holds(at(0, 1, 29)) && schedule.holds(at(0, 1, 30)) && !schedule.holds(at(0, 2, 30)));
    }

    #[test]
    fn times_before_the_epoch_are_times_of_the_week_too() {
        let wednesday = Schedule { utc_offset_min: 0, spans: vec![(2 * 1_440, 3 * 1_440)] };
        assert!(wednesday.holds(UNIX_EPOCH - Duration::from_secs(1)) && !wednesday.holds(UNIX_EPOCH));
    }
}
