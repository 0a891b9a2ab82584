//! Calls are fetched, listed and searched.

use super::fault::fault;
use super::row::{self, COLUMNS, rank};
use super::write::Kind;
use crate::limits::{LIST_MAX, SEARCH_WORDS_MAX};
use crate::{Call, CallDetail, CallError, CallErrorKind, CallFilter, CallId, Segment};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};
use serde::de::DeserializeOwned;

/// A call with its place in the order of beginning.
pub fn call(connection: &Connection, id: CallId, owner: Option<&str>) -> Result<(u64, Call), CallError> {
    let sql = format!("SELECT {COLUMNS} FROM calls WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)");
    let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
    let found = statement.query_row(params![id.to_string(), owner], row::call).optional().map_err(fault)?;
    found.ok_or(CallError::new(CallErrorKind::Unknown))
}

pub fn detail(connection: &Connection, id: CallId, owner: Option<&str>) -> Result<CallDetail, CallError> {
    let (seq, call) = call(connection, id, owner)?;
    Ok(CallDetail {
        call,
        segments: segments(connection, seq).map_err(fault)?,
        features: entries(connection, seq, Kind::Features)?,
        decisions: entries(connection, seq, Kind::Decided)?,
    })
}

pub fn list(connection: &Connection, filter: &CallFilter) -> Result<(Vec<Call>, Option<u64>), CallError> {
    let (conditions, values) = conditions(filter)?;
    let limit = filter.limit.clamp(1, LIST_MAX);
    let sql = format!("SELECT {COLUMNS} FROM calls {conditions} ORDER BY calls.seq DESC LIMIT {}", limit + 1);
    let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
    let rows = statement.query_map(params_from_iter(values), row::call).map_err(fault)?;
    let mut found: Vec<(u64, Call)> = rows.collect::<rusqlite::Result<_>>().map_err(fault)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|(seq, _)| *seq).filter(|_| more);
    Ok((found.into_iter().map(|(_, call)| call).collect(), next))
}

fn conditions(filter: &CallFilter) -> Result<(String, Vec<Value>), CallError> {
    let mut parts: Vec<&str> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut add = |part: &'static str, value: Value| {
        parts.push(part);
        values.push(value);
    };
    if let Some(owner) = &filter.owner {
        add("owner = ?", owner.clone().into());
    }
    if let Some(text) = &filter.text {
        add(
            "seq IN (SELECT call FROM segments WHERE seq IN (SELECT rowid FROM words WHERE words MATCH ?))",
            looked_for(text)?.into(),
        );
    }
    if let Some(priority) = filter.priority {
        add("rank <= ?", i64::from(rank(priority)).into());
    }
    if let Some(category) = &filter.category {
        add("category = ?", category.clone().into());
    }
    if let Some(since) = filter.since {
        add("began >= ?", whole(since.0));
    }
    if let Some(after) = filter.after {
        add("calls.seq < ?", whole(after));
    }
    let all = if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) };
    Ok((all, values))
}

/// A question in FTS5's language that can only ask for words: each in quotes, the last one as a beginning.
fn looked_for(text: &str) -> Result<String, CallError> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.take(SEARCH_WORDS_MAX).map(|word| format!("\"{word}\"")).collect();
    if words.is_empty() { Err(CallError::new(CallErrorKind::Search)) } else { Ok(format!("{}*", words.join(" "))) }
}

fn whole(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn segments(connection: &Connection, call: u64) -> rusqlite::Result<Vec<Segment>> {
    let sql = "SELECT start_s, end_s, text, language, average_logprob, no_speech_prob FROM segments WHERE call = ? ORDER BY seq";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([call], |row| {
        Ok(Segment {
            start_s: row.get(0)?,
            end_s: row.get(1)?,
            text: row.get(2)?,
            language: row.get(3)?,
            average_logprob: row.get(4)?,
            no_speech_prob: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn entries<T: DeserializeOwned>(connection: &Connection, call: u64, kind: Kind) -> Result<Vec<T>, CallError> {
    let sql = "SELECT body FROM entries WHERE call = ? AND kind = ? ORDER BY seq";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let rows = statement.query_map(params![call, kind as u8], |row| row.get::<_, String>(0)).map_err(fault)?;
    let bodies: Vec<String> = rows.collect::<rusqlite::Result<_>>().map_err(fault)?;
    let read = |body: &String| serde_json::from_str(body).map_err(|_| CallError::new(CallErrorKind::Corrupt));
    bodies.iter().map(read).collect()
}
