//! The connections that only read.

use super::fault::{busy, failed};
use super::{SqliteLimits, open};
use crate::JobError;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A few connections that only read.
#[derive(Clone)]
pub struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
    wait_max: Duration,
}

impl Readers {
    /// Of a file that was opened for writing before.
    pub fn open(file: &Path, limits: SqliteLimits) -> Result<Self, JobError> {
        let idle: Vec<Connection> = (0..READERS).map(|_| open::reader(file, limits)).collect::<Result<_, _>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            places: Arc::new(Semaphore::new(READERS)),
            wait_max: limits.busy_max,
        })
    }

    /// Runs `work` on one of them, in one snapshot.
    pub async fn read<T, F>(&self, work: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
    {
        let place = tokio::time::timeout(self.wait_max, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| busy())?.map_err(|_| failed())?;
        let idle = self.idle.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let lent = Lent { connection: idle.lock().pop(), idle: idle.clone() };
            let found =
                lent.connection.as_ref().ok_or_else(failed).and_then(|connection| in_snapshot(connection, work));
            drop(lent);
            drop(place);
            found
        });
        reading.await.map_err(|_| failed())?
    }
}

/// A connection that goes back whatever happens.
struct Lent {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.idle.lock().extend(self.connection.take());
    }
}

fn in_snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, JobError>,
) -> Result<T, JobError> {
    let snapshot = connection.unchecked_transaction().map_err(super::fault::fault)?;
    work(&snapshot)
}

/// Reads at the same time.
const READERS: usize = 2;
