//! The formats that results are written in.

use serde::{Deserialize, Serialize};

/// The formats that results are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultFormat {
    /// One JSON object for each frame and line.
    #[default]
    Jsonl,
    /// One row for each object, with a header; RFC 4180, lines end with CR LF. Text that a spreadsheet would take for a formula has an
    /// apostrophe before it.
    Csv,
    /// The same in columns, compressed with zstd. A frame in which nothing was found has one row whose columns of the object are null, so
    /// that every frame that was looked at is there: count objects by `count(class_id)`.
    Parquet,
    /// One JSON document as COCO has it: images, annotations, categories. Categories count from 1: the class and 1.
    Coco,
    /// Lines as MOT Challenge has them. Frames count from 1 over those that were looked at, for the benchmark knows no gaps. Objects that are
    /// followed have their track, others are left out then; where nobody is followed every id is -1.
    Mot,
}

/// What is written from journals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Export {
    /// The format.
    pub format: ResultFormat,
    /// Follow objects from frame to frame, each class for itself, and write who is who. Ids are unique within a journal.
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
