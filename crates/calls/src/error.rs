//! Why the store did not do what it was asked.

/// Why the store did not do what it was asked: a kind for programs, a sentence with the cure for people. Names no path and no word of
/// a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct CallError {
    kind: CallErrorKind,
    sentence: &'static str,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallErrorKind {
    /// There is no such call, or it is another owner's.
    Unknown,
    /// It has ended: nothing is added to it.
    Ended,
    /// As much was kept of this call as may be.
    TooLong,
    /// What is looked for cannot be looked for.
    Search,
    /// The disk or the store is full.
    StorageFull,
    /// The database is busy, or the disk fails.
    Storage,
    /// The database is damaged or of another version. It is never made anew by itself.
    Corrupt,
}

impl CallError {
    /// An error of that kind, in its usual words.
    pub const fn new(kind: CallErrorKind) -> Self {
        Self { kind, sentence: kind.sentence() }
    }

    /// What went wrong.
    pub const fn kind(self) -> CallErrorKind {
        self.kind
    }
}

impl CallErrorKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "call_not_found",
            Self::Ended => "call_ended",
            Self::TooLong => "call_too_long",
            Self::Search => "bad_search",
            Self::StorageFull => "storage_full",
            Self::Storage => "storage_failed",
            Self::Corrupt => "storage_corrupt",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Unknown => "there is no such call: it was deleted, or it belongs to another key",
            Self::Ended => "the call has ended: begin another one",
            Self::TooLong => "as much of this call is kept as may be: end it and begin another one",
            Self::Search => "there is no word to look for: give letters or digits",
            Self::StorageFull => "there is no space left for calls: free some on the disk, then try again",
            Self::Storage => "the database of calls cannot be read or written: look at the disk and at the log",
            Self::Corrupt => {
                "the database of calls is damaged or of another version: put a backup in its place, or move it away to begin anew"
            }
        }
    }
}
