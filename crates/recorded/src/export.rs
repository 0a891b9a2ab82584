//! From journals to files of the format that somebody wants.

use crate::{RecordedError, RecordedErrorKind};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The formats that results are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultFormat {
    /// One JSON object for each frame and line.
    #[default]
    Jsonl,
    /// One row for each object, with a header.
    Csv,
    /// The same in columns, compressed.
    Parquet,
    /// One JSON document as COCO has it: images, annotations, categories.
    Coco,
    /// Lines as MOT Challenge has them.
    Mot,
}

/// What is written from journals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Export {
    /// The format.
    pub format: ResultFormat,
    /// Follow objects from frame to frame, and write who is who.
    pub track: bool,
}

impl ResultFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Jsonl, Self::Csv, Self::Parquet, Self::Coco, Self::Mot];

    /// The word in options and queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Coco => "coco",
            Self::Mot => "mot",
        }
    }

    /// The format of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == word)
    }

    /// What a file of that format is called at its end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Coco => "json",
            Self::Mot => "txt",
        }
    }

    /// The media type on the wire.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Coco => "application/json",
            Self::Mot => "text/plain; charset=utf-8",
        }
    }
}

/// Writes what the journals hold, in their order, to one file, whole or not at all (a file beside it, then renamed). Memory does not
/// depend on their length. MOT takes one journal alone.
///
/// # Errors
/// `Journal`, `Output`, `StorageFull`.
pub fn export(journals: &[PathBuf], export: &Export, out: &Path) -> Result<(), RecordedError> {
    let _ = (journals, export, out);
    Err(RecordedError::new(RecordedErrorKind::Output, "results cannot be exported yet"))
}
