//! Opens the file of jobs: for its writer, for those who read, and for who writes the log back.

use super::SqliteLimits;
use super::fault::{corrupt, fault};
use super::schema::SCHEMA;
use crate::JobError;
use rusqlite::Connection;
use samovar_store::{FileLimits, OpenError};
use std::path::Path;

/// The connection that writes. Checks the file, and makes it where there is none.
pub fn writer(file: &Path, limits: SqliteLimits) -> Result<Connection, JobError> {
    let file_limits = FileLimits { busy_max: limits.busy_max, bytes_max: limits.bytes_max };
    samovar_store::open(file, &SCHEMA, file_limits, set_up).map_err(|error| match error {
        OpenError::Foreign => corrupt(),
        OpenError::Sqlite(error) => fault(error),
    })
}

/// A connection that only reads, of a file that [`writer`] has opened.
pub fn reader(file: &Path, limits: SqliteLimits) -> Result<Connection, JobError> {
    connect(file, limits, "query_only", "true")
}

/// A connection that writes the log back, of a file that [`writer`] has opened.
pub fn checkpointer(file: &Path, limits: SqliteLimits) -> Result<Connection, JobError> {
    connect(file, limits, "synchronous", "full")
}

fn connect(file: &Path, limits: SqliteLimits, pragma: &str, value: &str) -> Result<Connection, JobError> {
    let connection = samovar_store::connect(file, limits.busy_max).map_err(fault)?;
    connection.pragma_update(None, pragma, value).map_err(fault)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    // FULL, not NORMAL: a commit that was told must survive a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))
}

/// The page cache of the connection that writes.
const CACHE_KIB: i64 = 16 * 1024;
/// The length of the log at which the writer itself writes back what is left of it.
const LOG_PAGES: i64 = 8_000;
