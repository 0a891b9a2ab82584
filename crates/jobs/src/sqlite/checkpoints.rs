//! Writes the log back into the file beside the writes, so that none of them has to wait for it.
//!
//! SQLite would do it within the commit that makes the log long; there it holds up everybody who waits. Here a connection of its own
//! does nearly all of it, and the writer's own checkpoint, at a longer log, finds little left to do.

use super::fault::fault;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes the log back now and then.
pub struct Checkpoints {
    connection: Mutex<Connection>,
    commits: AtomicU64,
}

impl Checkpoints {
    /// Through that connection.
    pub fn new(connection: Connection) -> Arc<Self> {
        Arc::new(Self { connection: Mutex::new(connection), commits: AtomicU64::new(0) })
    }

    /// Tells of a commit; every so many the log is written back, in the background and never twice at once.
    pub fn after_commit(self: &Arc<Self>) {
        if (self.commits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(COMMITS) {
            let own = self.clone();
            // Its owner is the runtime; it ends with the checkpoint.
            drop(tokio::task::spawn_blocking(move || own.write_back()));
        }
    }

    /// PASSIVE: takes what it can without making anybody wait.
    fn write_back(&self) {
        let Some(connection) = self.connection.try_lock() else { return };
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            // Nothing is lost: the log holds everything. The fault is logged where it is put into words.
            drop(fault(error));
        }
    }
}

/// Commits after which the log is written back: some hundred pages.
const COMMITS: u64 = 64;
