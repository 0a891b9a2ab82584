//! Lists of detections whose memory is used again: a pool for whoever works through many pictures.

use crate::Detection;
use parking_lot::Mutex;
use samovar_media::{PoolMeter, PoolPurpose, PoolStats};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Detections of one picture. Where it came from a pool its memory goes back there when it is dropped.
#[derive(Debug, Default)]
pub struct DetectionList {
    items: Vec<Detection>,
    home: Option<DetectionPool>,
}

/// A shared pool of lists. It never blocks: whoever has it filled bounds the pictures in flight, and a list beyond `capacity` is not kept.
#[derive(Clone, Debug)]
pub struct DetectionPool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    capacity: usize,
    meter: PoolMeter,
    /// Held only to move a list in or out.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    idle: Vec<Vec<Detection>>,
    stats: PoolStats,
}

impl DetectionPool {
    /// A pool that keeps at most `capacity` idle lists.
    pub fn new(capacity: usize) -> Self {
        let stats = PoolStats { capacity, ..PoolStats::default() };
        let state = Mutex::new(State { idle: Vec::with_capacity(capacity), stats });
        let meter = PoolMeter::new(PoolPurpose::Detections, capacity);
        Self { shared: Arc::new(Shared { capacity, meter, state }) }
    }

    /// An empty list.
    pub fn take(&self) -> DetectionList {
        let (items, missed) = self.shared.state.lock().take();
        self.shared.meter.take(missed);
        DetectionList { items, home: Some(self.clone()) }
    }

    /// What the pool has done since it was made.
    pub fn stats(&self) -> PoolStats {
        self.shared.state.lock().stats
    }

    fn give(&self, mut items: Vec<Detection>) {
        // The labels are let go before the lock is taken.
        items.clear();
        self.shared.meter.give();
        let surplus = {
            let mut state = self.shared.state.lock();
            state.stats.in_use -= 1;
            if state.idle.len() < self.shared.capacity {
                state.idle.push(items);
                None
            } else {
                Some(items)
            }
        };
        drop(surplus);
    }
}

impl State {
    /// A list, and whether it is out beyond the capacity.
    fn take(&mut self) -> (Vec<Detection>, bool) {
        let stats = &mut self.stats;
        let missed = stats.in_use >= stats.capacity;
        stats.misses += u64::from(missed);
        stats.in_use += 1;
        stats.in_use_max = stats.in_use_max.max(stats.in_use);
        let kept = self.idle.pop();
        if kept.is_some() {
            stats.hits += 1;
        } else {
            stats.allocations += 1;
        }
        (kept.unwrap_or_default(), missed)
    }
}

impl DetectionList {
    /// The detections without the pool, which makes itself another list.
    pub fn into_vec(mut self) -> Vec<Detection> {
        std::mem::take(&mut self.items)
    }
}

impl Drop for DetectionList {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.give(std::mem::take(&mut self.items));
        }
    }
}

impl Clone for DetectionList {
    /// The copy belongs to no pool.
    fn clone(&self) -> Self {
        self.items.clone().into()
    }
}

impl PartialEq for DetectionList {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl Deref for DetectionList {
    type Target = Vec<Detection>;

    fn deref(&self) -> &Vec<Detection> {
        &self.items
    }
}

impl DerefMut for DetectionList {
    fn deref_mut(&mut self) -> &mut Vec<Detection> {
        &mut self.items
    }
}

impl From<Vec<Detection>> for DetectionList {
    fn from(items: Vec<Detection>) -> Self {
        Self { items, home: None }
    }
}

impl FromIterator<Detection> for DetectionList {
    fn from_iter<I: IntoIterator<Item = Detection>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl IntoIterator for DetectionList {
    type Item = Detection;
    type IntoIter = std::vec::IntoIter<Detection>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a DetectionList {
    type Item = &'a Detection;
    type IntoIter = std::slice::Iter<'a, Detection>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Detection {
        Detection { class_id: 0, label: "cup".into(), score: 0.5, bbox: [0.0, 0.0, 1.0, 1.0].into() }
    }

    #[test]
    fn a_dropped_list_is_taken_again_empty_and_with_its_memory() {
        let pool = DetectionPool::new(1);
        let mut list = pool.take();
        list.extend([found(), found()]);
        let memory = list.as_ptr();
        drop(list);
        let again = pool.take();
        assert!(again.is_empty() && again.capacity() >= 2 && again.as_ptr() == memory);
        let stats =
            PoolStats { capacity: 1, in_use: 1, in_use_max: 1, hits: 1, allocations: 1, ..PoolStats::default() };
        assert_eq!(pool.stats(), stats);
    }

    #[test]
    fn what_is_beyond_the_capacity_counts_as_a_miss_and_is_not_kept() {
        let pool = DetectionPool::new(1);
        drop((pool.take(), pool.take()));
        assert_eq!((pool.stats().misses, pool.stats().in_use, pool.stats().in_use_max), (1, 0, 2));
        drop((pool.take(), pool.take()));
        assert_eq!(pool.stats().hits, 1);
    }

    #[test]
    fn copies_and_vectors_belong_to_no_pool() {
        let pool = DetectionPool::new(2);
        let mut list = pool.take();
        list.push(found());
        let copy = list.clone();
        assert_eq!(copy, list);
        assert_eq!((list.into_vec().len(), pool.stats().in_use), (1, 0));
        assert_eq!(copy.into_iter().count(), 1);
    }
}
