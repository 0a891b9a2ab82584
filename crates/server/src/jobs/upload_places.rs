//! How many videos, or recordings, may be on their way in, in all and of one client.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Counts uploads. Has an entry only for clients that have one under way, so it is bounded by their number.
pub(crate) struct UploadPlaces {
    max: usize,
    per_client_max: usize,
    clients: Mutex<HashMap<String, usize>>,
}

/// The right to one upload.
pub(crate) struct UploadPlace {
    places: Arc<UploadPlaces>,
    client: String,
}

impl UploadPlaces {
    pub(crate) fn new(max: usize, per_client_max: usize) -> Arc<Self> {
        Arc::new(Self { max, per_client_max, clients: Mutex::default() })
    }

    /// A place for one more upload, unless a limit is reached.
    pub(crate) fn enter(self: &Arc<Self>, client: &str) -> Option<UploadPlace> {
        let mut clients = self.clients.lock();
        let (all, own) = (clients.values().sum::<usize>(), clients.get(client).copied().unwrap_or(0));
        if all >= self.max || own >= self.per_client_max {
            return None;
        }
        clients.insert(client.to_owned(), own + 1);
        Some(UploadPlace { places: Arc::clone(self), client: client.to_owned() })
    }
}

impl Drop for UploadPlace {
    fn drop(&mut self) {
        let mut clients = self.places.clients.lock();
        if let Some(count) = clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let places = UploadPlaces::new(3, 2);
        let held = [places.enter("a"), places.enter("a"), places.enter("b")];
        assert!(held.iter().all(Option::is_some));
        assert!(places.enter("c").is_none(), "a fourth in all");
        drop(held);
        assert!(places.clients.lock().is_empty());
        let held = [places.enter("a"), places.enter("a")];
        assert!(places.enter("a").is_none() && places.enter("b").is_some(), "a third of one client");
        drop(held);
    }
}
