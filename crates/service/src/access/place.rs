//! How many requests of one key are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts open requests.
#[derive(Debug, Default)]
pub(super) struct Places(AtomicUsize);

/// The place of one request among those of its key; dropped when it has been answered, or its stream has ended.
#[derive(Debug)]
pub struct CallPlace(Arc<Places>);

impl Places {
    /// A place, unless `max` are taken.
    pub(super) fn enter(places: &Arc<Self>, max: usize) -> Option<CallPlace> {
        let more = |taken: usize| (taken < max).then_some(taken + 1);
        places.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(CallPlace(Arc::clone(places)))
    }
}

impl Drop for CallPlace {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back() {
        let places = Arc::default();
        let held: Vec<_> = (0..5).map_while(|_| Places::enter(&places, 2)).collect();
        assert_eq!(held.len(), 2);
        drop(held);
        assert!(Places::enter(&places, 1).is_some());
        assert_eq!(places.0.load(Ordering::Relaxed), 0);
    }
}
