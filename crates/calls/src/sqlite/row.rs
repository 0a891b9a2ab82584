//! Rows as calls.

use crate::{AudioKept, Call, CallId, CallOrigin, CallState, CallTime};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Error, Row};
use samovar_triage::Priority;

/// The columns that [`call`] reads, in its order. The last are the first words: of a few segments, since one may be a greeting alone.
pub const COLUMNS: &str = "calls.seq, id, owner, origin, state, label, began, ended, duration_s, calls.language, rank, category, audio, \
     (SELECT substr(group_concat(text, ' '), 1, 160) FROM \
     (SELECT text FROM segments WHERE segments.call = calls.seq ORDER BY segments.seq LIMIT 4))";

/// A call and its place in the order of beginning.
pub fn call(row: &Row<'_>) -> rusqlite::Result<(u64, Call)> {
    let call = Call {
        id: word(row, 1, CallId::parse)?,
        owner: row.get(2)?,
        origin: word(row, 3, origin)?,
        state: word(row, 4, state)?,
        label: row.get(5)?,
        began: CallTime(row.get(6)?),
        ended: row.get::<_, Option<u64>>(7)?.map(CallTime),
        duration_s: row.get(8)?,
        language: row.get(9)?,
        priority: row.get::<_, Option<u8>>(10)?.map(priority),
        category: row.get(11)?,
        audio: audio(row)?,
        opening: row.get(13)?,
    };
    Ok((row.get(0)?, call))
}

/// A priority as a number: the more urgent the smaller.
pub const fn rank(priority: Priority) -> u8 {
    priority as u8
}

const fn priority(rank: u8) -> Priority {
    match rank {
        0 => Priority::P1,
        1 => Priority::P2,
        2 => Priority::P3,
        3 => Priority::P4,
        _ => Priority::P5,
    }
}

fn audio(row: &Row<'_>) -> rusqlite::Result<Option<AudioKept>> {
    let text: Option<String> = row.get(12)?;
    text.map(|text| serde_json::from_str(&text).map_err(|_| invalid(12))).transpose()
}

fn word<T>(row: &Row<'_>, column: usize, parse: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| invalid(column))
}

fn invalid(column: usize) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(FromSqlError::InvalidType))
}

fn origin(text: &str) -> Option<CallOrigin> {
    [CallOrigin::Live, CallOrigin::Upload].into_iter().find(|origin| origin.name() == text)
}

fn state(text: &str) -> Option<CallState> {
    [CallState::Open, CallState::Ended, CallState::Interrupted].into_iter().find(|state| state.name() == text)
}
