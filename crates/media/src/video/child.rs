//! A confined child process: empty environment, own process group, resource limits, no new privileges, the sandbox,
//! killed when the thread that started it ends, killed and reaped when dropped.
//!
//! The kernel ties a child to the **thread** that started it. So that thread must be one that lives as long as the
//! child is wanted: the decoder's or encoder's own.

#![expect(unsafe_code, reason = "what runs between fork and exec can be set up in no other way")]

use super::child_clock::ChildClock;
use super::sandbox::Sandbox;
use crate::{MediaError, MediaErrorKind};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a killed child to be gone; only a broken file system makes it take longer.
const REAP_LIMIT: Duration = Duration::from_secs(5);

/// How a child is started.
pub(crate) struct ChildPlan<'a> {
    /// The program's own file.
    pub(crate) program: &'a Path,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) stdin: Stdio,
    pub(crate) stdout: Stdio,
    /// A descriptor that the child gets besides, under the number that it has here.
    pub(crate) extra: Option<OwnedFd>,
    pub(crate) limits: ChildLimits,
    pub(crate) sandbox: Sandbox,
}

/// The resources that a child may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChildLimits {
    pub(crate) address_space_bytes: u64,
    pub(crate) cpu_s: u64,
    /// Longest file it may write; no bound where none.
    pub(crate) file_bytes: Option<u64>,
    pub(crate) open_files: u64,
}

/// A running child.
#[derive(Debug)]
pub(crate) struct ConfinedChild {
    child: Child,
    clock: ChildClock,
    /// Set once it is reaped: its number may then belong to another process.
    status: Option<ExitStatus>,
}

impl ConfinedChild {
    /// Starts it. Must be called on the thread that will own it.
    pub(crate) fn spawn(plan: ChildPlan<'_>) -> Result<Self, MediaError> {
        let mut command = Command::new(plan.program);
        command.args(plan.arguments).env_clear().stdin(plan.stdin).stdout(plan.stdout).stderr(Stdio::piped());
        // Each arena reserves 64 MiB of address space; many threads would fill the limit with nothing.
        command.env("MALLOC_ARENA_MAX", "2").process_group(0);
        let (limits, ruleset) = (plan.limits, plan.sandbox.ruleset);
        let parent = rustix::process::getpid();
        // Both are closed here when the command is dropped, at the end of this function.
        let extra = plan.extra;
        let confine = move || {
            confine(limits, parent, ruleset.as_ref().map(AsRawFd::as_raw_fd))?;
            extra.as_ref().map_or(Ok(()), keep_on_exec)
        };
        // SAFETY: `confine` makes system calls only: it allocates nothing, takes no lock and touches no shared state.
        unsafe { command.pre_exec(confine) };
        let child = command.spawn().map_err(|error| {
            tracing::warn!(%error, "the video child did not start");
            MediaError::new(MediaErrorKind::DecoderFailed, "the video program could not be started; try again later")
        })?;
        Ok(Self { clock: ChildClock::new(child.id()), child, status: None })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its processor time, also after its end.
    pub(crate) const fn clock(&self) -> &ChildClock {
        &self.clock
    }

    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("asked for once, and piped by the plan")
    }

    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("asked for once, and piped by the plan")
    }

    pub(crate) fn take_stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("asked for once, and always piped")
    }

    /// How it ended, waiting for `limit` at most.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_micros(200);
        while self.status.is_none() {
            if self.has_ended() {
                self.clock.stop();
                self.status = self.child.try_wait().ok().flatten();
            }
            if self.status.is_some() || Instant::now() >= deadline {
                break;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        self.status
    }

    /// Whether it has ended; it is not reaped by asking.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error is a child that is no more, which reaping then tells.
        !matches!(rustix::process::waitid(WaitId::Pid(Pid::from_child(&self.child)), options), Ok(None))
    }

    /// Kills it with all that it started.
    pub(crate) fn kill(&mut self) {
        if self.status.is_some() {
            return;
        }
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.kill();
    }
}

impl Drop for ConfinedChild {
    fn drop(&mut self) {
        self.kill();
        if self.wait(REAP_LIMIT).is_none() {
            tracing::error!(pid = self.child.id(), "a killed video child is not gone");
        }
    }
}

/// Runs in the child between fork and exec: nothing here may allocate or lock.
fn confine(limits: ChildLimits, parent: Pid, ruleset: Option<RawFd>) -> io::Result<()> {
    die_with_parent(parent)?;
    limit(Resource::As, limits.address_space_bytes)?;
    limit(Resource::Cpu, limits.cpu_s)?;
    limit(Resource::Nofile, limits.open_files)?;
    limit(Resource::Core, 0)?;
    if let Some(bytes) = limits.file_bytes {
        limit(Resource::Fsize, bytes)?;
    }
    restrict(ruleset)
}

/// Lets the program have a descriptor; the mark is of this process alone, so no other child gets it.
fn keep_on_exec(descriptor: &OwnedFd) -> io::Result<()> {
    Ok(rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::empty())?)
}

fn limit(resource: Resource, value: u64) -> io::Result<()> {
    // An operator's tighter limit stays.
    let hard = rustix::process::getrlimit(resource).maximum;
    let value = Some(hard.map_or(value, |hard| hard.min(value)));
    Ok(rustix::process::setrlimit(resource, Rlimit { current: value, maximum: value })?)
}

#[cfg(target_os = "linux")]
fn die_with_parent(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the line above.
    if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_parent: Pid) -> io::Result<()> {
    // No such signal here: the closed pipe ends the child.
    Ok(())
}

#[cfg(target_os = "linux")]
fn restrict(ruleset: Option<RawFd>) -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: closes on exec what the parent may have left open for children; touches no memory. It may be unknown to
    // the kernel (before 5.11), which is no failure: Rust opens everything close-on-exec.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    let Some(ruleset) = ruleset else { return Ok(()) };
    // SAFETY: takes a descriptor, which the parent keeps open until the child runs, and touches no memory.
    let taken = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) };
    if taken == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn restrict(_ruleset: Option<RawFd>) -> io::Result<()> {
    Ok(())
}
