//! Opens the file: makes it where there is none, refuses it where it is damaged or not ours.

use super::SqliteLimits;
use super::fault::{corrupt, fault, is_busy};
use super::schema::{APPLICATION_ID, TABLES, VERSION};
use crate::JobError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The connection that writes. Checks the file, and makes it where there is none.
///
/// Others may open it in the same moment: SQLite then says at once, without the busy timeout, that it is busy where two of
/// them turn the WAL on or recover it, so everything is tried again for a while.
pub fn writer(file: &Path, limits: SqliteLimits) -> Result<Connection, JobError> {
    let until = Instant::now() + OPEN_MAX;
    loop {
        match opened(file, limits) {
            Err(error) if is_busy(&error) && Instant::now() < until => std::thread::sleep(OPEN_PAUSE),
            result => return result,
        }
    }
}

fn opened(file: &Path, limits: SqliteLimits) -> Result<Connection, JobError> {
    refuse_emptied(file)?;
    let mut connection = connect(file, limits, OpenFlags::SQLITE_OPEN_CREATE)?;
    make_where_empty(&mut connection)?;
    check(&connection)?;
    set_up(&connection, limits).map_err(fault)?;
    Ok(connection)
}

/// A connection that only reads, of a file that [`writer`] has opened.
pub fn reader(file: &Path, limits: SqliteLimits) -> Result<Connection, JobError> {
    let connection = connect(file, limits, OpenFlags::empty())?;
    connection.pragma_update(None, "query_only", true).map_err(fault)?;
    Ok(connection)
}

/// A connection that writes the log back, of a file that [`writer`] has opened.
pub fn checkpointer(file: &Path, limits: SqliteLimits) -> Result<Connection, JobError> {
    let connection = connect(file, limits, OpenFlags::empty())?;
    connection.pragma_update(None, "synchronous", "full").map_err(fault)?;
    Ok(connection)
}

/// SQLite takes a file without bytes for a new one and deletes the log beside it, which may hold every job.
///
/// The log is looked at first: whoever makes the file at this moment fills it before there is a log.
fn refuse_emptied(file: &Path) -> Result<(), JobError> {
    let bytes = |path: &Path| path.metadata().map_or(0, |data| data.len());
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if bytes(&PathBuf::from(log)) > 0 && bytes(file) == 0 { Err(corrupt()) } else { Ok(()) }
}

fn connect(file: &Path, limits: SqliteLimits, more: OpenFlags) -> Result<Connection, JobError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(file, flags).map_err(fault)?;
    connection.busy_timeout(limits.busy_max).map_err(fault)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// In one transaction, before the file has a WAL: a crash leaves either no table or all.
fn make_where_empty(connection: &mut Connection) -> Result<(), JobError> {
    if !is_empty(connection)? {
        return Ok(());
    }
    let making = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(fault)?;
    if is_empty(&making)? {
        making.execute_batch(TABLES).map_err(fault)?;
        making.pragma_update(None, "application_id", APPLICATION_ID).map_err(fault)?;
        making.pragma_update(None, "user_version", VERSION).map_err(fault)?;
    }
    making.commit().map_err(fault)
}

fn is_empty(connection: &Connection) -> Result<bool, JobError> {
    let pages: i64 = number(connection, "page_count")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
    Ok(pages <= 1
        && tables == 0
        && number(connection, "application_id")? == 0
        && number(connection, "user_version")? == 0)
}

fn check(connection: &Connection) -> Result<(), JobError> {
    let ours = number(connection, "application_id")? == i64::from(APPLICATION_ID)
        && number(connection, "user_version")? == i64::from(VERSION);
    if !ours {
        return Err(corrupt());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if found == "ok" { Ok(()) } else { Err(corrupt()) }
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, JobError> {
    connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(fault)
}

fn set_up(connection: &Connection, limits: SqliteLimits) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    // FULL, not NORMAL: a commit that was told must survive a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages_max =
        u32::try_from(limits.bytes_max / u64::from(page_bytes.max(1))).unwrap_or(PAGES_MAX).clamp(1, PAGES_MAX);
    connection.pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))
}

/// How long the file may be busy with others who open it.
const OPEN_MAX: Duration = Duration::from_secs(30);
/// Between two tries.
const OPEN_PAUSE: Duration = Duration::from_millis(20);
/// The most that SQLite can hold.
const PAGES_MAX: u32 = u32::MAX - 1;
/// Prepared statements that a connection keeps: more than there are.
const STATEMENTS: usize = 64;
/// The page cache of the connection that writes.
const CACHE_KIB: i64 = 16 * 1024;
/// The length of the log at which the writer itself writes back what is left of it.
const LOG_PAGES: i64 = 8_000;
/// What the WAL is cut to once it has been written back.
const LOG_BYTES: i64 = 64 << 20;
