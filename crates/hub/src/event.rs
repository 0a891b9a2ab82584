//! What is told while a file is fetched.

use std::time::Duration;

/// One thing that happened to the file being fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Another process is fetching it; its end is waited for.
    Waiting,
    /// Bytes are about to arrive.
    Begin {
        /// The whole file's size, where the Hub says it.
        size_bytes: Option<u64>,
        /// What an earlier attempt had left.
        kept_bytes: u64,
    },
    /// So much of the file is here.
    Progress {
        /// From the file's beginning.
        done_bytes: u64,
    },
    /// All of it is here and is compared with its checksum.
    Checking,
    /// An attempt failed; the next one follows.
    Retry {
        /// Why it failed.
        reason: &'a str,
        /// How long is waited before the next one.
        delay: Duration,
    },
}
