//! Keeps two processes from fetching one file at once. Freed by the system, should a process be killed.

use crate::cancel::Cancel;
use crate::error::{HubError, HubErrorKind};
use crate::event::Event;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// Held while one file is fetched. The Hub's own tools lock the same file in the same way.
pub(crate) struct FileLock {
    _file: File,
}

const POLL: Duration = Duration::from_millis(100);

impl FileLock {
    /// Waits for the lock at `path`, whose folder is there, but no longer than `limit`.
    ///
    /// # Errors
    /// `Locked`, `Files`, `Cancelled`.
    pub(crate) fn take(
        path: &Path,
        limit: Duration,
        cancel: &Cancel,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, HubError> {
        let locking = |error: std::io::Error| HubError::files("locking the cache", &error);
        let file = File::options().create(true).append(true).open(path).map_err(locking)?;
        let begin = Instant::now();
        let mut has_told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(locking(error)),
                Err(TryLockError::WouldBlock) if begin.elapsed() >= limit => {
                    let message = format!("another process has been fetching this file for {} s", limit.as_secs());
                    return Err(HubError::new(HubErrorKind::Locked, message));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if !std::mem::replace(&mut has_told, true) {
                tell(Event::Waiting);
            }
            if !cancel.wait(POLL) {
                return Err(HubError::cancelled());
            }
        }
    }
}
