//! Opens the file: makes it where there is none, refuses it where it is damaged or not ours.

use super::fault::fault;
use super::schema::{APPLICATION_ID, TABLES, VERSION};
use crate::{CallError, CallErrorKind, StoreLimits};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;

/// The connection of the process.
pub fn open(file: &Path, limits: StoreLimits) -> Result<Connection, CallError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags).map_err(fault)?;
    connection.busy_timeout(limits.busy_max).map_err(fault)?;
    make_where_empty(&mut connection)?;
    check(&connection)?;
    set_up(&connection, limits).map_err(fault)?;
    Ok(connection)
}

/// In one transaction: a crash leaves either no table or all.
fn make_where_empty(connection: &mut Connection) -> Result<(), CallError> {
    let making = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(fault)?;
    let tables: i64 = making.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
    if tables == 0 && number(&making, "application_id")? == 0 && number(&making, "user_version")? == 0 {
        making.execute_batch(TABLES).map_err(fault)?;
        making.pragma_update(None, "application_id", APPLICATION_ID).map_err(fault)?;
        making.pragma_update(None, "user_version", VERSION).map_err(fault)?;
    }
    making.commit().map_err(fault)
}

fn check(connection: &Connection) -> Result<(), CallError> {
    let ours = number(connection, "application_id")? == i64::from(APPLICATION_ID)
        && number(connection, "user_version")? == i64::from(VERSION);
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if ours && found == "ok" { Ok(()) } else { Err(CallError::new(CallErrorKind::Corrupt)) }
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, CallError> {
    connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(fault)
}

fn set_up(connection: &Connection, limits: StoreLimits) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    // NORMAL: what was heard in the last moments before a power cut may be lost, the file stays whole. A live call writes every
    // second, and is not held up by the disk.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten: it is personal.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = u32::try_from(limits.bytes_max / u64::from(page_bytes.max(1))).unwrap_or(u32::MAX - 1).max(1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// What the WAL is cut to once it has been written back.
const LOG_BYTES: i64 = 64 << 20;
/// Prepared statements that are kept: more than there are.
const STATEMENTS: usize = 64;
