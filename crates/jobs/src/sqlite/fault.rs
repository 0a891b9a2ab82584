//! SQLite's errors in the queue's words. The library's own text goes to the log only.

use crate::{JobError, JobErrorKind};
use rusqlite::Error;
use samovar_store::Trouble;

/// The queue's word for an error of SQLite.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands on")]
pub fn fault(error: Error) -> JobError {
    let (kind, sentence) = told(Trouble::of(&error));
    tracing::warn!(error = %error, code = kind.code(), "the database of jobs refused");
    JobError::new(kind, sentence)
}

/// What a damaged or foreign file is answered with.
pub fn corrupt() -> JobError {
    JobError::new(DAMAGED.0, DAMAGED.1)
}

/// What is answered where no answer came.
pub fn failed() -> JobError {
    JobError::new(FAILED.0, FAILED.1)
}

/// What is answered where there is no space.
pub fn full() -> JobError {
    JobError::new(FULL.0, FULL.1)
}

/// What is answered where others hold the database for too long.
pub fn busy() -> JobError {
    JobError::new(BUSY.0, BUSY.1)
}

type Told = (JobErrorKind, &'static str);

const DAMAGED: Told = (
    JobErrorKind::Corrupt,
    "the database of jobs is damaged or of another version: put a backup in its place, or move it away to begin anew",
);
const FULL: Told =
    (JobErrorKind::StorageFull, "there is no space left for jobs: free some on the disk, then try again");
const BUSY: Told = (JobErrorKind::Storage, "the database of jobs is busy for too long: try again later");
const FAILED: Told =
    (JobErrorKind::Storage, "the database of jobs cannot be read or written: look at the disk and at the log");

const fn told(trouble: Trouble) -> Told {
    match trouble {
        Trouble::Full => FULL,
        Trouble::Busy => BUSY,
        Trouble::Damaged => DAMAGED,
        Trouble::Failed => FAILED,
    }
}
