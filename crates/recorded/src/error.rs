//! Why recorded media have no result.

use samovar_media::MediaError;
use samovar_runtime::RunError;
use std::borrow::Cow;

/// Why recorded media have no result, or not all of it: a kind for programs, a sentence with the cure for people. Names no path.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct RecordedError {
    kind: RecordedErrorKind,
    sentence: Cow<'static, str>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedErrorKind {
    /// The video cannot be read; the code is the decoder's.
    Media(&'static str),
    /// The model has no result; the code is the runtime's.
    Run(&'static str),
    /// A result cannot be written, and it is not for want of space.
    Output,
    /// The disk is full.
    StorageFull,
    /// The journal is of another video, model or choice of frames: it cannot be gone on with.
    OtherWork,
    /// The journal cannot be read.
    Journal,
    /// What was asked for makes no sense.
    Invalid,
}

impl RecordedError {
    /// An error of that kind with a lower-case sentence.
    pub fn new(kind: RecordedErrorKind, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    /// What went wrong.
    pub const fn kind(&self) -> RecordedErrorKind {
        self.kind
    }

    /// The stable machine code.
    pub const fn code(&self) -> &'static str {
        match self.kind {
            RecordedErrorKind::Media(code) | RecordedErrorKind::Run(code) => code,
            RecordedErrorKind::Output => "output_failed",
            RecordedErrorKind::StorageFull => "storage_full",
            RecordedErrorKind::OtherWork => "journal_mismatch",
            RecordedErrorKind::Journal => "journal_unreadable",
            RecordedErrorKind::Invalid => "invalid_option",
        }
    }

    /// What became of a write.
    pub fn output(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::new(RecordedErrorKind::StorageFull, "the disk is full; make space, then go on")
            }
            _ => Self::new(RecordedErrorKind::Output, "the result cannot be written; check the folder and the disk"),
        }
    }
}

impl From<MediaError> for RecordedError {
    fn from(error: MediaError) -> Self {
        Self::new(RecordedErrorKind::Media(error.kind().code()), error.to_string())
    }
}

impl From<RunError> for RecordedError {
    fn from(error: RunError) -> Self {
        Self::new(RecordedErrorKind::Run(error.kind().code()), error.to_string())
    }
}
