//! The tables, and what marks the file as ours.

use samovar_store::FileSchema;

/// The letters `SaCa` mark the file.
pub const SCHEMA: FileSchema = FileSchema { application_id: 0x5361_4361, version: 1, tables: TABLES };

/// Bodies of `entries` are JSON: what a later version adds to them is absent in rows of an earlier one, and needs no other version.
///
/// The words of segments are looked up in `words`, which keeps no text of its own. `rank` is the priority as a number, so that "at
/// least as urgent" is a walk down an index.
const TABLES: &str = "
CREATE TABLE calls (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    origin TEXT NOT NULL,
    state TEXT NOT NULL,
    label TEXT,
    began INTEGER NOT NULL,
    ended INTEGER,
    duration_s REAL,
    language TEXT,
    rank INTEGER,
    category TEXT,
    audio TEXT,
    entries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX calls_by_owner ON calls (owner, seq);
CREATE INDEX calls_by_end ON calls (ended) WHERE ended IS NOT NULL;
CREATE INDEX calls_open ON calls (seq) WHERE ended IS NULL;
CREATE TABLE segments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    call INTEGER NOT NULL REFERENCES calls (seq) ON DELETE CASCADE,
    start_s REAL NOT NULL,
    end_s REAL NOT NULL,
    text TEXT NOT NULL,
    language TEXT,
    average_logprob REAL,
    no_speech_prob REAL
);
CREATE INDEX segments_by_call ON segments (call, seq);
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    call INTEGER NOT NULL REFERENCES calls (seq) ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX entries_by_call ON entries (call, kind, seq);
CREATE VIRTUAL TABLE words USING fts5(text, content='segments', content_rowid='seq', tokenize='unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER segments_heard AFTER INSERT ON segments BEGIN
    INSERT INTO words (rowid, text) VALUES (new.seq, new.text);
END;
CREATE TRIGGER segments_forgotten AFTER DELETE ON segments BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.seq, old.text);
END;
";
