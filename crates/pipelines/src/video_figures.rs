//! Where the time of a recorded video went, and how full its queue was.

use samovar_media::PoolStats;
use samovar_runtime::Timings;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Where the time of a recorded video went so far, summed over its frames, and how full its queue was.
///
/// Prepare, infer and finish are the wall time of a thread that does nothing else, which is its CPU time unless others take its core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoFigures {
    /// Frames that have their result.
    pub frames: u64,
    /// From the start to now, or to the last frame.
    pub elapsed: Duration,
    /// CPU time of the decoder's child; none where the system does not tell.
    pub decode_cpu: Option<Duration>,
    /// Waiting for the decoder to give a frame: high where decoding holds the video up.
    pub decode_wait: Duration,
    /// The decoder's frames waiting for a place in the queue: high where the model holds the video up.
    pub queue_wait: Duration,
    /// In the queue until a slot took the frame, summed over frames.
    pub queued: Duration,
    /// Letterbox, colour and normalisation into the batch.
    pub prepare: Duration,
    /// The engine's runs; a frame has its share of the run's rows.
    pub infer: Duration,
    /// From the outputs to detections.
    pub finish: Duration,
    /// Rows of the largest batch that a frame of the video was in.
    pub batch_rows_max: usize,
    /// Frames in flight at most, as its bounds have it.
    pub in_flight_limit: usize,
    /// The most that ever were.
    pub in_flight_max: usize,
    /// The lists of detections: one for each frame in flight and the one in hand.
    pub detections: PoolStats,
}

impl VideoFigures {
    /// Adds one frame's times.
    pub(crate) fn add(&mut self, timings: &Timings) {
        self.frames += 1;
        self.queued += timings.queued;
        self.prepare += timings.wrote;
        self.infer += timings.ran / u32::try_from(timings.batch_rows.max(1)).unwrap_or(u32::MAX);
        self.finish += timings.read;
        self.batch_rows_max = self.batch_rows_max.max(timings.batch_rows);
    }
}

/// What the feeder of a video counts, read by whoever takes its results.
#[derive(Debug, Default)]
pub(crate) struct FeedCounts {
    decode_wait_ns: AtomicU64,
    queue_wait_ns: AtomicU64,
    decode_cpu_ns: AtomicU64,
    in_flight: AtomicUsize,
    in_flight_max: AtomicUsize,
}

impl FeedCounts {
    pub(crate) fn add_decode_wait(&self, waited: Duration) {
        self.decode_wait_ns.fetch_add(nanos(waited), Ordering::Relaxed);
    }

    pub(crate) fn add_queue_wait(&self, waited: Duration) {
        self.queue_wait_ns.fetch_add(nanos(waited), Ordering::Relaxed);
    }

    /// Notes the CPU time that the child has taken so far.
    pub(crate) fn set_decode_cpu(&self, taken: Duration) {
        self.decode_cpu_ns.store(nanos(taken), Ordering::Relaxed);
    }

    /// A frame goes in flight.
    pub(crate) fn enter(&self) {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.in_flight_max.fetch_max(now, Ordering::Relaxed);
    }

    /// A frame has its result, or was let go.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Writes what was counted into `figures`.
    pub(crate) fn tell(&self, figures: &mut VideoFigures) {
        let duration = |ns: &AtomicU64| Duration::from_nanos(ns.load(Ordering::Relaxed));
        figures.decode_wait = duration(&self.decode_wait_ns);
        figures.queue_wait = duration(&self.queue_wait_ns);
        figures.decode_cpu = Some(duration(&self.decode_cpu_ns)).filter(|cpu| !cpu.is_zero());
        figures.in_flight_max = self.in_flight_max.load(Ordering::Relaxed);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_share_of_its_batch() {
        let ms = Duration::from_millis;
        let mut figures = VideoFigures::default();
        figures.add(&Timings { queued: ms(1), wrote: ms(2), ran: ms(40), read: ms(3), batch_rows: 4 });
        figures.add(&Timings { queued: ms(1), wrote: ms(2), ran: ms(10), read: ms(3), batch_rows: 1 });
        assert_eq!((figures.frames, figures.infer, figures.prepare, figures.finish), (2, ms(20), ms(4), ms(6)));
        assert_eq!(figures.batch_rows_max, 4);
    }

    #[test]
    fn the_most_in_flight_is_remembered() {
        let counts = FeedCounts::default();
        (0..3).for_each(|_| counts.enter());
        (0..3).for_each(|_| counts.leave());
        counts.enter();
        let mut figures = VideoFigures::default();
        counts.tell(&mut figures);
        assert_eq!((figures.in_flight_max, figures.decode_cpu), (3, None));
    }
}
