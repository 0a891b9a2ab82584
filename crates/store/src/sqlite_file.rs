//! Opens a file of SQLite: makes it where there is none, refuses it where it is damaged or not ours.

use super::Trouble;
use rusqlite::{Connection, Error, OpenFlags, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What marks a file as a store's own, and makes it.
#[derive(Clone, Copy, Debug)]
pub struct FileSchema {
    /// `application_id` of the file.
    pub application_id: i32,
    /// `user_version` of the file. Another one is refused.
    pub version: i32,
    /// Makes everything, in an empty file.
    pub tables: &'static str,
}

/// What a file may take.
#[derive(Clone, Copy, Debug)]
pub struct FileLimits {
    /// How long a file that others hold is waited for.
    pub busy_max: Duration,
    /// Bytes that it may grow to.
    pub bytes_max: u64,
}

/// Why a file could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// It is damaged, or of another kind or version.
    Foreign,
    /// SQLite refused.
    Sqlite(Error),
}

/// A connection that writes (WAL), with the pragmas that `set_up` gives it besides. Checks the file, and makes it where there is none.
///
/// Others may open it in the same moment: SQLite then says at once, without the busy timeout, that it is busy where two of
/// them turn the WAL on or recover it, so everything is tried again for a while.
///
/// # Errors
/// A file that is not the store's; what SQLite says.
pub fn open(
    file: &Path,
    schema: &FileSchema,
    limits: FileLimits,
    set_up: impl Fn(&Connection) -> rusqlite::Result<()>,
) -> Result<Connection, OpenError> {
    let until = Instant::now() + OPEN_MAX;
    loop {
        match opened(file, schema, limits, &set_up) {
            Err(OpenError::Sqlite(error)) if Trouble::of(&error) == Trouble::Busy && Instant::now() < until => {
                std::thread::sleep(OPEN_PAUSE);
            }
            result => return result,
        }
    }
}

/// Another connection to a file that [`open`] has opened.
///
/// # Errors
/// What SQLite says.
pub fn connect(file: &Path, busy_max: Duration) -> rusqlite::Result<Connection> {
    connect_with(file, busy_max, OpenFlags::empty())
}

fn connect_with(file: &Path, busy_max: Duration, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(busy_max)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn opened(
    file: &Path,
    schema: &FileSchema,
    limits: FileLimits,
    set_up: &impl Fn(&Connection) -> rusqlite::Result<()>,
) -> Result<Connection, OpenError> {
    refuse_emptied(file)?;
    let mut connection = connect_with(file, limits.busy_max, OpenFlags::SQLITE_OPEN_CREATE)?;
    make_where_empty(&mut connection, schema)?;
    check(&connection, schema)?;
    bound(&connection, limits.bytes_max)?;
    set_up(&connection)?;
    Ok(connection)
}

/// SQLite takes a file without bytes for a new one and deletes the log beside it, which may hold everything.
///
/// The log is looked at first: whoever makes the file at this moment fills it before there is a log.
fn refuse_emptied(file: &Path) -> Result<(), OpenError> {
    let bytes = |path: &Path| path.metadata().map_or(0, |data| data.len());
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if bytes(&PathBuf::from(log)) > 0 && bytes(file) == 0 { Err(OpenError::Foreign) } else { Ok(()) }
}

/// In one transaction, before the file has a WAL: a crash leaves either no table or all.
fn make_where_empty(connection: &mut Connection, schema: &FileSchema) -> rusqlite::Result<()> {
    if !is_empty(connection)? {
        return Ok(());
    }
    let making = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    if is_empty(&making)? {
        making.execute_batch(schema.tables)?;
        making.pragma_update(None, "application_id", schema.application_id)?;
        making.pragma_update(None, "user_version", schema.version)?;
    }
    making.commit()
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(number(connection, "page_count")? <= 1
        && tables == 0
        && number(connection, "application_id")? == 0
        && number(connection, "user_version")? == 0)
}

fn check(connection: &Connection, schema: &FileSchema) -> Result<(), OpenError> {
    let ours = number(connection, "application_id")? == i64::from(schema.application_id)
        && number(connection, "user_version")? == i64::from(schema.version);
    if !ours {
        return Err(OpenError::Foreign);
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Foreign) }
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

/// The WAL, and how large it and the file may grow.
fn bound(connection: &Connection, bytes_max: u64) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::InvalidQuery);
    }
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages_max = u32::try_from(bytes_max / u64::from(page_bytes.max(1))).unwrap_or(PAGES_MAX).clamp(1, PAGES_MAX);
    connection.pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

/// How long the file may be busy with others who open it.
const OPEN_MAX: Duration = Duration::from_secs(30);
/// Between two tries.
const OPEN_PAUSE: Duration = Duration::from_millis(20);
/// The most that SQLite can hold.
const PAGES_MAX: u32 = u32::MAX - 1;
/// Prepared statements that a connection keeps: more than any store has.
const STATEMENTS: usize = 64;
/// What the WAL is cut to once it has been written back.
const LOG_BYTES: i64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: FileSchema = FileSchema { application_id: 7, version: 1, tables: "CREATE TABLE notes (text TEXT)" };

    fn open_notes(file: &Path, schema: &FileSchema) -> Result<Connection, OpenError> {
        let limits = FileLimits { busy_max: Duration::from_secs(5), bytes_max: 1 << 20 };
        open(file, schema, limits, |_| Ok(()))
    }

    #[test]
    fn a_file_is_made_once_and_another_kind_or_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.sqlite");
        open_notes(&file, &NOTES).unwrap().execute("INSERT INTO notes VALUES ('kept')", []).unwrap();
        let again = open_notes(&file, &NOTES).unwrap();
        assert_eq!(again.query_row("SELECT text FROM notes", [], |row| row.get::<_, String>(0)).unwrap(), "kept");
        for other in [FileSchema { version: 2, ..NOTES }, FileSchema { application_id: 8, ..NOTES }] {
            assert!(matches!(open_notes(&file, &other), Err(OpenError::Foreign)));
        }
    }

    #[test]
    fn a_file_that_was_emptied_is_not_taken_for_a_new_one_while_its_log_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.sqlite");
        let writer = open_notes(&file, &NOTES).unwrap();
        writer.execute("INSERT INTO notes VALUES ('in the log')", []).unwrap();
        let log = folder.path().join("notes.sqlite-wal");
        let bytes = std::fs::read(&log).unwrap();
        drop(writer);
        std::fs::write(&file, b"").unwrap();
        std::fs::write(&log, &bytes).unwrap();
        assert!(matches!(open_notes(&file, &NOTES), Err(OpenError::Foreign)));
        assert_eq!(std::fs::read(&log).unwrap(), bytes, "the log is left alone");
    }
}
