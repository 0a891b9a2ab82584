//! SQLite's errors in the store's words. The library's own text, which may hold words of a call, goes nowhere.

use crate::{CallError, CallErrorKind};
use rusqlite::Error;
use samovar_store::Trouble;

/// The store's word for an error of SQLite.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands on")]
pub fn fault(error: Error) -> CallError {
    let kind = match &error {
        Error::QueryReturnedNoRows => CallErrorKind::Unknown,
        other => told(Trouble::of(other)),
    };
    if kind != CallErrorKind::Unknown {
        tracing::warn!(
            code = kind.code(),
            sqlite = error.sqlite_error_code().map(tracing::field::debug),
            "the store of calls refused"
        );
    }
    CallError::new(kind)
}

/// What is answered where no answer came.
pub const fn failed() -> CallError {
    CallError::new(CallErrorKind::Storage)
}

const fn told(trouble: Trouble) -> CallErrorKind {
    match trouble {
        Trouble::Full => CallErrorKind::StorageFull,
        Trouble::Damaged => CallErrorKind::Corrupt,
        Trouble::Busy | Trouble::Failed => CallErrorKind::Storage,
    }
}
