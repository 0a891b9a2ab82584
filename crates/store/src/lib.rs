//! What stores on the disk share: names that nobody can guess, and files of SQLite that are opened with care.
//!
//! Knows no job and no call: what a file holds, and how its errors are told, is its store's own.
#![forbid(unsafe_code)]

mod random_id;
mod sqlite_file;
mod trouble;

pub use random_id::RandomId;
pub use sqlite_file::{FileLimits, FileSchema, OpenError, connect, open};
pub use trouble::Trouble;
