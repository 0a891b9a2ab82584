//! What pools of one purpose count together. Pools come and go with slots and videos; their counts outlive them.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the pools of a server are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolPurpose {
    /// Decoded stills on their way into a batch.
    Picture,
    /// Frames that a video decoder runs ahead.
    Video,
    /// Inputs of a model's runs.
    Tensor,
    /// Results on their way from a run to whoever waits for them.
    Detections,
}

/// What all pools of one purpose have done since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolTotals {
    /// Buffers taken.
    pub takes: u64,
    /// Buffers taken beyond a pool's capacity.
    pub misses: u64,
    /// Takes that had to wait for a buffer to come back.
    pub waits: u64,
    /// Buffers that the living pools have room for, together.
    pub capacity: u64,
    /// Buffers out at present.
    pub in_use: u64,
    /// The most that were ever out at once.
    pub in_use_max: u64,
}

impl PoolPurpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Picture, Self::Video, Self::Tensor, Self::Detections];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Video => "video",
            Self::Tensor => "tensor",
            Self::Detections => "detections",
        }
    }

    /// What all its pools have done since the process began. The figures are read one after the other, not at one moment.
    pub fn totals(self) -> PoolTotals {
        let counters = self.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PoolTotals {
            takes: read(&counters.takes),
            misses: read(&counters.misses),
            waits: read(&counters.waits),
            capacity: read(&counters.capacity),
            in_use: read(&counters.in_use),
            in_use_max: read(&counters.in_use_max),
        }
    }

    fn counters(self) -> &'static Counters {
        static COUNTERS: [Counters; PoolPurpose::ALL.len()] = [const { Counters::new() }; PoolPurpose::ALL.len()];
        &COUNTERS[self as usize]
    }
}

/// One pool's part in the counts of its purpose. Whoever keeps a pool of something else than bytes holds one, too.
#[derive(Debug)]
pub struct PoolMeter {
    purpose: PoolPurpose,
    capacity: u64,
}

impl PoolMeter {
    /// The part of a pool that has room for `capacity` buffers, until it is dropped.
    pub fn new(purpose: PoolPurpose, capacity: usize) -> Self {
        let capacity = capacity as u64;
        purpose.counters().capacity.fetch_add(capacity, Ordering::Relaxed);
        Self { purpose, capacity }
    }

    /// A buffer was taken; `missed` where it went beyond the pool's capacity.
    pub fn take(&self, missed: bool) {
        let counters = self.purpose.counters();
        counters.takes.fetch_add(1, Ordering::Relaxed);
        counters.misses.fetch_add(u64::from(missed), Ordering::Relaxed);
        let in_use = counters.in_use.fetch_add(1, Ordering::Relaxed) + 1;
        counters.in_use_max.fetch_max(in_use, Ordering::Relaxed);
    }

    /// A buffer has come back.
    pub fn give(&self) {
        self.purpose.counters().in_use.fetch_sub(1, Ordering::Relaxed);
    }

    /// A take waits for a buffer to come back.
    pub fn wait(&self) {
        self.purpose.counters().waits.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for PoolMeter {
    fn drop(&mut self) {
        self.purpose.counters().capacity.fetch_sub(self.capacity, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Counters {
    takes: AtomicU64,
    misses: AtomicU64,
    waits: AtomicU64,
    capacity: AtomicU64,
    in_use: AtomicU64,
    in_use_max: AtomicU64,
}

impl Counters {
    const fn new() -> Self {
        Self {
            takes: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            capacity: AtomicU64::new(0),
            in_use: AtomicU64::new(0),
            in_use_max: AtomicU64::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_counts_for_its_purpose_and_takes_its_room_along() {
        let before = PoolPurpose::Detections.totals();
        let meter = PoolMeter::new(PoolPurpose::Detections, 3);
        meter.take(false);
        meter.take(true);
        meter.wait();
        meter.give();
        let during = PoolPurpose::Detections.totals();
        assert_eq!(
            (during.takes - before.takes, during.misses - before.misses, during.waits - before.waits),
            (2, 1, 1)
        );
        assert_eq!((during.capacity - before.capacity, during.in_use - before.in_use), (3, 1));
        assert!(during.in_use_max >= 2);
        meter.give();
        drop(meter);
        let after = PoolPurpose::Detections.totals();
        assert_eq!((after.capacity, after.in_use), (before.capacity, before.in_use));
    }
}
