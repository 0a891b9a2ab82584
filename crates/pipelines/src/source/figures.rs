//! What a source has done, in numbers: counted by its thread, read by whoever asks.

use super::SourceFault;
use std::collections::VecDeque;
use std::time::Duration;

/// What a source has done since it was started. Every frame that came is delivered, still, paced, overrun, or waits to be taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceFigures {
    /// Frames that the decoder gave.
    pub frames_in: u64,
    /// Frames that were taken.
    pub delivered: u64,
    /// Frames that a newer one displaced before they were taken.
    pub overrun: u64,
    /// Frames left out because nothing moved.
    pub still: u64,
    /// Frames left out because fewer were asked for.
    pub paced: u64,
    /// Times that it was opened again after it had been live.
    pub reconnects: u64,
    /// Faults by kind, in the order of [`SourceFault::ALL`].
    pub faults: [u64; SourceFault::ALL.len()],
    /// Times that the source's timestamps jumped while it was open.
    pub timestamp_jumps: u64,
    /// Frames a second that the decoder gave of late, over the present connection.
    pub frames_per_second: f64,
    /// Time since the last frame; none before the first.
    pub frame_age: Option<Duration>,
    /// How much longer than the quickest frame of late frames are on their way, smoothed, in milliseconds.
    pub delay_ms: f64,
    /// How far the source's clock has fallen behind this machine's since it was opened, in milliseconds; negative where it runs
    /// ahead.
    pub clock_offset_ms: f64,
    /// Bytes of one delivered frame.
    pub frame_bytes: u64,
    /// Bytes of frames that are out of the source's pool or idle in it.
    pub pool_bytes: u64,
    /// The decoder's child while there is one, for figures of its memory and time.
    pub process_id: Option<u32>,
}

impl SourceFigures {
    /// How often this fault was met.
    pub const fn fault_count(&self, fault: SourceFault) -> u64 {
        self.faults[fault.index()]
    }
}

/// Frames a second over the last few frames; falls by itself when none come.
#[derive(Clone, Debug, Default)]
pub(super) struct RateMeter {
    /// Arrivals, oldest first; at most [`ARRIVALS_MAX`].
    arrivals: VecDeque<Duration>,
}

const ARRIVALS_MAX: usize = 32;
/// A connection may begin with a few frames at once: less than this tells no rate.
const SPAN_MIN_S: f64 = 0.2;

impl RateMeter {
    pub(super) fn arrived(&mut self, now: Duration) {
        if self.arrivals.len() == ARRIVALS_MAX {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
    }

    /// The rate as seen at `now`: intervals that ended, over the time that they and the present silence took. An ordinary wait for the
    /// next frame is no silence.
    pub(super) fn per_second(&self, now: Duration) -> f64 {
        let (Some(first), Some(last)) = (self.arrivals.front(), self.arrivals.back()) else { return 0.0 };
        let intervals = (self.arrivals.len() - 1) as f64;
        let span = last.saturating_sub(*first).as_secs_f64();
        let silence = now.saturating_sub(*last).as_secs_f64();
        let waiting = if silence * intervals > 2.0 * span { silence } else { 0.0 };
        if span + waiting < SPAN_MIN_S { 0.0 } else { intervals / (span + waiting) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_late_and_falls_when_nothing_comes() {
        let mut meter = RateMeter::default();
        assert!(meter.per_second(Duration::ZERO).abs() < 1e-9);
        (0..100).for_each(|n| meter.arrived(Duration::from_millis(n * 100)));
        assert!((meter.per_second(Duration::from_millis(9_950)) - 10.0).abs() < 1e-6);
        assert!(meter.per_second(Duration::from_secs(60)) < 1.0);
        let mut burst = RateMeter::default();
        (0..4).for_each(|n| burst.arrived(Duration::from_micros(n)));
        assert!(burst.per_second(Duration::from_millis(1)) < 1e-9, "a burst is no rate");
    }
}
