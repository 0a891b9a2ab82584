//! Detection on one live stream: frames in at any pace, events out in the order of the frames, latest wins.
//!
//! The stream never waits for a model: a frame that cannot be started before the next one comes is dropped, counted and
//! told. What a stream holds is bounded, however fast frames come and however slowly events are taken.

use samovar_media::Picture;
use samovar_models::{DetectOptions, Detections, Detector};
use samovar_runtime::{Call, Class, Completed, Pending, RunError, RunErrorKind, StreamKey};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One live stream of pictures.
pub struct DetectStream {
    detector: Detector,
    options: DetectOptions,
    key: StreamKey,
    /// Frames whose event is still to be told, oldest first. Bounded by [`FRAMES_MAX`].
    frames: VecDeque<Frame>,
}

/// What became of one frame.
#[derive(Debug)]
pub enum StreamEvent {
    /// It was looked at.
    Result {
        /// Number of the frame.
        frame: u64,
        /// What was found, and where the time went.
        completed: Completed<Detections>,
        /// From the frame's arrival to its result.
        latency: Duration,
    },
    /// It, or several in a row, were not: newer ones took their place.
    Dropped {
        /// Number of the first of them.
        frame: u64,
        /// How many in a row.
        count: u64,
    },
    /// It could not be looked at; the stream goes on.
    Error {
        /// Number of the frame.
        frame: u64,
        /// Why.
        error: RunError,
    },
}

/// A frame whose event is still to be told.
struct Frame {
    number: u64,
    arrived: Instant,
    fate: Fate,
}

enum Fate {
    Running(Pending<Detections>),
    Settled(Outcome),
}

/// What a frame came to.
enum Outcome {
    Seen(Completed<Detections>),
    Dropped { count: u64 },
    Failed(RunError),
}

/// Frames whose event nobody has taken yet: past it, further frames are dropped unseen.
const FRAMES_MAX: usize = 32;

impl DetectStream {
    /// A stream on a model that was opened.
    pub fn new(detector: Detector, options: DetectOptions, key: StreamKey) -> Self {
        Self { detector, options, key, frames: VecDeque::new() }
    }

    /// Takes other thresholds from the next frame on.
    pub fn set_options(&mut self, options: DetectOptions) {
        self.options = options;
    }

    /// The thresholds that the next frame is looked at with.
    pub const fn options(&self) -> &DetectOptions {
        &self.options
    }

    /// Takes a frame in. Never waits; what becomes of it is told by [`DetectStream::next`].
    pub fn push(&mut self, number: u64, picture: Picture) {
        let fate = if self.frames.len() < FRAMES_MAX {
            let call = Call::new(Class::Live, self.key);
            match self.detector.detect(picture, self.options.clone(), call) {
                Ok(pending) => Fate::Running(pending),
                Err(error) => Fate::Settled(error.into()),
            }
        } else {
            Fate::Settled(Outcome::Dropped { count: 1 })
        };
        self.remember(Frame { number, arrived: Instant::now(), fate });
    }

    /// Tells of a frame that did not even become a picture.
    pub fn push_error(&mut self, number: u64, error: RunError) {
        self.remember(Frame { number, arrived: Instant::now(), fate: Fate::Settled(Outcome::Failed(error)) });
    }

    /// The next event, in the order of the frames; waits for ever while no frame is on its way. Safe to cancel.
    pub async fn next(&mut self) -> StreamEvent {
        let Some(frame) = self.frames.front_mut() else { return std::future::pending().await };
        let outcome = frame.outcome().await;
        let event = frame.event(outcome);
        self.frames.pop_front();
        event
    }

    /// Whether every frame's event was told.
    pub fn is_idle(&self) -> bool {
        self.frames.is_empty()
    }

    /// Past the bound a further frame only counts up the last drop: its own event could not be held.
    fn remember(&mut self, frame: Frame) {
        if self.frames.len() < FRAMES_MAX {
            return self.frames.push_back(frame);
        }
        match self.frames.back_mut() {
            Some(Frame { fate: Fate::Settled(Outcome::Dropped { count }), .. }) => *count += 1,
            _ => self.frames.push_back(Frame { fate: Fate::Settled(Outcome::Dropped { count: 1 }), ..frame }),
        }
    }
}

impl Frame {
    /// Waits for the run; nothing is lost when the wait is given up.
    async fn outcome(&mut self) -> Outcome {
        match &mut self.fate {
            Fate::Running(pending) => match pending.await {
                Ok(completed) => Outcome::Seen(completed),
                Err(error) => error.into(),
            },
            Fate::Settled(outcome) => std::mem::replace(outcome, Outcome::Dropped { count: 0 }),
        }
    }

    fn event(&self, outcome: Outcome) -> StreamEvent {
        let frame = self.number;
        match outcome {
            Outcome::Seen(completed) => StreamEvent::Result { frame, completed, latency: self.arrived.elapsed() },
            Outcome::Dropped { count } => StreamEvent::Dropped { frame, count },
            Outcome::Failed(error) => StreamEvent::Error { frame, error },
        }
    }
}

impl From<RunError> for Outcome {
    /// A live frame that is too late or finds the queue full is dropped; everything else is an error worth telling.
    fn from(error: RunError) -> Self {
        match error.kind() {
            RunErrorKind::Displaced | RunErrorKind::DeadlineExceeded | RunErrorKind::QueueFull { .. } => {
                Self::Dropped { count: 1 }
            }
            _ => Self::Failed(error),
        }
    }
}
