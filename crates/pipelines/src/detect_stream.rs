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
                Err(error) => Fate::from(error),
            }
        } else {
            Fate::Dropped { count: 1 }
        };
        self.remember(Frame { number, arrived: Instant::now(), fate });
    }

    /// Tells of a frame that did not even become a picture.
    pub fn push_error(&mut self, number: u64, error: RunError) {
        self.remember(Frame { number, arrived: Instant::now(), fate: Fate::Failed(error) });
    }

    /// The next event, in the order of the frames; waits for ever while no frame is on its way. Safe to cancel.
    pub async fn next(&mut self) -> StreamEvent {
        let Some(frame) = self.frames.front_mut() else { return std::future::pending().await };
        if let Fate::Running(pending) = &mut frame.fate {
            let outcome = pending.await;
            let frame = self.frames.pop_front().expect("the frame that was awaited is still the first");
            return frame.event(outcome);
        }
        let frame = self.frames.pop_front().expect("the first frame was just looked at");
        match frame.fate {
            Fate::Dropped { count } => StreamEvent::Dropped { frame: frame.number, count },
            Fate::Failed(error) => StreamEvent::Error { frame: frame.number, error },
            Fate::Running(_) => unreachable!("running frames were handled above"),
        }
    }

    /// Whether every frame's event was told.
    pub fn is_idle(&self) -> bool {
        self.frames.is_empty()
    }

    fn remember(&mut self, frame: Frame) {
        if let (Some(Frame { fate: Fate::Dropped { count }, .. }), Fate::Dropped { .. } | Fate::Failed(_)) =
            (self.frames.back_mut(), &frame.fate)
            && self.frames.len() >= FRAMES_MAX
        {
            *count += 1;
        } else {
            self.frames.push_back(frame);
        }
    }
}

impl Frame {
    fn event(self, outcome: Result<Completed<Detections>, RunError>) -> StreamEvent {
        let number = self.number;
        match outcome {
            Ok(completed) => StreamEvent::Result { frame: number, completed, latency: self.arrived.elapsed() },
            Err(error) => match Fate::from(error) {
                Fate::Failed(error) => StreamEvent::Error { frame: number, error },
                _ => StreamEvent::Dropped { frame: number, count: 1 },
            },
        }
    }
}

impl From<RunError> for Fate {
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
