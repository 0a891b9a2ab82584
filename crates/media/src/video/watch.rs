//! The child's ends as blocking streams that are watched: standard error is read along, a deadline ends every wait,
//! and dropping the other end of the stop pipe ends it at once.

use super::child_clock::bytes_read;
use super::child_log::ChildLog;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

/// What the kernel holds of a stream; the default of 64 KiB costs a switch of processes for each 64 KiB.
const PIPE_BYTES: usize = 1 << 20;

/// A child's standard output, read. Fails with `TimedOut` past the deadline and `ConnectionAborted` when stopped.
#[derive(Debug)]
pub(crate) struct WatchedOutput {
    stdout: ChildStdout,
    pub(crate) watch: Watch,
}

/// A child's standard input, written. Fails as [`WatchedOutput`] does.
#[derive(Debug)]
pub(crate) struct WatchedInput {
    stdin: ChildStdin,
    pub(crate) watch: Watch,
}

/// The deadline, the stop pipe and the child's standard error.
#[derive(Debug)]
pub(crate) struct Watch {
    /// None once it has ended.
    stderr: Option<ChildStderr>,
    stop: PipeReader,
    deadline: Instant,
    /// What was given last.
    limit: Duration,
    /// Who may be silent for longer as long as it reads on, and how far it had read.
    reader: Option<(u32, u64)>,
    log: ChildLog,
    /// Whether a child that is sent on to another address is given up (`PermissionDenied`).
    pub(crate) is_to_stay: bool,
}

impl WatchedOutput {
    pub(crate) fn new(stdout: ChildStdout, watch: Watch) -> io::Result<Self> {
        enlarge(&stdout);
        rustix::io::ioctl_fionbio(&stdout, true)?;
        Ok(Self { stdout, watch })
    }
}

impl Read for WatchedOutput {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stdout.read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.watch.wait(Some((self.stdout.as_fd(), PollFlags::IN)))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => {
                    if self.watch.is_to_stay {
                        self.watch.read_log();
                        self.watch.check_place()?;
                    }
                    return read;
                }
            }
        }
    }
}

impl WatchedInput {
    pub(crate) fn new(stdin: ChildStdin, watch: Watch) -> io::Result<Self> {
        enlarge(&stdin);
        rustix::io::ioctl_fionbio(&stdin, true)?;
        Ok(Self { stdin, watch })
    }

    /// Closes the stream, which tells the child that all is written.
    pub(crate) fn close(self) -> Watch {
        self.watch
    }
}

impl Write for WatchedInput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stdin.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.watch.wait(Some((self.stdin.as_fd(), PollFlags::OUT)))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Watch {
    pub(crate) fn new(stderr: ChildStderr, stop: PipeReader) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&stderr, true)?;
        Ok(Self {
            stderr: Some(stderr),
            stop,
            deadline: Instant::now(),
            limit: Duration::ZERO,
            reader: None,
            log: ChildLog::default(),
            is_to_stay: false,
        })
    }

    /// Lets the child be silent for longer than allowed as long as it reads its input.
    pub(crate) const fn let_read(&mut self, process_id: u32) {
        self.reader = Some((process_id, 0));
    }

    /// Takes no account of damage that was told so far.
    pub(crate) fn forgive(&mut self) {
        self.read_log();
        self.log.trouble.damaged = false;
    }

    /// Gives what follows `limit` from now.
    pub(crate) fn allow(&mut self, limit: Duration) {
        let now = Instant::now();
        self.limit = limit;
        // A limit beyond what a clock can hold is none; a century serves.
        self.deadline = now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 86_400));
    }

    /// What standard error has said so far, without waiting.
    pub(crate) fn log(&mut self) -> &ChildLog {
        self.read_log();
        &self.log
    }

    /// Reads standard error to its end, which is the child's end, or to the deadline.
    pub(crate) fn read_log_to_end(&mut self) {
        while self.stderr.is_some() && self.wait(None).is_ok() {}
    }

    /// Waits until `stream` is ready or standard error says something, which is then read.
    fn wait(&mut self, stream: Option<(BorrowedFd<'_>, PollFlags)>) -> io::Result<()> {
        let mut left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if !self.has_read_on() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.allow(self.limit);
            left = self.limit;
        }
        let timeout = Timespec::try_from(left).map_err(|_| ErrorKind::TimedOut)?;
        let mut watched = vec![PollFd::new(&self.stop, PollFlags::IN)];
        watched.extend(self.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
        watched.extend(stream.map(|(fd, ready)| PollFd::from_borrowed_fd(fd, ready)));
        match rustix::event::poll(&mut watched, Some(&timeout)) {
            Err(Errno::INTR) => return Ok(()),
            polled => polled?,
        };
        if !watched[0].revents().is_empty() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        self.read_log();
        self.check_place()
    }

    /// Whether a child that may be silent has read more since it was asked last.
    fn has_read_on(&mut self) -> bool {
        let Some((process_id, before)) = &mut self.reader else { return false };
        let now = bytes_read(*process_id).unwrap_or(0);
        let has = now > *before;
        *before = now;
        has
    }

    /// The child says where it is sent before it goes there, and so before anything of it can be read.
    fn check_place(&self) -> io::Result<()> {
        if self.is_to_stay && self.log.trouble.redirected { Err(ErrorKind::PermissionDenied.into()) } else { Ok(()) }
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

/// A larger pipe where the system grants one.
fn enlarge(pipe: &impl AsFd) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES) {
        tracing::debug!(%error, "the pipe to the video child keeps its size");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (pipe, PIPE_BYTES);
}
