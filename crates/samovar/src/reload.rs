//! Files that are read again when they change: keys and certificates, without a restart.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Files, and what is done when one of them has changed.
pub struct Watched {
    what: &'static str,
    files: Vec<PathBuf>,
    seen: Vec<Stamp>,
    reload: Box<dyn FnMut() -> Result<(), String> + Send>,
}

/// What shows that a file has changed: which it is, how long, and since when. None: it is not there.
type Stamp = Option<(u64, u64, SystemTime)>;

impl Watched {
    /// The files as they are now were read already.
    pub fn new(what: &'static str, files: Vec<PathBuf>, reload: Box<dyn FnMut() -> Result<(), String> + Send>) -> Self {
        let seen = stamps(&files);
        Self { what, files, seen, reload }
    }

    /// Reads the files again if one has changed, and tells how that went. What cannot be read changes nothing.
    pub fn look(&mut self) -> Option<Result<(), String>> {
        let now = stamps(&self.files);
        if now == self.seen {
            return None;
        }
        self.seen = now;
        Some((self.reload)())
    }

    fn look_and_tell(&mut self) {
        match self.look() {
            None => {}
            Some(Ok(())) => tracing::warn!(what = self.what, "read again, and in use from now on"),
            Some(Err(reason)) => {
                tracing::error!(
                    what = self.what,
                    reason,
                    "a changed file cannot be used; what was read before stays in use"
                );
            }
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watched").field("what", &self.what).field("files", &self.files).finish_non_exhaustive()
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &Path| {
        let data = std::fs::metadata(file).ok()?;
        Some((data.ino(), data.len(), data.modified().ok()?))
    };
    files.iter().map(|file| stamp(file)).collect()
}

/// The thread that looks after files; it ends when this is dropped.
pub struct ReloadThread {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(2);

impl ReloadThread {
    /// Looks after these files from now on; without any there is no thread.
    pub fn start(mut watched: Vec<Watched>) -> Self {
        if watched.is_empty() {
            return Self { stop: None, thread: None };
        }
        let (stop, stopped) = channel();
        let work = move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                watched.iter_mut().for_each(Watched::look_and_tell);
            }
        };
        let thread = std::thread::Builder::new().name("samovar-reload".to_owned()).spawn(work);
        if let Err(error) = &thread {
            tracing::error!(%error, "changed files will not be read again: the system gives no thread");
        }
        Self { stop: Some(stop), thread: thread.ok() }
    }
}

impl Drop for ReloadThread {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks after files ended in a panic");
        }
    }
}
