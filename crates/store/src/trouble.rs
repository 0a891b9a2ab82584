//! What an error of SQLite means to those who keep something in it.

use rusqlite::{Error, ErrorCode, ffi};

/// What an error of SQLite means to those who keep something in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no space left on the disk or in the file.
    Full,
    /// Others hold the file, so that another try may succeed.
    Busy,
    /// The file is damaged, no database, or holds what nobody wrote.
    Damaged,
    /// Everything else: the disk, a mistake.
    Failed,
}

impl Trouble {
    /// What that error means.
    pub const fn of(error: &Error) -> Self {
        match error {
            Error::SqliteFailure(inner, _) => Self::of_code(*inner),
            Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) | Error::FromSqlConversionFailure(..) => {
                Self::Damaged
            }
            _ => Self::Failed,
        }
    }

    const fn of_code(error: ffi::Error) -> Self {
        match error.code {
            ErrorCode::DiskFull => Self::Full,
            // The shared index of the WAL could not grow.
            ErrorCode::SystemIoFailure if error.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged,
            _ => Self::Failed,
        }
    }
}
