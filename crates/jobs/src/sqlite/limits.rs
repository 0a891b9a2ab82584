//! What one SQLite file may take, in bytes and in waiting.

use std::time::Duration;

/// What one SQLite file may take, in bytes and in waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteLimits {
    /// How long a write waits for another process that holds the file, before it is refused with `Storage`.
    pub busy_max: Duration,
    /// Bytes that the database may grow to; then new jobs are refused with `StorageFull`.
    pub bytes_max: u64,
}

impl Default for SqliteLimits {
    /// 5 s; 8 GiB: 100,000 waiting and as many finished jobs with 40 KiB each.
    fn default() -> Self {
        Self { busy_max: Duration::from_secs(5), bytes_max: 8 << 30 }
    }
}
