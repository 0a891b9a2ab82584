//! The thread that owns an audio child: it reads the child's output into bounded messages and judges how the child ended.

use super::{AudioError, AudioErrorKind, AudioLimits};
use crate::FfmpegProgram;
use crate::video::child::{ChildLimits, ChildPlan, ConfinedChild};
use crate::video::child_log::{SourceFacts, Trouble};
use crate::video::decoding::{ADDRESS_SPACE_BASE_BYTES, OPEN_FILES_MAX};
use crate::video::sandbox::{Grant, Sandbox};
use crate::video::watch::{Watch, WatchedOutput};
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, PipeReader, Read};
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Bytes that are handed over at a time.
const MESSAGE_BYTES: usize = 64 << 10;
/// Messages that wait for the reader; when they do, the child waits.
pub(super) const MESSAGES_MAX: usize = 4;
/// How often a live child that says nothing is looked at for damage that it told of.
const LOOK: Duration = Duration::from_millis(250);
/// Processor time that a recording of a second may take: far more than any codec takes.
const CPU_SHARE: u64 = 10;
const CPU_BASE_S: u64 = 60;

/// What the thread tells: bytes, then how it ended.
#[derive(Debug)]
pub(super) enum Message {
    /// Some of the AU stream, and what is known of the source by then.
    Bytes(Vec<u8>, Box<SourceFacts>),
    /// Some of a live stream is damaged, and it goes on. Told once.
    Damaged,
    /// The end.
    Ended {
        is_damaged: bool,
    },
    Failed(AudioError),
}

/// Where the child reads.
pub(super) enum ChildInput {
    Recording(File),
    /// Standard input is piped.
    Live,
}

/// What the thread needs.
pub(super) struct ChildRun {
    pub(super) program: FfmpegProgram,
    pub(super) arguments: Vec<OsString>,
    pub(super) input: ChildInput,
    pub(super) limits: AudioLimits,
    pub(super) sender: SyncSender<Message>,
}

impl ChildRun {
    /// The whole life of the thread. `feed` gets the child's standard input where it is piped, and tells whether the child owes
    /// something when it was silent for [`AudioLimits::stall`].
    pub(super) fn run<F>(
        self,
        stop: PipeReader,
        feed: impl FnOnce(ChildStdin) -> Result<F, AudioError>,
        owes: impl Fn() -> bool,
    ) {
        let ended = match self.decode(stop, feed, owes) {
            Ok(is_damaged) => Message::Ended { is_damaged },
            Err(error) => Message::Failed(error),
        };
        // Nobody listens any more where it was dropped.
        let _ = self.sender.send(ended);
    }

    fn decode<F>(
        &self,
        stop: PipeReader,
        feed: impl FnOnce(ChildStdin) -> Result<F, AudioError>,
        owes: impl Fn() -> bool,
    ) -> Result<bool, AudioError> {
        let mut child = self.spawn()?;
        // Dropped before the child, so that nothing waits for a child that is gone.
        let _feeder = if matches!(self.input, ChildInput::Live) { Some(feed(child.take_stdin())?) } else { None };
        let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
        let output = Watch::new(stderr, stop).and_then(|watch| WatchedOutput::new(stdout, watch));
        let mut output = output.map_err(|_| AudioError::no_resources())?;
        let byte_count = self.deliver(&mut output, owes)?;
        output.watch.allow(self.limits.stall);
        output.watch.read_log_to_end();
        let status = child.wait(self.limits.stall);
        let log = output.watch.log();
        let has_succeeded = status.is_some_and(|status| status.success());
        if byte_count > 0 && (has_succeeded || log.trouble.opened) {
            return Ok(log.trouble.damaged || !has_succeeded);
        }
        tracing::warn!(?status, log = log.tail(), "audio was not decoded");
        Err(failure(log.trouble, has_succeeded))
    }

    /// Hands over what comes; the number of bytes.
    fn deliver(&self, output: &mut WatchedOutput, owes: impl Fn() -> bool) -> Result<u64, AudioError> {
        let (mut byte_count, mut buffer) = (0, vec![0; MESSAGE_BYTES]);
        let mut is_whole = matches!(self.input, ChildInput::Live);
        let look = if is_whole { LOOK.min(self.limits.stall) } else { self.limits.stall };
        let mut owes_since = Instant::now();
        loop {
            output.watch.allow(look);
            match output.read(&mut buffer) {
                Ok(0) => return Ok(byte_count),
                Ok(len) => {
                    (byte_count, owes_since) = (byte_count + len as u64, Instant::now());
                    let facts = Box::new(output.watch.log().facts.clone());
                    self.tell(Message::Bytes(buffer[..len].to_vec(), facts))?;
                }
                Err(error) if error.kind() == ErrorKind::TimedOut && !owes() => owes_since = Instant::now(),
                Err(error) if error.kind() == ErrorKind::TimedOut && owes_since.elapsed() < self.limits.stall => {}
                Err(error) => {
                    tracing::warn!(%error, log = output.watch.log().tail(), "the audio child is stopped");
                    let sentence = "the audio decoder made no progress and was stopped; try again";
                    return Err(AudioError::new(AudioErrorKind::DecoderFailed, sentence));
                }
            }
            if is_whole && byte_count > 0 && output.watch.log().trouble.damaged {
                is_whole = false;
                self.tell(Message::Damaged)?;
            }
        }
    }

    fn tell(&self, message: Message) -> Result<(), AudioError> {
        self.sender.send(message).map_err(|_| AudioError::died())
    }

    fn spawn(&self) -> Result<ConfinedChild, AudioError> {
        let program = self.program.path();
        let (stdin, grant, cpu_s) = match &self.input {
            ChildInput::Recording(file) => {
                let stdin = file.try_clone().map_err(|_| AudioError::no_resources())?;
                let cpu_s = CPU_BASE_S + self.limits.duration.as_secs() / CPU_SHARE;
                (Stdio::from(stdin), Grant::Read(file), cpu_s)
            }
            // A call may last for days; a child that takes and gives nothing is stopped for that.
            ChildInput::Live => (Stdio::piped(), Grant::Nothing, u64::MAX),
        };
        let plan = ChildPlan {
            program,
            arguments: self.arguments.clone(),
            stdin,
            stdout: Stdio::piped(),
            extra: None,
            limits: ChildLimits {
                address_space_bytes: ADDRESS_SPACE_BASE_BYTES,
                cpu_s,
                file_bytes: Some(0),
                open_files: OPEN_FILES_MAX,
            },
            sandbox: Sandbox::new(program, grant),
        };
        ConfinedChild::spawn(plan).map_err(|_| AudioError::no_resources())
    }
}

/// Why a child that ended by itself gave nothing.
fn failure(trouble: Trouble, has_succeeded: bool) -> AudioError {
    if has_succeeded {
        AudioError::empty()
    } else if trouble.no_video {
        AudioError::new(AudioErrorKind::Unsupported, "there is no sound in it; send a recording that has some")
    } else if trouble.opened && trouble.damaged && !trouble.not_listed {
        AudioError::damaged()
    } else {
        AudioError::unsupported()
    }
}

/// Longest wait for a message: the child's own limit, and time to judge its end.
pub(super) fn patience(limits: &AudioLimits) -> Duration {
    limits.stall.saturating_mul(4)
}
