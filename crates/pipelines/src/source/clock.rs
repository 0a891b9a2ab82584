//! The camera's clock against ours: times of frames that never go back, whatever the camera's timestamps do.
//!
//! Two times are told of a frame. `time` follows the source's own timestamps, so that speeds measured along it are true, goes on
//! over reconnects and heals jumps. `wall` is when the picture was taken by this machine's wall clock: its arrival less what the
//! network held it back. What a frame needed at least on its way cannot be known from here and counts as zero.
//!
//! The *lag* of a frame is its arrival on the monotonic clock less its `time`. The smallest lag of late is the floor: frames at
//! the floor came without delay, what is above it is delay. The floor falls at once and rises slowly, which follows clocks that
//! drift apart (up to [`DRIFT_MAX`]) and leaves the jitter out.

use std::time::{Duration, SystemTime};

/// Tells the times of one source's frames. Pure: the clocks are arguments.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceClock {
    last: Option<Last>,
    /// What is added to a timestamp to give the stream's time, in seconds. May be negative.
    base_s: f64,
    /// The smallest lag of late, in seconds.
    floor_s: f64,
    /// The floor once it had settled after the timestamps were last put on the stream's time.
    floor_began_s: f64,
    /// Until when it settles: the first frames of a connection come late, since the decoder has waited to know the source.
    settled_at: Duration,
    /// Smoothed delay, in seconds.
    delay_s: f64,
    jump_count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    time: Duration,
    now: Duration,
}

/// The times of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Since the source's first frame ever; rises strictly.
    pub time: Duration,
    /// When the picture was taken, by this machine's wall clock.
    pub wall: SystemTime,
}

/// A timestamp this far ahead of our clock, beyond the floor, is a jump: nothing can arrive before it was taken.
const AHEAD_MAX_S: f64 = 1.0;
/// A frame that would have been on its way for longer is a jump back of the timestamps.
const BEHIND_MAX_S: f64 = 15.0;
/// How fast the floor may rise, in seconds a second: cameras' clocks are off by some 100 millionths.
const DRIFT_MAX: f64 = 0.001;
/// How long the floor settles.
const SETTLING: Duration = Duration::from_secs(5);
/// Frames of one time are told apart by this.
const STEP_MIN: Duration = Duration::from_micros(1);

impl SourceClock {
    /// The source was opened again: its next timestamp has nothing to do with the last.
    pub(super) fn reopen(&mut self, now: Duration) {
        if let Some(last) = self.last {
            self.last = Some(Last { time: last.time + now.saturating_sub(last.now), now });
            self.base_s = f64::NAN;
        }
    }

    /// The times of the frame with this timestamp, which arrived at `now` (monotonic) and `wall`.
    pub(super) fn stamp(&mut self, timestamp: Duration, now: Duration, wall: SystemTime) -> Stamp {
        let Some(last) = self.last else { return self.begin(timestamp, now, wall) };
        let since = now.saturating_sub(last.now).as_secs_f64();
        self.floor_s += since * DRIFT_MAX;
        let mut lag_s = now.as_secs_f64() - (timestamp.as_secs_f64() + self.base_s);
        let jumped = lag_s < self.floor_s - AHEAD_MAX_S || lag_s > self.floor_s + BEHIND_MAX_S;
        if lag_s.is_nan() || jumped || self.time_of(timestamp) < last.time.as_secs_f64() {
            self.jump_count += u64::from(!lag_s.is_nan());
            lag_s = self.put_on(timestamp, last, now);
        }
        self.floor_s = self.floor_s.min(lag_s);
        if now < self.settled_at {
            self.floor_began_s = self.floor_s;
        }
        let delay_s = lag_s - self.floor_s;
        self.delay_s += (delay_s - self.delay_s) * 0.1;
        let time = seconds(self.time_of(timestamp)).max(last.time + STEP_MIN);
        self.last = Some(Last { time, now });
        Stamp { time, wall: wall.checked_sub(seconds(delay_s)).unwrap_or(wall) }
    }

    /// Smoothed time that frames are held back beyond the quickest of late, in milliseconds.
    pub(super) fn delay_ms(&self) -> f64 {
        self.delay_s * 1e3
    }

    /// How far the camera's clock has fallen behind ours since it was last put right, in milliseconds; negative where it runs ahead.
    pub(super) fn offset_ms(&self) -> f64 {
        (self.floor_s - self.floor_began_s) * 1e3
    }

    /// How often the timestamps jumped while the source was open.
    pub(super) const fn jump_count(&self) -> u64 {
        self.jump_count
    }

    fn begin(&mut self, timestamp: Duration, now: Duration, wall: SystemTime) -> Stamp {
        self.base_s = -timestamp.as_secs_f64();
        self.settle(now.as_secs_f64(), now);
        self.last = Some(Last { time: Duration::ZERO, now });
        Stamp { time: Duration::ZERO, wall }
    }

    /// Puts the timestamps on the stream's time anew: this frame comes as long after the last as it arrived after it. Returns its lag,
    /// which is the floor again.
    fn put_on(&mut self, timestamp: Duration, last: Last, now: Duration) -> f64 {
        let time = last.time + now.saturating_sub(last.now);
        self.base_s = time.as_secs_f64() - timestamp.as_secs_f64();
        let lag_s = now.as_secs_f64() - time.as_secs_f64();
        self.settle(lag_s, now);
        lag_s
    }

    fn settle(&mut self, lag_s: f64, now: Duration) {
        (self.floor_s, self.floor_began_s, self.settled_at) = (lag_s, lag_s, now + SETTLING);
    }

    fn time_of(&self, timestamp: Duration) -> f64 {
        timestamp.as_secs_f64() + self.base_s
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// Frames by (timestamp, arrival) in milliseconds; the wall clock shows the arrival.
    fn stamps(clock: &mut SourceClock, frames: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let stamp = |&(timestamp, now): &(u64, u64)| {
            let stamp = clock.stamp(ms(timestamp), ms(now), EPOCH + ms(now));
            let wall = stamp.wall.duration_since(EPOCH).unwrap();
            ((stamp.time.as_secs_f64() * 1e3).round() as u64, (wall.as_secs_f64() * 1e3).round() as u64)
        };
        frames.iter().map(stamp).collect()
    }

    #[test]
    fn time_follows_the_camera_and_wall_leaves_the_jitter_out() {
        let mut clock = SourceClock::default();
        let told = stamps(&mut clock, &[(5_000, 9_000), (5_100, 9_160), (5_200, 9_200), (5_300, 9_340)]);
        assert_eq!(told, [(0, 9_000), (100, 9_100), (200, 9_200), (300, 9_300)]);
        assert!(clock.delay_ms() > 0.0 && clock.delay_ms() < 60.0);
        assert_eq!(clock.jump_count(), 0);
    }

    #[test]
    fn a_burst_after_a_hiccup_is_late_and_no_jump() {
        let mut clock = SourceClock::default();
        let told = stamps(&mut clock, &[(0, 0), (100, 5_000), (200, 5_001), (4_900, 5_002), (5_000, 5_010)]);
        assert_eq!(told, [(0, 0), (100, 105), (200, 205), (4_900, 4_905), (5_000, 5_005)], "5 ms of drift allowed");
        assert_eq!(clock.jump_count(), 0);
    }

    #[test]
    fn jumps_forth_back_and_resets_leave_the_time_even() {
        for jump in [0, 50, 900_000] {
            let mut clock = SourceClock::default();
            let before: Vec<_> = (0..10).map(|n| (200_000 + n * 100, n * 100)).collect();
            let after: Vec<_> = (10..20).map(|n| (jump + n * 100, n * 100)).collect();
            let told = stamps(&mut clock, &[before, after].concat());
            let times: Vec<_> = told.iter().map(|told| told.0).collect();
            assert_eq!(times, (0..20).map(|n| n * 100).collect::<Vec<_>>(), "jump to {jump}");
            assert_eq!(clock.jump_count(), 1);
        }
    }

    #[test]
    fn time_goes_on_over_a_reconnect_and_counts_the_gap() {
        let mut clock = SourceClock::default();
        stamps(&mut clock, &[(0, 0), (100, 100)]);
        clock.reopen(ms(30_000));
        let told = stamps(&mut clock, &[(0, 30_200), (100, 30_300)]);
        assert_eq!(told, [(30_200, 30_200), (30_300, 30_300)]);
        assert_eq!(clock.jump_count(), 0, "a reconnect is none");
    }

    #[test]
    fn a_first_frame_that_was_held_back_is_no_drift() {
        let mut clock = SourceClock::default();
        let frames: Vec<_> = (0..100).map(|n| (n * 100, (n * 100).max(700))).collect();
        stamps(&mut clock, &frames);
        assert!(clock.offset_ms().abs() < 5.0, "{}", clock.offset_ms());
    }

    #[test]
    fn equal_timestamps_still_rise() {
        let mut clock = SourceClock::default();
        let times: Vec<_> = (0..3).map(|now| clock.stamp(ms(40), ms(now), EPOCH).time).collect();
        assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
    }

    #[test]
    fn clocks_that_drift_apart_are_followed() {
        let mut clock = SourceClock::default();
        let mut last = (0, 0);
        // The camera loses 200 millionths for an hour: 720 ms.
        for n in 0..36_000_u64 {
            let now = n * 100;
            last = stamps(&mut clock, &[(now - now / 5_000, now)])[0];
        }
        assert_eq!(last.1, 3_599_900, "no delay is seen in it");
        assert!((clock.offset_ms() - 720.0).abs() < 5.0, "{}", clock.offset_ms());
        assert_eq!(clock.jump_count(), 0);
    }

    #[test]
    fn a_wall_clock_that_is_set_moves_wall_alone() {
        let mut clock = SourceClock::default();
        let day = Duration::from_secs(86_400);
        let before = clock.stamp(ms(0), ms(0), EPOCH + day);
        let back = clock.stamp(ms(100), ms(100), EPOCH);
        assert_eq!((back.time - before.time, back.wall), (ms(100), EPOCH));
    }
}
