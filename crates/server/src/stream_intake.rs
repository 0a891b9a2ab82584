//! From the binary messages of a stream to pictures: each is one already, or it is an access unit that a decoder of the stream's own
//! turns into a frame.
//!
//! Frames keep the numbers of their messages and come out in their order, whatever the decoder leaves out.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::stream_kind::{FrameFormat, picture};
use bytes::Bytes;
use parking_lot::Mutex;
use samovar_media::{
    AccessUnitDecoder, AccessUnitEvent, AccessUnitOptions, FfmpegProgram, Frame, FramePool, ImageLimits, MediaError,
    MediaErrorKind, Picture, PoolPurpose, VideoLimits, VideoSize,
};
use samovar_runtime::{RunError, RunErrorKind};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// What became of a message: its number, and the picture or why there is none.
pub(crate) type Taken = (u64, Result<Picture, RunError>);

/// The right to a stream that is decoded; none is needed for pictures.
#[derive(Clone, Debug)]
pub(crate) struct IntakePlace {
    format: FrameFormat,
    program: Option<FfmpegProgram>,
    _decoder: Option<Arc<OwnedSemaphorePermit>>,
}

/// Turns binary messages into pictures.
pub(crate) enum StreamIntake {
    /// Each is one already.
    Pictures(ImageLimits),
    /// Each is an access unit.
    Video(Box<VideoIntake>),
}

impl IntakePlace {
    /// A place for a stream of that format.
    ///
    /// # Errors
    /// `decoder_missing`, `too_many_streams`.
    pub(crate) fn take(format: FrameFormat, app: &App) -> Result<Self, ApiError> {
        if format == FrameFormat::Pictures {
            return Ok(Self { format, program: None, _decoder: None });
        }
        let missing = || MediaError::new(MediaErrorKind::DecoderMissing, "there is no ffmpeg program on the server");
        let program = app.options.ffmpeg.clone().ok_or_else(missing)?;
        let full = |_| ApiError::new(Refusal::Streams, "as many streams are decoded as may be");
        let place = Arc::clone(&app.decoders).try_acquire_owned().map_err(full)?;
        Ok(Self { format, program: Some(program), _decoder: Some(Arc::new(place)) })
    }
}

impl StreamIntake {
    /// For a stream that has its place.
    pub(crate) fn new(place: &IntakePlace, app: &App) -> Self {
        let limits = &app.options.limits;
        match (place.format, &place.program) {
            (FrameFormat::H264, Some(program)) => {
                let bytes_max = limits.stream.message_bytes_max;
                Self::Video(Box::new(VideoIntake::new(program.clone(), limits.image, bytes_max, place.clone())))
            }
            _ => Self::Pictures(limits.image),
        }
    }

    /// Takes a message in. Never waits. Given back is what is a picture at once; the rest comes by [`StreamIntake::next`].
    pub(crate) fn push(&mut self, number: u64, bytes: Bytes) -> Option<Taken> {
        match self {
            Self::Pictures(limits) => Some((number, picture(bytes, *limits))),
            Self::Video(video) => {
                video.push(number, bytes);
                None
            }
        }
    }

    /// The next message's fate, in order; waits for ever where none is on its way. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Taken {
        match self {
            Self::Pictures(_) => std::future::pending().await,
            Self::Video(video) => video.next().await,
        }
    }

    /// Whether the fate of every message was told.
    pub(crate) fn is_idle(&self) -> bool {
        match self {
            Self::Pictures(_) => true,
            Self::Video(video) => video.fates.is_empty(),
        }
    }
}

/// Access units on their way through a decoder.
pub(crate) struct VideoIntake {
    options: AccessUnitOptions,
    pool: FramePool,
    decoder: Option<AccessUnitDecoder>,
    /// After a decoder has failed: when the next may be started.
    retry_at: Option<Instant>,
    /// Messages whose fate is still to be told, oldest first. Bounded by [`FATES_MAX`].
    fates: VecDeque<Fate>,
    decoded: Arc<Mailbox>,
    _place: IntakePlace,
}

struct Fate {
    number: u64,
    /// None while the decoder has it.
    outcome: Option<Result<Picture, RunError>>,
}

/// Messages on their way at most; further ones are dropped.
const FATES_MAX: usize = 256;
/// Access units that wait for the decoder: about a second of a camera.
const UNITS_WAITING_MAX: usize = 32;
/// Decoded frames that nobody has taken yet.
const FRAMES_MAX: usize = 2;
/// The rest after a decoder that failed: bytes that break it must not start one after the other.
const REST: Duration = Duration::from_secs(1);

impl VideoIntake {
    fn new(program: FfmpegProgram, image: ImageLimits, bytes_max: usize, place: IntakePlace) -> Self {
        let options = AccessUnitOptions {
            program,
            size: VideoSize::Source,
            limits: VideoLimits { side_px: image.side_px, ..VideoLimits::default() },
            units_waiting_max: UNITS_WAITING_MAX,
            bytes_waiting_max: bytes_max,
        };
        Self {
            options,
            // What waits here, what the queue of frames holds, and what is being looked at and shown.
            pool: FramePool::counted(PoolPurpose::Video, FRAMES_MAX + 4),
            decoder: None,
            retry_at: None,
            fates: VecDeque::new(),
            decoded: Arc::default(),
            _place: place,
        }
    }

    fn push(&mut self, number: u64, unit: Bytes) {
        if self.fates.len() == FATES_MAX {
            // The newest is told as dropped in place of this one, whose number follows from the count of messages.
            return self.settle_last(displaced());
        }
        self.fates.push_back(Fate { number, outcome: None });
        match self.decode(number, unit) {
            Ok(dropped) => dropped.into_iter().for_each(|number| self.settle(number, Err(displaced()))),
            Err(error) => self.settle(number, Err(run_error(&error))),
        }
    }

    fn decode(&mut self, number: u64, unit: Bytes) -> Result<Vec<u64>, MediaError> {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return Err(MediaError::new(MediaErrorKind::DecoderFailed, "the decoder has just failed; send on"));
        }
        if self.decoder.is_none() {
            let decoded = Arc::clone(&self.decoded);
            let sink = move |event| decoded.put(event);
            self.decoder = Some(AccessUnitDecoder::start(self.options.clone(), self.pool.clone(), sink)?);
        }
        self.decoder.as_ref().map_or_else(|| Ok(Vec::new()), |decoder| decoder.push(number, unit))
    }

    async fn next(&mut self) -> Taken {
        loop {
            if let Some(Fate { number, outcome: Some(outcome) }) =
                self.fates.pop_front_if(|fate| fate.outcome.is_some())
            {
                return (number, outcome);
            }
            match self.decoded.take().await {
                Decoded::Frame(number, frame) => self.decoded_to(number, Ok(Picture::from(frame))),
                Decoded::Displaced(number) => self.decoded_to(number, Err(displaced())),
                Decoded::Empty(number) => self.decoded_to(number, Err(no_picture())),
                Decoded::Failed(error) => self.fail(&error),
            }
        }
    }

    /// All that the decoder had is lost with it; the next access unit starts another.
    fn fail(&mut self, error: &MediaError) {
        tracing::debug!(code = error.kind().code(), "the decoder of a stream failed");
        (self.decoder, self.retry_at) = (None, Some(Instant::now() + REST));
        self.decoded.clear();
        for fate in self.fates.iter_mut().filter(|fate| fate.outcome.is_none()) {
            fate.outcome = Some(Err(run_error(error)));
        }
    }

    /// The decoder tells of access units in their order: one before this that it said nothing of was parameter sets alone.
    fn decoded_to(&mut self, number: u64, outcome: Result<Picture, RunError>) {
        for fate in self.fates.iter_mut().take_while(|fate| fate.number < number) {
            fate.outcome.get_or_insert_with(|| Err(no_picture()));
        }
        self.settle(number, outcome);
    }

    fn settle(&mut self, number: u64, outcome: Result<Picture, RunError>) {
        if let Some(fate) = self.fates.iter_mut().find(|fate| fate.number == number && fate.outcome.is_none()) {
            fate.outcome = Some(outcome);
        }
    }

    fn settle_last(&mut self, error: RunError) {
        if let Some(fate) = self.fates.back_mut() {
            fate.outcome = Some(Err(error));
        }
    }
}

/// What a decoder gave and nobody has taken. Its thread never waits: of frames only the newest stay.
#[derive(Debug, Default)]
struct Mailbox {
    waiting: Mutex<VecDeque<Decoded>>,
    arrived: Notify,
}

#[derive(Debug)]
enum Decoded {
    Frame(u64, Frame),
    Displaced(u64),
    Empty(u64),
    Failed(MediaError),
}

impl Mailbox {
    fn put(&self, event: AccessUnitEvent) {
        let mut waiting = self.waiting.lock();
        waiting.push_back(match event {
            AccessUnitEvent::Frame { number, frame } => Decoded::Frame(number, frame),
            AccessUnitEvent::Empty { number } => Decoded::Empty(number),
            AccessUnitEvent::Failed(error) => Decoded::Failed(error),
        });
        let is_frame = |decoded: &&mut Decoded| matches!(decoded, Decoded::Frame(..));
        if waiting.iter_mut().filter(is_frame).count() > FRAMES_MAX
            && let Some(oldest) = waiting.iter_mut().find(is_frame)
            && let Decoded::Frame(number, _) = *oldest
        {
            *oldest = Decoded::Displaced(number);
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    async fn take(&self) -> Decoded {
        loop {
            if let Some(decoded) = self.waiting.lock().pop_front() {
                return decoded;
            }
            self.arrived.notified().await;
        }
    }

    fn clear(&self) {
        self.waiting.lock().clear();
    }
}

fn run_error(error: &MediaError) -> RunError {
    RunError::new(RunErrorKind::Input { code: error.kind().code() }, error.to_string())
}

fn displaced() -> RunError {
    RunError::new(RunErrorKind::Displaced, "newer frames took its place")
}

fn no_picture() -> RunError {
    let kind = RunErrorKind::Input { code: "no_picture" };
    RunError::new(kind, "the access unit gave no picture; send parameter sets together with their key frame")
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_media::PixelFormat;

    fn frame() -> Frame {
        let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(2, 2));
        Frame::new(2, 2, PixelFormat::Rgb8, Duration::ZERO, pixels)
    }

    #[tokio::test]
    async fn of_frames_only_the_newest_stay_and_all_are_told_in_order() {
        let mailbox = Mailbox::default();
        mailbox.put(AccessUnitEvent::Empty { number: 0 });
        (1..=4).for_each(|number| mailbox.put(AccessUnitEvent::Frame { number, frame: frame() }));
        assert!(matches!(mailbox.take().await, Decoded::Empty(0)));
        assert!(matches!(mailbox.take().await, Decoded::Displaced(1)));
        assert!(matches!(mailbox.take().await, Decoded::Displaced(2)));
        assert!(matches!(mailbox.take().await, Decoded::Frame(3, _)));
        assert!(matches!(mailbox.take().await, Decoded::Frame(4, _)));
    }
}
