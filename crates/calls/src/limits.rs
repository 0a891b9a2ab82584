//! How much the store keeps.

use std::time::Duration;

/// How much the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// The file's size.
    pub bytes_max: u64,
    /// How long a locked file is waited for.
    pub busy_max: Duration,
    /// Segments, features and decisions of one call, together.
    pub entries_max: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { bytes_max: 16 << 30, busy_max: Duration::from_secs(5), entries_max: 200_000 }
    }
}

/// Bytes of the text of one segment; what is longer is cut.
pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// Calls of one answer.
pub const LIST_MAX: usize = 1_000;
/// Words that are looked for at once.
pub const SEARCH_WORDS_MAX: usize = 32;
