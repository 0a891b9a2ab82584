//! Calls are forgotten.

use super::fault::fault;
use super::read;
use super::row::{self, COLUMNS};
use crate::{Call, CallError, CallId, CallTime};
use rusqlite::Connection;

pub fn delete(connection: &Connection, id: CallId, owner: Option<&str>) -> Result<Call, CallError> {
    let (seq, call) = read::call(connection, id, owner)?;
    forget(connection, seq)?;
    Ok(call)
}

/// Forgets calls that ended before `limit`, the oldest first.
pub fn sweep(connection: &Connection, limit: CallTime) -> Result<Vec<Call>, CallError> {
    let sql = format!("SELECT {COLUMNS} FROM calls WHERE ended < ? ORDER BY ended LIMIT {SWEPT_MAX}");
    let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
    let rows = statement.query_map([limit.0], row::call).map_err(fault)?;
    let old: Vec<(u64, Call)> = rows.collect::<rusqlite::Result<_>>().map_err(fault)?;
    old.iter().try_for_each(|(seq, _)| forget(connection, *seq))?;
    Ok(old.into_iter().map(|(_, call)| call).collect())
}

/// Writes the log back into the file, and cuts it off. Another process that reads just then keeps it until the next deletion, or the end.
pub fn empty_log(connection: &Connection) -> Result<(), CallError> {
    let is_busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(fault)?;
    if is_busy != 0 {
        tracing::warn!(
            "another process reads the calls: what was deleted stays in the log of the database until it is done"
        );
    }
    Ok(())
}

fn forget(connection: &Connection, seq: u64) -> Result<(), CallError> {
    // The segments by name and not by cascade: their triggers take the words out of the index.
    for sql in
        ["DELETE FROM segments WHERE call = ?", "DELETE FROM entries WHERE call = ?", "DELETE FROM calls WHERE seq = ?"]
    {
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute([seq])).map_err(fault)?;
    }
    Ok(())
}

/// Calls that one sweep forgets at most, so that those who write do not wait long.
const SWEPT_MAX: usize = 200;
