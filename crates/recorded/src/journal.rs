//! The journal of one video: a header, then one line of JSON for each frame, then its end. It survives: what was interrupted is gone on
//! with after its last whole line.

use crate::{FrameChoice, FrameRecord, RecordedError, RecordedErrorKind, Summary};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a journal is of: two runs with the same header may share a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalHeader {
    /// The video as it is shown and recorded.
    pub input: String,
    /// Size of the file in bytes and time of its last change in ms since 1970, where it is a file: another file is another work.
    pub source: Option<(u64, u64)>,
    /// The model's name.
    pub model: String,
    /// SHA-256 of its file, or what else tells it from another.
    pub fingerprint: String,
    /// The engine that ran it.
    pub engine: String,
    /// The arithmetic.
    pub precision: String,
    /// The names of its classes, by number.
    pub labels: Vec<String>,
    /// Thresholds: least score, greatest overlap, classes.
    pub options: serde_json::Value,
    /// Which frames.
    pub choice: FrameChoice,
    /// Frames in a second that the container declares.
    pub declared_fps: Option<f64>,
}

/// How a video ended: the last line of a journal that is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEnd {
    /// Frames that were looked at.
    pub frames: u64,
    /// `complete`, `truncated`, `damaged`.
    pub end: String,
    /// Where the damage begins, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged_at_ms: Option<f64>,
    /// What was found in all.
    pub summary: Summary,
    /// What the work took, as measured: stages, pools, machine.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub performance: serde_json::Value,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {}

/// A journal that is read from its beginning.
#[derive(Debug)]
pub struct JournalReader {}

impl Journal {
    /// A new one; an old one of that name is written over.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn create(path: &Path, header: &JournalHeader) -> Result<Self, RecordedError> {
        let _ = (path, header);
        Err(todo_error())
    }

    /// Goes on with one that was interrupted: what follows its last whole line is cut off. None where there is none.
    ///
    /// # Errors
    /// `OtherWork` where the header differs; `Journal` where it is damaged before its end; those of writing.
    pub fn resume(path: &Path, header: &JournalHeader) -> Result<Option<Self>, RecordedError> {
        let _ = (path, header);
        Err(todo_error())
    }

    /// The last frame that it holds; none where it holds none.
    pub const fn last(&self) -> Option<&FrameRecord> {
        None
    }

    /// How the video ended, where the journal is whole: there is nothing left to do.
    pub const fn end(&self) -> Option<&JournalEnd> {
        None
    }

    /// Adds a frame. Written through to the system now and then; [`checkpoint`](Self::checkpoint) makes sure.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn add(&mut self, record: &FrameRecord) -> Result<(), RecordedError> {
        let _ = record;
        Err(todo_error())
    }

    /// Writes all lines through to the disk.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn checkpoint(&mut self) -> Result<(), RecordedError> {
        Err(todo_error())
    }

    /// Writes the end and closes.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn finish(self, end: &JournalEnd) -> Result<(), RecordedError> {
        let _ = end;
        Err(todo_error())
    }
}

impl JournalReader {
    /// Opens a journal.
    ///
    /// # Errors
    /// `Journal`.
    pub fn open(path: &Path) -> Result<Self, RecordedError> {
        let _ = path;
        Err(todo_error())
    }

    /// What it is of.
    ///
    /// # Panics
    /// Not in the finished form.
    pub fn header(&self) -> &JournalHeader {
        unreachable!("a journal cannot be opened yet")
    }

    /// The next frame; none at the end, or where the journal breaks off.
    ///
    /// # Errors
    /// `Journal`.
    pub fn next_frame(&mut self) -> Result<Option<FrameRecord>, RecordedError> {
        Err(todo_error())
    }

    /// How the video ended, once all frames are read and the journal is whole.
    pub const fn end(&self) -> Option<&JournalEnd> {
        None
    }
}

fn todo_error() -> RecordedError {
    RecordedError::new(RecordedErrorKind::Journal, "journals cannot be written yet")
}
