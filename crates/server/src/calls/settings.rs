//! What is kept of calls, where, and for how long.

use samovar_calls::StoreLimits;
use std::path::PathBuf;
use std::time::Duration;

/// What is kept of calls, where, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSettings {
    /// The folder; made where it is missing. It holds `calls.sqlite` and `audio/`, and belongs to the server alone.
    pub folder: PathBuf,
    /// How long a call is kept after its end.
    pub keep: Duration,
    /// Whether what was heard is kept as well, as mono WAV of 16 kHz.
    pub keep_audio: bool,
    /// Bytes of one call's audio; what comes after is not kept, and that is counted.
    pub audio_bytes_max: u64,
    /// Bytes that must stay free on the disk: below, no audio is kept.
    pub free_bytes_min: u64,
    /// Of the database.
    pub store: StoreLimits,
    /// Entries of live calls that wait for a slow disk; what comes then is lost, and counted.
    pub waiting_max: usize,
    /// How long the beginning of a call may take to be kept; a call goes on without, and is told so.
    pub begin_max: Duration,
}

impl CallSettings {
    /// 30 days, no audio, 1 GiB of it for each call where there is any, 256 MiB of the disk that stay free.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            keep: Duration::from_secs(30 * 24 * 3600),
            keep_audio: false,
            audio_bytes_max: 1 << 30,
            free_bytes_min: 256 << 20,
            store: StoreLimits::default(),
            waiting_max: 1_024,
            begin_max: Duration::from_secs(2),
        }
    }
}
