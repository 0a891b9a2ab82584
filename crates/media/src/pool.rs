//! The pool that frame pixels live in: bounded bytes kept, counted hits and misses.
//!
//! A buffer goes back when its last reader drops it. The pool never blocks: whoever feeds it bounds the number of
//! frames in flight, and what is over `capacity` is simply not kept. A take beyond `capacity` is a miss: whoever made the
//! pool reckoned with fewer frames in flight than there are.
//!
//! Pools of one purpose come and go with slots and videos, so what they count together outlives them: [`PoolPurpose`].

use parking_lot::Mutex;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A shared pool of byte buffers.
#[derive(Clone, Debug)]
pub struct FramePool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Idle buffers kept at most.
    capacity: usize,
    purpose: Option<PoolPurpose>,
    /// Held only to move a buffer in or out, never while one is allocated or cleared.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Vec<u8>>,
    stats: PoolStats,
}

/// What a pool has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Idle buffers kept at most.
    pub capacity: usize,
    /// Buffers out at present.
    pub in_use: usize,
    /// The most that were ever out at once.
    pub in_use_max: usize,
    /// Buffers taken that came from the pool.
    pub hits: u64,
    /// Buffers taken that had to be allocated.
    pub allocations: u64,
    /// Buffers taken while `capacity` of them or more were out.
    pub misses: u64,
}

/// What the pools of a server are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolPurpose {
    /// Decoded stills on their way into a batch.
    Picture,
    /// Frames that a video decoder runs ahead.
    Video,
}

/// What all pools of one purpose have done since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolTotals {
    /// Buffers taken.
    pub takes: u64,
    /// Buffers taken beyond a pool's capacity.
    pub misses: u64,
}

impl PoolPurpose {
    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::Picture, Self::Video];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Video => "video",
        }
    }

    /// What all its pools have done since the process began.
    pub fn totals(self) -> PoolTotals {
        let totals = self.counted();
        PoolTotals { takes: totals.takes.load(Ordering::Relaxed), misses: totals.misses.load(Ordering::Relaxed) }
    }

    fn counted(self) -> &'static Totals {
        static TOTALS: [Totals; PoolPurpose::ALL.len()] = [const { Totals::new() }; PoolPurpose::ALL.len()];
        &TOTALS[self as usize]
    }
}

struct Totals {
    takes: AtomicU64,
    misses: AtomicU64,
}

impl Totals {
    const fn new() -> Self {
        Self { takes: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    fn count(&self, missed: bool) {
        self.takes.fetch_add(1, Ordering::Relaxed);
        self.misses.fetch_add(u64::from(missed), Ordering::Relaxed);
    }
}

impl FramePool {
    /// A pool that keeps at most `capacity` idle buffers and counts for itself alone.
    pub fn new(capacity: usize) -> Self {
        Self::make(capacity, None)
    }

    /// The same for a purpose whose pools are counted together.
    pub fn counted(purpose: PoolPurpose, capacity: usize) -> Self {
        Self::make(capacity, Some(purpose))
    }

    fn make(capacity: usize, purpose: Option<PoolPurpose>) -> Self {
        let state = State { idle: Vec::with_capacity(capacity), stats: PoolStats { capacity, ..PoolStats::default() } };
        Self { shared: Arc::new(Shared { capacity, purpose, state: Mutex::new(state) }) }
    }

    /// Takes a buffer of exactly `len` bytes; its content is unspecified.
    pub fn take(&self, len: usize) -> PooledBuffer {
        let (mut bytes, missed) = self.shared.state.lock().take(len);
        if let Some(purpose) = self.shared.purpose {
            purpose.counted().count(missed);
        }
        if bytes.capacity() < len {
            // Freed before its successor is allocated.
            drop(bytes);
            bytes = Vec::with_capacity(len);
        }
        bytes.resize(len, 0);
        PooledBuffer { bytes, pool: Arc::clone(&self.shared) }
    }

    /// What the pool has done since it was made.
    pub fn stats(&self) -> PoolStats {
        self.shared.state.lock().stats
    }
}

impl State {
    /// An idle buffer that is large enough; else one that is not, and gives way to one that is. Without that, a pool
    /// full of small buffers would never keep a larger one. Tells, too, whether it is out beyond the capacity.
    fn take(&mut self, len: usize) -> (Vec<u8>, bool) {
        let missed = self.stats.in_use >= self.stats.capacity;
        self.stats.misses += u64::from(missed);
        self.stats.in_use += 1;
        self.stats.in_use_max = self.stats.in_use_max.max(self.stats.in_use);
        if let Some(at) = self.idle.iter().rposition(|buffer| buffer.capacity() >= len) {
            self.stats.hits += 1;
            return (self.idle.swap_remove(at), missed);
        }
        self.stats.allocations += 1;
        (self.idle.pop().unwrap_or_default(), missed)
    }
}

/// Bytes that go back to their pool when dropped.
pub struct PooledBuffer {
    bytes: Vec<u8>,
    pool: Arc<Shared>,
}

// Pixels have no place in a log.
impl fmt::Debug for PooledBuffer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PooledBuffer({} bytes)", self.bytes.len())
    }
}

impl Deref for PooledBuffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let surplus = {
            let mut state = self.pool.state.lock();
            state.stats.in_use -= 1;
            if state.idle.len() < self.pool.capacity {
                state.idle.push(bytes);
                None
            } else {
                Some(bytes)
            }
        };
        drop(surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_taken_again() {
        let pool = FramePool::new(1);
        drop(pool.take(10));
        let again = pool.take(8);
        assert_eq!(again.len(), 8);
        let stats = PoolStats { capacity: 1, in_use: 1, in_use_max: 1, hits: 1, allocations: 1, misses: 0 };
        assert_eq!(pool.stats(), stats);
    }

    #[test]
    fn a_miss_is_a_take_beyond_the_capacity_and_counts_for_its_purpose() {
        let before = PoolPurpose::Video.totals();
        let pool = FramePool::counted(PoolPurpose::Video, 2);
        let kept = (pool.take(4), pool.take(400));
        assert_eq!((pool.stats().allocations, pool.stats().misses), (2, 0), "filling a pool is no miss");
        drop((pool.take(4), kept));
        drop(pool.take(4));
        assert_eq!(pool.stats().misses, 1);
        let after = PoolPurpose::Video.totals();
        assert!(after.takes >= before.takes + 4 && after.misses > before.misses);
    }

    #[test]
    fn no_more_than_the_capacity_is_kept() {
        let pool = FramePool::new(1);
        let (a, b) = (pool.take(4), pool.take(4));
        drop((a, b));
        assert_eq!(pool.stats().in_use, 0);
        let (_c, _d) = (pool.take(4), pool.take(4));
        assert_eq!(pool.stats().allocations, 3);
    }

    #[test]
    fn larger_buffers_take_the_place_of_smaller_ones() {
        let pool = FramePool::new(2);
        drop((pool.take(4), pool.take(4)));
        drop((pool.take(100), pool.take(100)));
        let _again = (pool.take(100), pool.take(100));
        assert_eq!((pool.stats().hits, pool.stats().allocations), (2, 4));
    }
}
