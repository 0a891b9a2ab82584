//! H.264 that a client pushes in, access unit by access unit, decoded by a child of its own.
//!
//! Each access unit travels as one packet of a NUT stream whose time is its place in the row, so a frame that comes out
//! tells where it came from, and the child need not wait for the next one to know where this one ends.

use super::unit_session::{Feed, SessionEnd, run_session};
use super::{FfmpegProgram, VideoSize};
use crate::{Frame, FramePool, MediaError, MediaErrorKind, VideoLimits};
use bytes::Bytes;
use std::io::{PipeReader, PipeWriter};
use std::sync::Arc;
use std::thread::JoinHandle;

/// How access units are decoded.
#[derive(Clone, Debug)]
pub struct AccessUnitOptions {
    /// The program that decodes.
    pub program: FfmpegProgram,
    /// The size of the frames that are delivered.
    pub size: VideoSize,
    /// Of these `side_px` and `stall` hold.
    pub limits: VideoLimits,
    /// Access units that wait for the child at most; eight more may be in it.
    pub units_waiting_max: usize,
    /// Their bytes at most; a longer access unit is refused.
    pub bytes_waiting_max: usize,
}

impl AccessUnitOptions {
    /// Frames of the source's own size; 32 access units and 8 MiB wait at most.
    pub fn new(program: FfmpegProgram) -> Self {
        Self {
            program,
            size: VideoSize::Source,
            limits: VideoLimits::default(),
            units_waiting_max: 32,
            bytes_waiting_max: 8 << 20,
        }
    }
}

/// What comes out of an [`AccessUnitDecoder`].
#[derive(Debug)]
pub enum AccessUnitEvent {
    /// A frame, with the number of its access unit.
    Frame {
        /// As it was pushed.
        number: u64,
        /// Its timestamp is zero: the number tells the time.
        frame: Frame,
    },
    /// An access unit was decoded and gave no picture.
    Empty {
        /// As it was pushed.
        number: u64,
    },
    /// Nothing more comes: the child died, hung or found nothing it could decode.
    Failed(MediaError),
}

/// Where events go.
pub(super) type Sink = Box<dyn FnMut(AccessUnitEvent) + Send>;

/// A decoder that is fed. Dropping it kills the child and joins its threads.
///
/// Frames come in the order of their access units. The source should have no B-frames, as live encoders do not: frames
/// are given out as soon as they are decoded, so of those that come out of order the late ones are left out. A change
/// of the sequence parameter set, and so of the size, begins a new child; what was pushed before it is still decoded.
#[derive(Debug)]
pub struct AccessUnitDecoder {
    feed: Arc<Feed>,
    /// Its end in the thread tells that this one was dropped.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl AccessUnitDecoder {
    /// Starts the thread; the child comes with the first key frame. `sink` gets events in order, on that thread: it may
    /// send on a channel and must not wait for long.
    ///
    /// # Errors
    /// `DecoderFailed` where the system has no thread for it.
    pub fn start(
        options: AccessUnitOptions,
        pool: FramePool,
        sink: impl FnMut(AccessUnitEvent) + Send + 'static,
    ) -> Result<Self, MediaError> {
        let (watched_stop, stop) = std::io::pipe().map_err(|_| no_resources())?;
        let feed = Arc::new(Feed::new(options.units_waiting_max, options.bytes_waiting_max));
        let work = Work { options, pool, feed: Arc::clone(&feed), sink: Box::new(sink) };
        let spawned = std::thread::Builder::new().name("access-units".into()).spawn(move || work.run(&watched_stop));
        Ok(Self { feed, stop: Some(stop), thread: Some(spawned.map_err(|_| no_resources())?) })
    }

    /// Hands over one access unit in Annex B form; never waits. Where too much waits already, the oldest access units up
    /// to the next key frame give way. Returned are the numbers of all that were dropped, this one included where it
    /// depends on a dropped one. Parameter sets that come alone go before the next access unit and give no event.
    ///
    /// # Errors
    /// `Corrupt` for bytes that are no access unit, `TooLarge` for one that is too long: it is left out, and those that
    /// follow up to the next key frame. After [`AccessUnitEvent::Failed`], what that told.
    pub fn push(&self, number: u64, unit: Bytes) -> Result<Vec<u64>, MediaError> {
        self.feed.push(number, unit)
    }

    /// The child's process number; none before the first key frame.
    pub fn process_id(&self) -> Option<u32> {
        self.feed.process_id()
    }
}

impl Drop for AccessUnitDecoder {
    fn drop(&mut self) {
        self.feed.close();
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of a decoder of access units panicked");
        }
    }
}

/// What the thread needs.
pub(super) struct Work {
    pub(super) options: AccessUnitOptions,
    pub(super) pool: FramePool,
    pub(super) feed: Arc<Feed>,
    pub(super) sink: Sink,
}

impl Work {
    /// The whole life of the thread: one child for each sequence parameter set.
    fn run(mut self, stop: &PipeReader) {
        while self.feed.wait_for_unit() {
            let end = stop.try_clone().map_err(|_| no_resources()).and_then(|stop| run_session(&mut self, stop));
            match end {
                Ok(SessionEnd::NextSequence) => {}
                Ok(SessionEnd::Closed) => return,
                Err(error) => {
                    self.feed.fail(error.clone());
                    (self.sink)(AccessUnitEvent::Failed(error));
                    return;
                }
            }
        }
    }
}

pub(super) fn no_resources() -> MediaError {
    MediaError::new(MediaErrorKind::DecoderFailed, "the system gives no thread for a video; try again later")
}
