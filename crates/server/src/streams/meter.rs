//! How one stream is doing: frames in and out, what was dropped and why, how long answers took.

use super::figures::StreamFigures;
use super::latencies::Latencies;
use super::rate::Rate;
use parking_lot::Mutex;
use samovar_runtime::Timings;
use std::time::{Duration, Instant};

/// How one stream is doing. Its lock is the stream's own and held for a few additions.
#[derive(Debug)]
pub(crate) struct StreamMeter {
    since: Instant,
    counts: Mutex<Counts>,
}

/// Why frames were not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// Newer ones took their place, or they waited too long.
    Overloaded,
    /// They came before the models were warm.
    NotReady,
    /// Nothing moved.
    Still,
    /// More came than the stream is to look at.
    Paced,
}

impl DropReason {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Overloaded, Self::NotReady, Self::Still, Self::Paced];

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::NotReady => "not_ready",
            Self::Still => "still",
            Self::Paced => "paced",
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Counts {
    figures: StreamFigures,
    frames_in: Rate,
    results: Rate,
    latencies: Latencies,
    queued: Mean,
    ran: Mean,
    event_at: Option<Instant>,
}

/// A mean that forgets: a new value counts one in 32, earlier ones ever less.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    value_s: f64,
    count: u32,
}

impl Default for StreamMeter {
    fn default() -> Self {
        Self { since: Instant::now(), counts: Mutex::default() }
    }
}

impl StreamMeter {
    /// A frame came.
    pub(crate) fn came(&self, bytes: usize) {
        let at = self.since.elapsed();
        let mut counts = self.counts.lock();
        counts.figures.frames_in += 1;
        counts.figures.bytes_in += bytes as u64;
        counts.frames_in.add(at);
    }

    /// So many frames came of which nothing was kept.
    pub(crate) fn passed_by(&self, count: u64) {
        let at = self.since.elapsed();
        let mut counts = self.counts.lock();
        counts.figures.frames_in += count;
        counts.frames_in.add_many(at, count);
    }

    /// A frame was looked at; `latency` is from its arrival to its result.
    pub(crate) fn answered(&self, latency: Duration, timings: &Timings) {
        let at = self.since.elapsed();
        let mut counts = self.counts.lock();
        counts.figures.results += 1;
        counts.results.add(at);
        counts.latencies.add(latency);
        counts.queued.add(timings.queued);
        counts.ran.add(timings.ran);
    }

    /// Something was heard and told as text; `latency` is from the end of its sound.
    pub(crate) fn heard(&self, latency: Duration) {
        let at = self.since.elapsed();
        let mut counts = self.counts.lock();
        counts.figures.results += 1;
        counts.results.add(at);
        counts.latencies.add(latency);
    }

    /// So many frames were not looked at.
    pub(crate) fn dropped(&self, reason: DropReason, count: u64) {
        let dropped = &mut self.counts.lock().figures.dropped;
        *match reason {
            DropReason::Overloaded => &mut dropped.overloaded,
            DropReason::NotReady => &mut dropped.not_ready,
            DropReason::Still => &mut dropped.still,
            DropReason::Paced => &mut dropped.paced,
        } += count;
    }

    /// A frame could not be looked at.
    pub(crate) fn failed(&self) {
        self.counts.lock().figures.errors += 1;
    }

    /// So many bytes went to whoever opened the stream.
    pub(crate) fn sent(&self, bytes: usize) {
        self.counts.lock().figures.bytes_out += bytes as u64;
    }

    /// Something happened that is worth an event.
    pub(super) fn event(&self, name: &'static str) {
        let mut counts = self.counts.lock();
        counts.figures.events += 1;
        counts.figures.last_event = Some(name);
        counts.event_at = Some(Instant::now());
    }

    /// All of it as of now.
    pub(crate) fn figures(&self) -> StreamFigures {
        let at = self.since.elapsed();
        let mut counts = self.counts.lock();
        let counts = &mut *counts;
        StreamFigures {
            open: at,
            fps_in: counts.frames_in.per_s(at),
            fps: counts.results.per_s(at),
            latency_p50: counts.latencies.within(0.5),
            latency_p99: counts.latencies.within(0.99),
            queued: counts.queued.get(),
            ran: counts.ran.get(),
            last_event_ago: counts.event_at.map(|event| event.elapsed()),
            ..counts.figures.clone()
        }
    }
}

impl Mean {
    /// The first values count alike.
    const WINDOW: u32 = 32;

    fn add(&mut self, time: Duration) {
        self.count = (self.count + 1).min(Self::WINDOW);
        self.value_s += (time.as_secs_f64() - self.value_s) / f64::from(self.count);
    }

    fn get(self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_secs_f64(self.value_s.max(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_where_it_belongs() {
        let meter = StreamMeter::default();
        let timings = Timings { queued: Duration::from_millis(2), ran: Duration::from_millis(8), ..Timings::default() };
        for _ in 0..10 {
            meter.came(100);
        }
        for _ in 0..4 {
            meter.answered(Duration::from_millis(20), &timings);
        }
        meter.dropped(DropReason::Overloaded, 3);
        meter.dropped(DropReason::Still, 2);
        meter.failed();
        meter.event("anomaly.started");
        let figures = meter.figures();
        assert_eq!((figures.frames_in, figures.bytes_in, figures.results, figures.errors), (10, 1_000, 4, 1));
        assert_eq!((figures.dropped.overloaded, figures.dropped.still, figures.dropped.not_ready), (3, 2, 0));
        assert_eq!((figures.events, figures.last_event), (1, Some("anomaly.started")));
        assert_eq!((figures.queued, figures.ran), (Some(timings.queued), Some(timings.ran)));
        assert!(figures.latency_p50.unwrap() >= Duration::from_millis(20));
    }
}
