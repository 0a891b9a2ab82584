//! The pool that frame pixels live in: bounded bytes kept, counted hits and misses.
//!
//! A buffer goes back when its last reader drops it. A pool is of one of two kinds:
//!
//! - An open one never blocks: whoever feeds it bounds the number of frames in flight, and what is over `capacity` is
//!   simply not kept. A take beyond `capacity` is a miss: whoever made the pool reckoned with fewer frames in flight than
//!   there are.
//! - A bounded one lets [`take_unless`](FramePool::take_unless) wait until a buffer comes back. Then the pool itself is the
//!   bound: a decoder that finds none waits, then the pipe is full, then the child waits.
//!
//! A bounded pool of any capacity from 1 on cannot be the cause of a deadlock as long as whoever holds buffers gives each
//! back without first waiting for another one. Who collects several before it gives any back (a batch, a window) may
//! collect `capacity` of them at most, and must go on with fewer when no more come.

use crate::{PoolMeter, PoolPurpose};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A shared pool of byte buffers.
#[derive(Clone, Debug)]
pub struct FramePool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Idle buffers kept at most; in a bounded pool, buffers at most.
    capacity: usize,
    is_bounded: bool,
    meter: Option<PoolMeter>,
    /// Held only to move a buffer in or out, never while one is allocated or cleared.
    state: Mutex<State>,
    /// Told whenever a buffer has come back or somebody who waits should look up.
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Vec<u8>>,
    stats: PoolStats,
}

/// What a pool has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Idle buffers kept at most; in a bounded pool, buffers at most.
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
    /// Takes that had to wait for a buffer to come back.
    pub waits: u64,
}

impl FramePool {
    /// An open pool that keeps at most `capacity` idle buffers and counts for itself alone.
    pub fn new(capacity: usize) -> Self {
        Self::make(capacity, None, false)
    }

    /// The same for a purpose whose pools are counted together.
    pub fn counted(purpose: PoolPurpose, capacity: usize) -> Self {
        Self::make(capacity, Some(purpose), false)
    }

    /// A pool of at most `capacity` buffers, one at least, for a purpose: who waits for one gets it when it comes back.
    pub fn bounded(purpose: PoolPurpose, capacity: usize) -> Self {
        Self::make(capacity.max(1), Some(purpose), true)
    }

    fn make(capacity: usize, purpose: Option<PoolPurpose>, is_bounded: bool) -> Self {
        let state = State { idle: Vec::with_capacity(capacity), stats: PoolStats { capacity, ..PoolStats::default() } };
        let meter = purpose.map(|purpose| PoolMeter::new(purpose, capacity));
        let (state, returned) = (Mutex::new(state), Condvar::new());
        Self { shared: Arc::new(Shared { capacity, is_bounded, meter, state, returned }) }
    }

    /// Takes a buffer of exactly `len` bytes, whatever is out; its content is unspecified.
    pub fn take(&self, len: usize) -> PooledBuffer {
        self.take_from(self.shared.state.lock(), len)
    }

    /// The same, but from a bounded pool only once fewer than `capacity` are out. None where that is not so within `limit`.
    pub fn take_within(&self, len: usize, limit: Duration) -> Option<PooledBuffer> {
        let deadline = Instant::now().checked_add(limit);
        self.take_unless(len, deadline, || false)
    }

    /// The same, with no limit where there is no `deadline`, and none as soon as `is_over` says so. That is asked when
    /// [`wake`](Self::wake) was called, under the pool's lock: it must not touch the pool.
    pub fn take_unless(
        &self,
        len: usize,
        deadline: Option<Instant>,
        is_over: impl Fn() -> bool,
    ) -> Option<PooledBuffer> {
        let mut state = self.shared.state.lock();
        let mut has_waited = false;
        while self.shared.is_bounded && state.stats.in_use >= self.shared.capacity {
            if is_over() {
                return None;
            }
            if !has_waited {
                has_waited = true;
                state.stats.waits += 1;
                self.shared.meter.iter().for_each(PoolMeter::wait);
            }
            if !self.wait(&mut state, deadline) {
                return None;
            }
        }
        Some(self.take_from(state, len))
    }

    /// Lets everybody who waits look up and see whether what they wait for is over.
    pub fn wake(&self) {
        // Under the lock, so that nobody is between looking and waiting.
        let _state = self.shared.state.lock();
        self.shared.returned.notify_all();
    }

    /// What the pool has done since it was made.
    pub fn stats(&self) -> PoolStats {
        self.shared.state.lock().stats
    }

    /// False past the deadline.
    fn wait(&self, state: &mut MutexGuard<'_, State>, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            self.shared.returned.wait(state);
            return true;
        };
        !self.shared.returned.wait_until(state, deadline).timed_out()
    }

    fn take_from(&self, mut state: MutexGuard<'_, State>, len: usize) -> PooledBuffer {
        let (mut bytes, missed) = state.take(len);
        drop(state);
        if let Some(meter) = &self.shared.meter {
            meter.take(missed);
        }
        if bytes.capacity() < len {
            // Freed before its successor is allocated.
            drop(bytes);
            bytes = Vec::with_capacity(len);
        }
        bytes.resize(len, 0);
        PooledBuffer { bytes, pool: Arc::clone(&self.shared) }
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
        if let Some(meter) = &self.pool.meter {
            meter.give();
        }
        if self.pool.is_bounded {
            self.pool.returned.notify_all();
        }
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
        let stats = PoolStats { capacity: 1, in_use: 1, in_use_max: 1, hits: 1, allocations: 1, misses: 0, waits: 0 };
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

    #[test]
    fn who_finds_a_bounded_pool_empty_waits_until_a_buffer_comes_back() {
        let pool = FramePool::bounded(PoolPurpose::Video, 1);
        let held = pool.take_within(10, Duration::ZERO).unwrap();
        assert!(pool.take_within(10, Duration::from_millis(1)).is_none());
        let other = pool.clone();
        let waiting = std::thread::spawn(move || other.take_unless(10, None, || false).is_some());
        while pool.stats().waits < 2 {
            std::thread::yield_now();
        }
        drop(held);
        assert!(waiting.join().unwrap());
        let stats = PoolStats { capacity: 1, in_use: 0, in_use_max: 1, hits: 1, allocations: 1, misses: 0, waits: 2 };
        assert_eq!(pool.stats(), stats);
    }

    #[test]
    fn who_waits_is_woken_to_give_up() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let (pool, is_over) = (FramePool::bounded(PoolPurpose::Video, 0), Arc::new(AtomicBool::new(false)));
        let _held = pool.take(10);
        let (other, flag) = (pool.clone(), Arc::clone(&is_over));
        let waiting = std::thread::spawn(move || other.take_unless(10, None, || flag.load(Ordering::SeqCst)).is_none());
        while pool.stats().waits == 0 {
            std::thread::yield_now();
        }
        is_over.store(true, Ordering::SeqCst);
        pool.wake();
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn an_open_pool_never_waits() {
        let pool = FramePool::new(1);
        let _held = (pool.take(4), pool.take_unless(4, None, || false).unwrap());
        assert_eq!((pool.stats().misses, pool.stats().waits), (1, 0));
    }
}
