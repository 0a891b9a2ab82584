//! The thread behind a decoder: it owns the child, reads its frames into pooled buffers and judges how it ended.

use super::VideoOptions;
use super::child::{ChildLimits, ChildPlan, ConfinedChild};
use super::child_clock::ChildClock;
use super::damage_note::DamageNote;
use super::decode_command;
use super::decoder::{Truncation, VideoEnd, VideoInfo, no_resources, too_large};
use super::input::OpenInput;
use super::nut::{NutError, NutFrame, NutReader};
use super::pace::Pace;
use super::packet_feed::PacketFeed;
use super::sandbox::Sandbox;
use super::watch::{Watch, WatchedOutput};
use crate::{Frame, FramePool, MediaError, MediaErrorKind, PixelFormat, PooledBuffer, VideoLimits};
use std::io::{ErrorKind, PipeReader};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// Descriptors that the child may have open; FFmpeg and its libraries need about ten.
pub(crate) const OPEN_FILES_MAX: u64 = 32;
/// Address space beside the pictures: program, libraries, thread stacks, container index.
pub(crate) const ADDRESS_SPACE_BASE_BYTES: u64 = 1 << 30;
/// Bytes that a codec may hold for each pixel: some twenty pictures of 10-bit 4:2:0.
pub(super) const HELD_BYTES_PER_PIXEL: u64 = 64;
/// Frames left out for which the stall limit is given once more.
const FRAMES_PER_STALL: u32 = 100;

/// What the thread tells, in this order: opened, frames, then ended; or failed at any point.
#[derive(Debug)]
pub(super) enum Message {
    Opened(Box<VideoInfo>, ChildClock),
    Frame(Frame),
    Ended(VideoEnd),
    Failed(MediaError),
}

/// What the thread needs.
pub(super) struct Work {
    pub(super) input: OpenInput,
    pub(super) options: VideoOptions,
    pub(super) limits: VideoLimits,
    pub(super) pool: FramePool,
    pub(super) sender: SyncSender<Message>,
    /// Set, and the pool woken, when nobody takes frames any more.
    pub(super) is_dropped: Arc<AtomicBool>,
    /// Where the video is damaged, as far as it was read.
    pub(super) damage: DamageNote,
}

impl Work {
    /// The whole life of the thread.
    pub(super) fn run(self, stop: PipeReader) {
        let message = match self.decode(stop) {
            Ok(end) => Message::Ended(end),
            Err(error) => Message::Failed(error),
        };
        // Nobody listens where the decoder was dropped.
        let _ = self.sender.send(message);
    }

    fn decode(&self, stop: PipeReader) -> Result<VideoEnd, MediaError> {
        let (packets, descriptor) = self.packet_feed()?.unzip();
        let mut child = self.spawn(descriptor)?;
        let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
        let output = Watch::new(stderr, stop).and_then(|watch| WatchedOutput::new(stdout, watch));
        let mut output = output.map_err(|_| no_resources())?;
        output.watch.allow(self.stall());
        output.watch.is_to_stay = self.options.only_port.is_some();
        if !self.is_live() && self.options.may_be_silent() {
            output.watch.let_read(child.id());
        }
        let mut reading = Reading::new(self, child);
        let end = match NutReader::open(&mut output) {
            Ok(mut reader) => match reading.deliver(&mut reader) {
                Ok(Stopped::Ended) => reading.conclude(&mut output, None),
                Ok(Stopped::Truncated(truncation)) => Ok(VideoEnd::Truncated(truncation)),
                Ok(Stopped::Changed) => Ok(VideoEnd::Changed),
                Ok(Stopped::Reached) => Ok(reading.end_so_far()),
                Ok(Stopped::Dropped) => Ok(VideoEnd::Complete),
                Err(Failure::Stream(error)) => reading.conclude(&mut output, Some(error)),
                Err(Failure::Media(error)) => Err(error),
            },
            Err(error) => reading.conclude(&mut output, Some(error)),
        };
        drop(reading);
        drop(packets);
        end
    }

    /// Who reads the compressed stream, and the descriptor for the child to write it to.
    fn packet_feed(&self) -> Result<Option<(PacketFeed, OwnedFd)>, MediaError> {
        let Some(ring) = self.options.packets.clone().filter(|_| self.is_live()) else { return Ok(None) };
        let (reader, writer) = std::io::pipe().map_err(|_| no_resources())?;
        let feed = PacketFeed::start(reader, ring, self.input.is_paced_here(&self.options));
        Ok(Some((feed.map_err(|_| no_resources())?, writer.into())))
    }

    fn spawn(&self, packets: Option<OwnedFd>) -> Result<ConfinedChild, MediaError> {
        let file = self.input.file();
        let stdin = file.map(std::fs::File::try_clone).transpose().map_err(|_| no_resources())?;
        let program = self.options.program.path();
        let descriptor = packets.as_ref().map(AsRawFd::as_raw_fd);
        ConfinedChild::spawn(ChildPlan {
            program,
            arguments: decode_command::arguments(&self.input, &self.options, &self.limits, descriptor),
            stdin: stdin.map_or_else(Stdio::null, Stdio::from),
            stdout: Stdio::piped(),
            extra: packets,
            limits: self.child_limits(),
            sandbox: Sandbox::new(program, self.input.grant(&self.options)),
        })
    }

    fn child_limits(&self) -> ChildLimits {
        let pixels = u64::from(self.limits.side_px).pow(2);
        let cpu_s = if self.is_live() {
            // A source may live for years. One that gives frames is at work; one that gives none is stopped for that.
            u64::MAX
        } else {
            // Decoding slower than real time on every thread is not decoding any more.
            self.limits.duration.as_secs().saturating_mul(self.options.threads.get().into()).saturating_add(60)
        };
        ChildLimits {
            address_space_bytes: ADDRESS_SPACE_BASE_BYTES + pixels.saturating_mul(HELD_BYTES_PER_PIXEL),
            cpu_s,
            file_bytes: Some(0),
            open_files: OPEN_FILES_MAX,
        }
    }

    fn is_live(&self) -> bool {
        self.input.is_live(&self.options)
    }

    /// Longest wait for one frame, which grows with the frames left out before it.
    fn stall(&self) -> Duration {
        self.limits.stall.saturating_mul(1 + self.options.every.get() / FRAMES_PER_STALL)
    }

    fn frame_count_max(&self) -> u64 {
        if self.is_live() {
            return self.options.frame_count_max.unwrap_or(u64::MAX);
        }
        let by_limits = (self.limits.duration.as_secs_f64() * self.limits.frames_per_second).ceil() as u64;
        self.options.frame_count_max.unwrap_or(u64::MAX).min(by_limits)
    }
}

/// Why delivering stopped without an error.
enum Stopped {
    Ended,
    Truncated(Truncation),
    /// A live source's pictures have another size from here on.
    Changed,
    /// The end that was asked for.
    Reached,
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
    pace: Pace,
}

impl<'a> Reading<'a> {
    fn new(work: &'a Work, child: ConfinedChild) -> Self {
        Self { work, child, frame_count: 0, last: work.options.start, pace: Pace::default() }
    }

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
            let timestamp = head.timestamp;
            if self.is_end(timestamp) {
                return Ok(Stopped::Reached);
            }
            if let Some(truncation) = self.limit_reached(timestamp) {
                return Ok(Stopped::Truncated(truncation));
            }
            if self.is_resized(reader.source_mut()) {
                return Ok(Stopped::Changed);
            }
            let Some(mut pixels) = self.take_buffer(&info, &head)? else { return Ok(Stopped::Dropped) };
            reader.read_payload(&mut pixels)?;
            if self.frame_count == 0 {
                self.complete(&mut info, reader.source_mut()).map_err(Failure::Media)?;
                if !self.tell(Message::Opened(Box::new(info.clone()), self.child.clock().clone())) {
                    return Ok(Stopped::Dropped);
                }
            }
            self.count(timestamp, reader.source_mut());
            let Some(timestamp) = self.pace.admit(timestamp) else { continue };
            let frame = Frame::new(info.width, info.height, info.format, timestamp, pixels);
            if !self.tell(Message::Frame(frame)) {
                return Ok(Stopped::Dropped);
            }
        }
    }

    /// Whether a live source has changed its size. The child says so before it writes the first frame of the new size.
    fn is_resized(&self, output: &mut WatchedOutput) -> bool {
        self.work.is_live() && output.watch.log().trouble.resized
    }

    fn limit_reached(&self, timestamp: Duration) -> Option<Truncation> {
        if self.frame_count >= self.work.frame_count_max() {
            return Some(Truncation::FrameCount);
        }
        (!self.work.is_live() && timestamp > self.work.limits.duration).then_some(Truncation::Duration)
    }

    fn is_end(&self, timestamp: Duration) -> bool {
        !self.work.is_live() && self.work.options.end.is_some_and(|end| timestamp >= end)
    }

    /// A buffer for the frame, whose length must be what its size asks for. A recording waits for one that comes back, as
    /// long as anybody may give one back; none when nobody takes frames any more.
    fn take_buffer(&self, info: &VideoInfo, head: &NutFrame) -> Result<Option<PooledBuffer>, NutError> {
        let size = info.format.size_bytes(info.width, info.height);
        if head.payload_bytes != size as u64 {
            return Err(NutError::Malformed("a frame of the wrong length"));
        }
        if self.work.is_live() {
            return Ok(Some(self.work.pool.take(size)));
        }
        Ok(self.work.pool.take_unless(size, None, || self.work.is_dropped.load(Ordering::SeqCst)))
    }

    /// Takes over what the child has said by its first frame, and refuses what is over the limits.
    fn complete(&mut self, info: &mut VideoInfo, output: &mut WatchedOutput) -> Result<(), MediaError> {
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
        if self.work.input.seek_point(&self.work.options).is_some() {
            // What is decoded from the place that was sought may lack what it refers to, and is not shown.
            output.watch.forgive();
        }
        info.declared_duration = facts.duration;
        info.declared_frames_per_second = facts.frames_per_second;
        info.codec = facts.codec;
        if self.work.input.is_paced_here(&self.work.options) {
            self.pace = Pace::new(self.work.options.rate_max(), info.codec.as_deref() == Some("mjpeg"));
        }
        Ok(())
    }

    fn count(&mut self, timestamp: Duration, output: &mut WatchedOutput) {
        if output.watch.log().trouble.is_damage() {
            self.work.damage.write(self.last);
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
                ErrorKind::PermissionDenied => return Err(self.strayed()),
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
            return Err(self.gave_nothing(&output.watch.log().failure(), status.success()));
        }
        if broke_off {
            return Err(self.failed(output, "ended within a picture"));
        }
        if !status.success() || output.watch.log().trouble.is_damage() {
            self.work.damage.write(self.last);
        }
        Ok(self.end_so_far())
    }

    /// Complete, but for damage.
    fn end_so_far(&self) -> VideoEnd {
        self.work.damage.at().map_or(VideoEnd::Complete, |at| VideoEnd::Damaged { at })
    }

    /// Why there was not one frame.
    fn gave_nothing(&self, failure: &MediaError, has_succeeded: bool) -> MediaError {
        if has_succeeded && !self.work.options.start.is_zero() && failure.kind() == MediaErrorKind::Corrupt {
            return MediaError::new(MediaErrorKind::Choice, "the video has no picture after the start; begin earlier");
        }
        failure.clone()
    }

    fn strayed(&mut self) -> MediaError {
        self.child.kill();
        tracing::warn!("an address sends the video child on to another and was left");
        MediaError::new(MediaErrorKind::Forbidden, "the address sends on to another; name that one where it is allowed")
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
