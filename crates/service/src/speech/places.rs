//! How many recordings are heard at once, and who waits for a place.

use crate::ServiceError;
use samovar_runtime::{RunError, RunErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

/// Requests that wait for a place, for each place.
const WAITING_FOR_EACH: usize = 16;

/// Places for recordings, taken first come first served.
#[derive(Clone, Debug)]
pub(super) struct Places {
    heard: Arc<Semaphore>,
    /// Those who wait and those who have a place.
    present: Arc<Semaphore>,
}

/// A place at which a recording is heard, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _heard: OwnedSemaphorePermit,
    _present: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        let places = places.clamp(1, Semaphore::MAX_PERMITS / (1 + WAITING_FOR_EACH));
        let present = places * (1 + WAITING_FOR_EACH);
        Self { heard: Arc::new(Semaphore::new(places)), present: Arc::new(Semaphore::new(present)) }
    }

    /// Waits for a place until `deadline`.
    ///
    /// # Errors
    /// `queue_full`, at once where too many wait, else at the deadline.
    pub(super) async fn take(&self, deadline: Instant) -> Result<Place, ServiceError> {
        let present = Arc::clone(&self.present).try_acquire_owned().map_err(|_| full())?;
        let taken = timeout_at(deadline.into(), Arc::clone(&self.heard).acquire_owned()).await;
        let heard = taken.map_err(|_| full())?.map_err(|_| full())?;
        Ok(Place { _heard: heard, _present: present })
    }
}

fn full() -> ServiceError {
    let kind = RunErrorKind::QueueFull { retry_after: Duration::from_secs(5) };
    RunError::new(kind, "as many recordings are heard as may be at once; ask again later").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_waits_until_its_deadline_and_leaves_nothing_behind() {
        let places = Places::new(1);
        let soon = || Instant::now() + Duration::from_secs(3_600);
        let first = places.take(soon()).await.unwrap();
        let late = places.take(Instant::now()).await.unwrap_err();
        assert_eq!(late.kind().code(), "queue_full");
        let (taken, ()) = tokio::join!(places.take(soon()), async { drop(first) });
        let waiting: Vec<_> = (0..WAITING_FOR_EACH).map(|_| tokio::spawn(wait(places.clone()))).collect();
        tokio::task::yield_now().await;
        assert_eq!(places.take(soon()).await.unwrap_err().kind().code(), "queue_full");
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
        for one in waiting {
            assert!(one.await.unwrap_err().is_cancelled());
        }
        drop(taken);
        assert!(places.take(soon()).await.is_ok());
        assert_eq!(places.present.available_permits(), 1 + WAITING_FOR_EACH);
    }

    async fn wait(places: Places) {
        drop(places.take(Instant::now() + Duration::from_secs(3_600)).await);
    }
}
