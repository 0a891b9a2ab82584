//! Frames of a video, one after the other: a child decodes, one thread owns the child and fills pooled buffers, a
//! bounded channel hands them over. When the reader is slow the channel is full, then the pipe, and the child waits.

use super::child::{ChildLimits, ChildPlan, ConfinedChild};
use super::decode_command;
use super::input::OpenInput;
use super::nut::{NutError, NutFrame, NutReader};
use super::sandbox::{FileUse, Sandbox};
use super::watch::{Watch, WatchedOutput};
use super::{VideoInput, VideoOptions};
use crate::{Frame, FramePool, MediaError, MediaErrorKind, PixelFormat, VideoLimits, YuvMatrix, YuvRange};
use std::io::{ErrorKind, PipeReader, PipeWriter};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Descriptors that the child may have open; FFmpeg and its libraries need about ten.
const OPEN_FILES_MAX: u64 = 32;
/// Address space beside the pictures: program, libraries, thread stacks, container index.
const ADDRESS_SPACE_BASE_BYTES: u64 = 1 << 30;
/// Bytes that a codec may hold for each pixel: some twenty pictures of 10-bit 4:2:0.
const HELD_BYTES_PER_PIXEL: u64 = 64;
/// Frames left out for which the stall limit is given once more.
const FRAMES_PER_STALL: u32 = 100;

/// A video that is being decoded. Dropping it kills the child and joins the thread.
#[derive(Debug)]
pub struct VideoDecoder {
    /// None once dropped, which is what wakes a thread that waits for the reader.
    messages: Option<Receiver<Message>>,
    info: VideoInfo,
    process_id: u32,
    end: Option<VideoEnd>,
    /// Its end in the thread tells that this one was dropped.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

/// What is known of a video once its first frame is there.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoInfo {
    /// Width of the delivered frames, in pixels.
    pub width: u32,
    /// Height of the delivered frames, in pixels.
    pub height: u32,
    /// Layout of the delivered frames: always YUV 4:2:0, in the source's own matrix and range. What the source leaves
    /// open is BT.601 and limited; BT.2020 is given as BT.709.
    pub format: PixelFormat,
    /// Length that the container declares; none for live sources. Not to be relied on.
    pub declared_duration: Option<Duration>,
    /// Frame rate that the container declares. Not to be relied on: frames carry their own times.
    pub declared_frames_per_second: Option<f64>,
    /// FFmpeg's name of the codec, such as `h264`.
    pub codec: Option<String>,
}

/// How a video ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoEnd {
    /// To its last frame.
    Complete,
    /// There is more, but a limit was reached.
    Truncated(Truncation),
    /// Something in it is damaged; all that could be decoded was delivered, with concealed errors.
    Damaged {
        /// Time of the last frame before the first sign of damage. The sign may come some frames late.
        at: Duration,
    },
    /// A live source has changed the size of its pictures; opened again it gives them at their new size.
    Changed,
}

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// [`VideoLimits::duration`].
    Duration,
    /// [`VideoOptions::frame_count_max`], or what the limits on duration and frame rate allow together.
    FrameCount,
}

/// What a decoder came to within the time that it was given.
#[derive(Debug)]
pub enum VideoStep {
    /// Nothing yet.
    Quiet,
    /// The first frame is there: [`VideoDecoder::info`] is known. Comes once, before that frame.
    Opened,
    /// The next frame.
    Frame(Frame),
    /// The end, which [`VideoDecoder::end`] tells.
    Ended,
}

impl VideoDecoder {
    /// Starts decoding and waits for the first frame, for [`VideoLimits::stall`] at most.
    ///
    /// `pool` should keep `frames_ahead + 1` buffers and those that the caller holds.
    ///
    /// # Errors
    /// `Unreadable` or `Forbidden` for an input that may not be opened, `UnsupportedFormat`, `Corrupt`, `TooLarge` for
    /// its content, `DecoderFailed` where the child died, hung or told nonsense.
    pub fn open(
        input: VideoInput,
        options: VideoOptions,
        limits: &VideoLimits,
        pool: FramePool,
    ) -> Result<Self, MediaError> {
        let mut decoder = Self::begin(input, options, limits, pool)?;
        match decoder.receive() {
            Message::Opened(info, process_id) => (decoder.info, decoder.process_id) = (*info, process_id),
            Message::Failed(error) => return Err(error),
            Message::Ended(_) => return Err(too_large("the limits leave no picture of the video; begin earlier")),
            Message::Frame(_) => return Err(reader_died()),
        }
        Ok(decoder)
    }

    /// Starts decoding and returns at once: for [`step`](Self::step), whose waits are short, so that whoever waits can be stopped.
    ///
    /// # Errors
    /// `Unreadable` or `Forbidden` for an input that may not be opened, `DecoderFailed` where the system gives no thread.
    pub fn begin(
        input: VideoInput,
        options: VideoOptions,
        limits: &VideoLimits,
        pool: FramePool,
    ) -> Result<Self, MediaError> {
        let input = input.open(&options.schemes)?;
        let (sender, messages) = sync_channel(options.frames_ahead.get() as usize);
        let (watched_stop, stop) = std::io::pipe().map_err(|_| no_resources())?;
        let work = Work { input, options, limits: *limits, pool, sender };
        let spawned = std::thread::Builder::new().name("video-decoder".into()).spawn(move || work.run(watched_stop));
        Ok(Self {
            messages: Some(messages),
            info: VideoInfo::unknown(),
            process_id: 0,
            end: None,
            stop: Some(stop),
            thread: Some(spawned.map_err(|_| no_resources())?),
        })
    }

    /// Waits for what comes next, for `limit` at most.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) and [`next_frame`](Self::next_frame); nothing comes after one.
    pub fn step(&mut self, limit: Duration) -> Result<VideoStep, MediaError> {
        let Some(messages) = &self.messages else { return Ok(VideoStep::Ended) };
        let message = match messages.recv_timeout(limit) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return Ok(VideoStep::Quiet),
            Err(RecvTimeoutError::Disconnected) => Message::Failed(reader_died()),
        };
        match message {
            Message::Opened(info, process_id) => (self.info, self.process_id) = (*info, process_id),
            Message::Frame(frame) => return Ok(VideoStep::Frame(frame)),
            Message::Ended(end) => {
                (self.end, self.messages) = (Some(end), None);
                return Ok(VideoStep::Ended);
            }
            Message::Failed(error) => {
                self.messages = None;
                return Err(error);
            }
        }
        Ok(VideoStep::Opened)
    }

    /// What is known of the video.
    pub const fn info(&self) -> &VideoInfo {
        &self.info
    }

    /// The child's process number, for figures of its memory and time.
    pub const fn process_id(&self) -> u32 {
        self.process_id
    }

    /// Waits for the next frame; none at the end, which [`end`](Self::end) then tells.
    ///
    /// # Errors
    /// `DecoderFailed` where the child died, hung for [`VideoLimits::stall`] or told nonsense. The frames before it
    /// were delivered; there are none after.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        if self.messages.is_none() {
            return Ok(None);
        }
        match self.receive() {
            Message::Frame(frame) => return Ok(Some(frame)),
            Message::Ended(end) => self.end = Some(end),
            Message::Failed(error) => {
                self.messages = None;
                return Err(error);
            }
            Message::Opened(..) => {}
        }
        self.messages = None;
        Ok(None)
    }

    /// How it ended; none before the end and after an error.
    pub const fn end(&self) -> Option<VideoEnd> {
        self.end
    }

    /// Never waits for ever: the thread has a deadline, and ends with a message or by dropping the channel.
    fn receive(&self) -> Message {
        let message = self.messages.as_ref().and_then(|messages| messages.recv().ok());
        message.unwrap_or_else(|| Message::Failed(reader_died()))
    }
}

impl Drop for VideoDecoder {
    fn drop(&mut self) {
        drop(self.messages.take());
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a video decoder panicked");
        }
    }
}

impl VideoInfo {
    const fn unknown() -> Self {
        Self {
            width: 0,
            height: 0,
            format: PixelFormat::Yuv420 { matrix: YuvMatrix::Bt601, range: YuvRange::Limited },
            declared_duration: None,
            declared_frames_per_second: None,
            codec: None,
        }
    }
}

/// What the thread tells, in this order: opened, frames, then ended; or failed at any point.
#[derive(Debug)]
enum Message {
    Opened(Box<VideoInfo>, u32),
    Frame(Frame),
    Ended(VideoEnd),
    Failed(MediaError),
}

/// What the thread needs.
struct Work {
    input: OpenInput,
    options: VideoOptions,
    limits: VideoLimits,
    pool: FramePool,
    sender: SyncSender<Message>,
}

impl Work {
    /// The whole life of the thread.
    fn run(self, stop: PipeReader) {
        let message = match self.decode(stop) {
            Ok(end) => Message::Ended(end),
            Err(error) => Message::Failed(error),
        };
        // Nobody listens where the decoder was dropped.
        let _ = self.sender.send(message);
    }

    fn decode(&self, stop: PipeReader) -> Result<VideoEnd, MediaError> {
        let mut child = self.spawn()?;
        let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
        let output = Watch::new(stderr, stop).and_then(|watch| WatchedOutput::new(stdout, watch));
        let mut output = output.map_err(|_| no_resources())?;
        output.watch.allow(self.stall());
        let mut reading = Reading { work: self, child, frame_count: 0, last: Duration::ZERO, damaged_at: None };
        match NutReader::open(&mut output) {
            Ok(mut reader) => match reading.deliver(&mut reader) {
                Ok(Stopped::Ended) => reading.conclude(&mut output, None),
                Ok(Stopped::Truncated(truncation)) => Ok(VideoEnd::Truncated(truncation)),
                Ok(Stopped::Dropped) => Ok(VideoEnd::Complete),
                Err(Failure::Stream(error)) => reading.conclude(&mut output, Some(error)),
                Err(Failure::Media(error)) => Err(error),
            },
            Err(error) => reading.conclude(&mut output, Some(error)),
        }
    }

    fn spawn(&self) -> Result<ConfinedChild, MediaError> {
        let file = self.input.file();
        let stdin = file.map(std::fs::File::try_clone).transpose().map_err(|_| no_resources())?;
        let program = self.options.program.path();
        ConfinedChild::spawn(ChildPlan {
            program,
            arguments: decode_command::arguments(&self.input, &self.options, &self.limits),
            stdin: stdin.map_or_else(Stdio::null, Stdio::from),
            stdout: Stdio::piped(),
            limits: self.child_limits(),
            sandbox: Sandbox::new(program, file.map(|file| (file, FileUse::Read))),
        })
    }

    fn child_limits(&self) -> ChildLimits {
        let pixels = u64::from(self.limits.side_px).pow(2);
        ChildLimits {
            address_space_bytes: ADDRESS_SPACE_BASE_BYTES + pixels.saturating_mul(HELD_BYTES_PER_PIXEL),
            // Decoding slower than real time on every thread is not decoding any more.
            cpu_s: self.limits.duration.as_secs().saturating_mul(self.options.threads.get().into()).saturating_add(60),
            file_bytes: Some(0),
            open_files: OPEN_FILES_MAX,
        }
    }

    /// Longest wait for one frame, which grows with the frames left out before it.
    fn stall(&self) -> Duration {
        self.limits.stall.saturating_mul(1 + self.options.every.get() / FRAMES_PER_STALL)
    }

    fn frame_count_max(&self) -> u64 {
        let by_limits = (self.limits.duration.as_secs_f64() * self.limits.frames_per_second).ceil() as u64;
        self.options.frame_count_max.unwrap_or(u64::MAX).min(by_limits)
    }
}

/// Why delivering stopped without an error.
enum Stopped {
    Ended,
    Truncated(Truncation),
    /// Nobody takes frames any more.
    Dropped,
}

enum Failure {
    Stream(NutError),
    Media(MediaError),
}

impl From<NutError> for Failure {
    fn from(error: NutError) -> Self {
        Self::Stream(error)
    }
}

/// One pass over the child's output.
struct Reading<'a> {
    work: &'a Work,
    child: ConfinedChild,
    frame_count: u64,
    /// Time of the last frame.
    last: Duration,
    damaged_at: Option<Duration>,
}

impl Reading<'_> {
    fn deliver(&mut self, reader: &mut NutReader<&mut WatchedOutput>) -> Result<Stopped, Failure> {
        let stream = reader.stream();
        if &stream.fourcc != b"I420" {
            return Err(NutError::Malformed("an unexpected pixel format").into());
        }
        if stream.width.max(stream.height) > self.work.limits.side_px {
            return Err(Failure::Media(too_large("the video's picture is over the size limit; scale it down first")));
        }
        let mut info = VideoInfo { width: stream.width, height: stream.height, ..VideoInfo::unknown() };
        loop {
            reader.source_mut().watch.allow(self.work.stall());
            let Some(head) = reader.next_frame()? else { return Ok(Stopped::Ended) };
            let timestamp = head.timestamp + self.work.options.start;
            if let Some(truncation) = self.limit_reached(timestamp) {
                return Ok(Stopped::Truncated(truncation));
            }
            let mut pixels = self.take_buffer(&info, head)?;
            reader.read_payload(&mut pixels)?;
            if self.frame_count == 0 {
                self.complete(&mut info, reader.source_mut()).map_err(Failure::Media)?;
                if !self.tell(Message::Opened(Box::new(info.clone()), self.child.id())) {
                    return Ok(Stopped::Dropped);
                }
            }
            self.count(timestamp, reader.source_mut());
            let frame = Frame::new(info.width, info.height, info.format, timestamp, pixels);
            if !self.tell(Message::Frame(frame)) {
                return Ok(Stopped::Dropped);
            }
        }
    }

    fn limit_reached(&self, timestamp: Duration) -> Option<Truncation> {
        if self.frame_count >= self.work.frame_count_max() {
            return Some(Truncation::FrameCount);
        }
        (timestamp > self.work.limits.duration).then_some(Truncation::Duration)
    }

    /// A buffer for the frame, whose length must be what its size asks for.
    fn take_buffer(&self, info: &VideoInfo, head: NutFrame) -> Result<crate::PooledBuffer, NutError> {
        let size = info.format.size_bytes(info.width, info.height);
        if head.payload_bytes != size as u64 {
            return Err(NutError::Malformed("a frame of the wrong length"));
        }
        Ok(self.work.pool.take(size))
    }

    /// Takes over what the child has said by its first frame, and refuses what is over the limits.
    fn complete(&self, info: &mut VideoInfo, output: &mut WatchedOutput) -> Result<(), MediaError> {
        if output.watch.log().trouble.too_large {
            return Err(output.watch.log().failure());
        }
        let facts = output.watch.log().facts.clone();
        if facts.frames_per_second.is_some_and(|rate| rate > self.work.limits.frames_per_second) {
            return Err(too_large("the video's frame rate is over the limit; lower it first"));
        }
        if facts.size.is_some_and(|(width, height)| width.max(height) > self.work.limits.side_px) {
            return Err(too_large("the video's picture is over the size limit; scale it down first"));
        }
        if let Some((matrix, range)) = facts.color {
            info.format = PixelFormat::Yuv420 { matrix, range };
        }
        info.declared_duration = facts.duration;
        info.declared_frames_per_second = facts.frames_per_second;
        info.codec = facts.codec;
        Ok(())
    }

    fn count(&mut self, timestamp: Duration, output: &mut WatchedOutput) {
        if self.damaged_at.is_none() && output.watch.log().trouble.is_damage() {
            self.damaged_at = Some(self.last);
        }
        self.frame_count += 1;
        self.last = timestamp;
    }

    /// False where nobody listens any more.
    fn tell(&self, message: Message) -> bool {
        self.work.sender.send(message).is_ok()
    }

    /// Judges how the child ended, or ends it.
    fn conclude(&mut self, output: &mut WatchedOutput, error: Option<NutError>) -> Result<VideoEnd, MediaError> {
        let broke_off = match error {
            None => false,
            Some(NutError::Io(error)) => match error.kind() {
                ErrorKind::UnexpectedEof => true,
                ErrorKind::TimedOut => return Err(self.failed(output, "made no progress and was stopped")),
                ErrorKind::ConnectionAborted => return Ok(VideoEnd::Complete),
                _ => return Err(self.failed(output, "could not be read from")),
            },
            Some(NutError::Malformed(what)) => {
                tracing::warn!(what, "the video child's stream is malformed");
                return Err(self.failed(output, "gave no valid stream and was stopped"));
            }
        };
        output.watch.allow(self.work.limits.stall);
        output.watch.read_log_to_end();
        let Some(status) = self.child.wait(self.work.limits.stall) else {
            return Err(self.failed(output, "did not end and was stopped"));
        };
        if status.code().is_none() {
            return Err(self.failed(output, "died"));
        }
        if self.frame_count == 0 {
            tracing::debug!(%status, log = output.watch.log().tail(), "no frame came out of a video");
            return Err(output.watch.log().failure());
        }
        if broke_off {
            return Err(self.failed(output, "ended within a picture"));
        }
        let damaged = !status.success() || output.watch.log().trouble.is_damage();
        Ok(match self.damaged_at.or(damaged.then_some(self.last)) {
            Some(at) => VideoEnd::Damaged { at },
            None => VideoEnd::Complete,
        })
    }

    fn failed(&mut self, output: &mut WatchedOutput, what: &str) -> MediaError {
        self.child.kill();
        tracing::warn!(frames = self.frame_count, log = output.watch.log().tail(), "the video child {what}");
        MediaError::new(
            MediaErrorKind::DecoderFailed,
            format!("the video decoder {what}; try again, or convert the video"),
        )
    }
}

fn too_large(sentence: &str) -> MediaError {
    MediaError::new(MediaErrorKind::TooLarge, sentence)
}

fn no_resources() -> MediaError {
    MediaError::new(
        MediaErrorKind::DecoderFailed,
        "the system gives no thread or descriptor for a video; try again later",
    )
}

fn reader_died() -> MediaError {
    MediaError::new(MediaErrorKind::DecoderFailed, "the video's reader ended unexpectedly; try again")
}
