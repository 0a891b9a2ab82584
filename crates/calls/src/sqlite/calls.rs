//! Calls in one SQLite file, as everybody uses them.

use super::fault::{failed, fault};
use super::{delete, open, read, write};
use crate::{
    Call, CallDetail, CallEnd, CallError, CallFilter, CallFuture, CallId, CallStore, CallTime, Entry, NewCall,
    StoreLimits,
};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};

/// Calls in one SQLite file (WAL). One process at a time writes for long; others may.
///
/// To be used within a tokio runtime: what blocks runs on its blocking pool, one step at a time.
#[derive(Clone)]
pub struct SqliteCalls {
    connection: Arc<Mutex<Connection>>,
    places: Arc<Semaphore>,
    limits: StoreLimits,
}

/// Steps that wait for the connection at most; what comes then is refused.
const WAITING_MAX: usize = 1_024;

impl SqliteCalls {
    /// Opens the file; makes it where there is none.
    ///
    /// # Errors
    /// `Corrupt` for a file that is damaged or of another kind or version; `Storage`, `StorageFull`.
    pub fn open(file: &Path, limits: StoreLimits) -> Result<Self, CallError> {
        let connection = Arc::new(Mutex::new(open::open(file, limits)?));
        Ok(Self { connection, places: Arc::new(Semaphore::new(WAITING_MAX)), limits })
    }

    /// Runs `work` in one transaction: all of it is kept, or nothing.
    fn run<T, F>(&self, work: F) -> CallFuture<'static, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CallError> + Send + 'static,
    {
        self.with(move |connection| in_transaction(connection, work))
    }

    /// What was deleted stands in the write-ahead log as well, until that is written back and cut off.
    fn empty_log(&self) -> CallFuture<'static, ()> {
        self.with(|connection| delete::empty_log(connection))
    }

    fn with<T, F>(&self, work: F) -> CallFuture<'static, T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, CallError> + Send + 'static,
    {
        let (connection, place) = (Arc::clone(&self.connection), Arc::clone(&self.places).try_acquire_owned());
        Box::pin(async move {
            let place = place.map_err(|_| failed())?;
            // Whoever waits for the connection takes no thread that others need: a disk that hangs has one.
            let mut connection = connection.lock_owned().await;
            let doing = tokio::task::spawn_blocking(move || {
                let done = work(&mut connection);
                drop((connection, place));
                done
            });
            doing.await.map_err(|_| failed())?
        })
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, CallError>,
) -> Result<T, CallError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let done = work(&transaction)?;
    transaction.commit().map_err(fault)?;
    Ok(done)
}

impl CallStore for SqliteCalls {
    fn begin(&self, call: NewCall, now: CallTime) -> CallFuture<'_, Call> {
        self.run(move |connection| write::begin(connection, &call, now))
    }

    fn append(&self, id: CallId, entries: Vec<Entry>) -> CallFuture<'_, ()> {
        let entries_max = self.limits.entries_max;
        self.run(move |connection| write::append(connection, id, &entries, entries_max))
    }

    fn end(&self, id: CallId, end: CallEnd, now: CallTime) -> CallFuture<'_, Call> {
        self.run(move |connection| write::end(connection, id, &end, now))
    }

    fn find(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, Call> {
        let owner = owner.map(str::to_owned);
        self.run(move |connection| Ok(read::call(connection, id, owner.as_deref())?.1))
    }

    fn get(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, CallDetail> {
        let owner = owner.map(str::to_owned);
        self.run(move |connection| read::detail(connection, id, owner.as_deref()))
    }

    fn list(&self, filter: CallFilter) -> CallFuture<'_, (Vec<Call>, Option<u64>)> {
        self.run(move |connection| read::list(connection, &filter))
    }

    fn delete(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, Call> {
        let owner = owner.map(str::to_owned);
        let deleted = self.run(move |connection| delete::delete(connection, id, owner.as_deref()));
        Box::pin(async move {
            let call = deleted.await?;
            self.empty_log().await?;
            Ok(call)
        })
    }

    fn sweep(&self, keep: Duration, now: CallTime) -> CallFuture<'_, Vec<Call>> {
        let swept = self.run(move |connection| delete::sweep(connection, now.before(keep)));
        Box::pin(async move {
            let calls = swept.await?;
            if !calls.is_empty() {
                self.empty_log().await?;
            }
            Ok(calls)
        })
    }

    fn interrupt_open(&self, now: CallTime) -> CallFuture<'_, u64> {
        self.run(move |connection| write::interrupt_open(connection, now))
    }
}
