//! The child's output as a blocking source that is watched: standard error is read along, a deadline ends every
//! wait, and dropping the other end of the stop pipe ends it at once.

use super::child_log::ChildLog;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::fd::AsFd;
use std::process::{ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

/// What the kernel holds of the output; the default of 64 KiB costs a switch of processes for each 64 KiB.
const PIPE_BYTES: usize = 1 << 20;

/// The watched output. Reads fail with `TimedOut` past the deadline and with `ConnectionAborted` when stopped.
#[derive(Debug)]
pub(super) struct WatchedOutput {
    stdout: ChildStdout,
    /// None once it has ended.
    stderr: Option<ChildStderr>,
    stop: PipeReader,
    deadline: Instant,
    log: ChildLog,
}

impl WatchedOutput {
    pub(super) fn new(stdout: ChildStdout, stderr: ChildStderr, stop: PipeReader) -> io::Result<Self> {
        set_pipe_size(&stdout);
        rustix::io::ioctl_fionbio(&stdout, true)?;
        rustix::io::ioctl_fionbio(&stderr, true)?;
        Ok(Self { stdout, stderr: Some(stderr), stop, deadline: Instant::now(), log: ChildLog::default() })
    }

    /// Gives what follows `limit` from now.
    pub(super) fn allow(&mut self, limit: Duration) {
        self.deadline = Instant::now() + limit;
    }

    /// What standard error has said so far, without waiting.
    pub(super) fn log(&mut self) -> &ChildLog {
        self.read_log();
        &self.log
    }

    /// Reads standard error to its end, which is the child's end, or to the deadline.
    pub(super) fn read_log_to_end(&mut self) {
        while self.stderr.is_some() && self.wait(false).is_ok() {}
    }

    /// Waits until something may be read, and reads what standard error holds.
    fn wait(&mut self, with_stdout: bool) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let timeout = Timespec::try_from(left).map_err(|_| ErrorKind::TimedOut)?;
        let mut watched = vec![PollFd::new(&self.stop, PollFlags::IN)];
        watched.extend(self.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
        watched.extend(with_stdout.then(|| PollFd::new(&self.stdout, PollFlags::IN)));
        match rustix::event::poll(&mut watched, Some(&timeout)) {
            Err(Errno::INTR) => return Ok(()),
            polled => polled?,
        };
        if !watched[0].revents().is_empty() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        self.read_log();
        Ok(())
    }

    /// Reads what standard error holds; at most a pipe's fill, so that a chatty child cannot keep the reader here.
    fn read_log(&mut self) {
        let mut chunk = [0; 4096];
        for _ in 0..16 {
            let Some(stderr) = &mut self.stderr else { return };
            match stderr.read(&mut chunk) {
                Ok(0) => self.stderr = None,
                Ok(len) => self.log.push(&chunk[..len]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.stderr = None,
            }
        }
    }
}

impl Read for WatchedOutput {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stdout.read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(true)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// A larger pipe where the system grants one.
pub(super) fn set_pipe_size(pipe: &impl AsFd) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES) {
        tracing::debug!(%error, "the pipe to the video child keeps its size");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (pipe, PIPE_BYTES);
}
