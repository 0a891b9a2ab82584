//! Opens the file of calls.

use super::fault::fault;
use super::schema::SCHEMA;
use crate::{CallError, CallErrorKind, StoreLimits};
use rusqlite::Connection;
use samovar_store::{FileLimits, OpenError};
use std::path::Path;

/// The connection of the process.
pub fn open(file: &Path, limits: StoreLimits) -> Result<Connection, CallError> {
    let file_limits = FileLimits { busy_max: limits.busy_max, bytes_max: limits.bytes_max };
    samovar_store::open(file, &SCHEMA, file_limits, set_up).map_err(|error| match error {
        OpenError::Foreign => CallError::new(CallErrorKind::Corrupt),
        OpenError::Sqlite(error) => fault(error),
    })
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    // NORMAL: what was heard in the last moments before a power cut may be lost, the file stays whole. A live call writes every
    // second, and is not held up by the disk.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten: it is personal.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))
}
