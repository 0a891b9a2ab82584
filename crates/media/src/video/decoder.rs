//! Frames of a video, one after the other: a child decodes, one thread owns the child and fills pooled buffers, a
//! bounded channel hands them over. When the reader is slow the channel is full, then the pipe, and the child waits.

use super::child_clock::ChildClock;
use super::damage_note::DamageNote;
use super::decoding::{Message, Work};
use super::{VideoInput, VideoOptions};
use crate::{Frame, FramePool, MediaError, MediaErrorKind, PixelFormat, VideoLimits, YuvMatrix, YuvRange};
use std::io::PipeWriter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A video that is being decoded. Dropping it kills the child and joins the thread.
#[derive(Debug)]
pub struct VideoDecoder {
    /// None once dropped, which is what wakes a thread that waits for the reader.
    messages: Option<Receiver<Message>>,
    info: VideoInfo,
    clock: ChildClock,
    end: Option<VideoEnd>,
    damage: DamageNote,
    /// What the thread may be waiting for, and how it learns that it need not.
    pool: FramePool,
    is_dropped: Arc<AtomicBool>,
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
    /// An open `pool` should keep `frames_ahead + 1` buffers and those that the caller holds. From a bounded one the decoder of a
    /// recording takes one buffer at a time and waits for it, so that one serves a caller who gives each frame back before it asks for
    /// the next; who keeps several needs room for one more than it keeps.
    ///
    /// # Errors
    /// `Choice` for options that cannot be met, `Unreadable` or `Forbidden` for an input that may not be opened,
    /// `UnsupportedFormat`, `Corrupt`, `TooLarge` for its content, `DecoderFailed` where the child died, hung or told nonsense.
    pub fn open(
        input: VideoInput,
        options: VideoOptions,
        limits: &VideoLimits,
        pool: FramePool,
    ) -> Result<Self, MediaError> {
        let mut decoder = Self::begin(input, options, limits, pool)?;
        match decoder.receive() {
            Message::Opened(info, clock) => (decoder.info, decoder.clock) = (*info, clock),
            Message::Failed(error) => return Err(error),
            Message::Ended(_) => return Err(too_large("the limits leave no picture of the video; begin earlier")),
            Message::Frame(_) => return Err(reader_died()),
        }
        Ok(decoder)
    }

    /// Starts decoding and returns at once: for [`step`](Self::step), whose waits are short, so that whoever waits can be stopped.
    ///
    /// # Errors
    /// `Choice` for options that cannot be met, `Unreadable` or `Forbidden` for an input that may not be opened, `DecoderFailed` where
    /// the system gives no thread.
    pub fn begin(
        input: VideoInput,
        options: VideoOptions,
        limits: &VideoLimits,
        pool: FramePool,
    ) -> Result<Self, MediaError> {
        options.check()?;
        let input = input.open(&options.schemes)?;
        let (sender, messages) = sync_channel(options.frames_ahead.get() as usize);
        let (watched_stop, stop) = std::io::pipe().map_err(|_| no_resources())?;
        let is_dropped = Arc::new(AtomicBool::new(false));
        let (limits, pool_here, flag) = (*limits, pool.clone(), Arc::clone(&is_dropped));
        let damage = DamageNote::default();
        let work = Work { input, options, limits, pool, sender, is_dropped: flag, damage: damage.clone() };
        let spawned = std::thread::Builder::new().name("video-decoder".into()).spawn(move || work.run(watched_stop));
        Ok(Self {
            messages: Some(messages),
            info: VideoInfo::unknown(),
            clock: ChildClock::default(),
            end: None,
            damage,
            pool: pool_here,
            is_dropped,
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
            Message::Opened(info, clock) => (self.info, self.clock) = (*info, clock),
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
        self.clock.process_id()
    }

    /// Processor time, user and system, that the child has taken so far; at the end, of its whole life. To 10 ms. Zero before the first
    /// frame, and where the system does not tell (elsewhere than on Linux).
    pub fn child_cpu(&self) -> Duration {
        self.clock.cpu()
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

    /// Where it is damaged, as far as it was read: known before the end, and to whoever goes on without the decoder.
    pub fn damage(&self) -> DamageNote {
        self.damage.clone()
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
        self.is_dropped.store(true, Ordering::SeqCst);
        self.pool.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a video decoder panicked");
        }
    }
}

impl VideoInfo {
    pub(super) const fn unknown() -> Self {
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

pub(super) fn too_large(sentence: &str) -> MediaError {
    MediaError::new(MediaErrorKind::TooLarge, sentence)
}

pub(super) fn no_resources() -> MediaError {
    MediaError::new(
        MediaErrorKind::DecoderFailed,
        "the system gives no thread or descriptor for a video; try again later",
    )
}

fn reader_died() -> MediaError {
    MediaError::new(MediaErrorKind::DecoderFailed, "the video's reader ended unexpectedly; try again")
}
