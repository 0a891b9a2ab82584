//! Calls begin, grow and end.

use super::fault::fault;
use super::read;
use super::row::rank;
use crate::limits::TEXT_BYTES_MAX;
use crate::{
    Call, CallEnd, CallError, CallErrorKind, CallId, CallState, CallTime, Decided, Distress, DistressPart, Entry,
    Features, NewCall, Segment,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use samovar_triage::Decision;
use serde::Serialize;

/// What an entry is, in the table of those that are no segments.
#[derive(Clone, Copy)]
pub enum Kind {
    Features = 1,
    Decided = 2,
}

pub fn begin(connection: &Connection, call: &NewCall, now: CallTime) -> Result<Call, CallError> {
    let values =
        params![call.id.to_string(), call.owner, call.origin.name(), CallState::Open.name(), call.label, now.0];
    let sql = "INSERT INTO calls (id, owner, origin, state, label, began) VALUES (?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(read::call(connection, call.id, None)?.1)
}

pub fn append(connection: &Connection, id: CallId, entries: &[Entry], entries_max: u64) -> Result<(), CallError> {
    let (seq, ended, kept) = place(connection, id)?;
    if ended {
        return Err(CallError::new(CallErrorKind::Ended));
    }
    let kept = kept.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX));
    if kept > entries_max {
        return Err(CallError::new(CallErrorKind::TooLong));
    }
    for entry in entries {
        match entry {
            Entry::Segment(segment) => push_segment(connection, seq, segment)?,
            Entry::Features(features) => push(connection, seq, Kind::Features, &finite_features(features))?,
            Entry::Decided(decided) => push_decided(connection, seq, decided)?,
        }
    }
    connection.execute("UPDATE calls SET entries = ? WHERE seq = ?", params![kept, seq]).map_err(fault)?;
    Ok(())
}

pub fn end(connection: &Connection, id: CallId, end: &CallEnd, now: CallTime) -> Result<Call, CallError> {
    let state = if end.interrupted { CallState::Interrupted } else { CallState::Ended };
    let audio = end.audio.as_ref().map(text).transpose()?;
    let sql =
        "UPDATE calls SET state = ?, ended = ?, duration_s = ?, language = ?, audio = ? WHERE id = ? AND ended IS NULL";
    let values = params![state.name(), now.0, end.duration_s, end.language, audio, id.to_string()];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(read::call(connection, id, None)?.1)
}

pub fn interrupt_open(connection: &Connection, now: CallTime) -> Result<u64, CallError> {
    let sql = "UPDATE calls SET state = ?, ended = ? WHERE ended IS NULL";
    let changed = connection.execute(sql, params![CallState::Interrupted.name(), now.0]).map_err(fault)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Its row, whether it has ended, and how many entries it has.
fn place(connection: &Connection, id: CallId) -> Result<(i64, bool, u64), CallError> {
    let sql = "SELECT seq, ended IS NOT NULL, entries FROM calls WHERE id = ?";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let found = statement.query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional();
    found.map_err(fault)?.ok_or(CallError::new(CallErrorKind::Unknown))
}

fn push_segment(connection: &Connection, call: i64, segment: &Segment) -> Result<(), CallError> {
    let Segment { start_s, end_s, text, language, average_logprob, no_speech_prob } = segment;
    let sql = "INSERT INTO segments (call, start_s, end_s, text, language, average_logprob, no_speech_prob) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    let values = params![
        call,
        finite(*start_s),
        finite(*end_s),
        text,
        language,
        average_logprob.map(finite),
        no_speech_prob.map(finite)
    ];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(())
}

fn push_decided(connection: &Connection, call: i64, decided: &Decided) -> Result<(), CallError> {
    push(connection, call, Kind::Decided, &finite_decided(decided))?;
    let values = params![rank(decided.decision.priority), decided.decision.category, call];
    connection.execute("UPDATE calls SET rank = ?, category = ? WHERE seq = ?", values).map_err(fault)?;
    Ok(())
}

fn push(connection: &Connection, call: i64, kind: Kind, body: &impl Serialize) -> Result<(), CallError> {
    let sql = "INSERT INTO entries (call, kind, body) VALUES (?, ?, ?)";
    let values = params![call, kind as u8, text(body)?];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(())
}

fn text(body: &impl Serialize) -> Result<String, CallError> {
    serde_json::to_string(body).map_err(|_| CallError::new(CallErrorKind::Storage))
}

/// JSON has no number that is none: such figures say nothing, and are left out.
fn finite_features(features: &Features) -> Features {
    let values = features.values.iter().filter(|(_, value)| value.is_finite());
    Features {
        at_s: finite(features.at_s),
        duration_s: finite(features.duration_s),
        values: values.map(|(name, value)| (name.clone(), *value)).collect(),
        distress: features.distress.as_ref().map(finite_distress),
    }
}

fn finite_distress(distress: &Distress) -> Distress {
    let part = |part: &DistressPart| DistressPart {
        figure: part.figure.clone(),
        value: finite(part.value),
        usual: part.usual.filter(|value| value.is_finite()),
        contribution: finite(part.contribution),
        weight: finite(part.weight),
    };
    Distress { score: finite(distress.score), parts: distress.parts.iter().map(part).collect() }
}

fn finite_decided(decided: &Decided) -> Decided {
    let mut decided = Decided { at_s: finite(decided.at_s), ..decided.clone() };
    let Decision { reasons, negated, .. } = &mut decided.decision;
    for reason in reasons.iter_mut().chain(negated) {
        reason.start_s = finite(reason.start_s);
        reason.end_s = finite(reason.end_s);
        reason.value = reason.value.filter(|value| value.is_finite());
    }
    decided
}

/// SQLite has no number that is none: it would become NULL.
const fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
