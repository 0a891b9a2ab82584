//! The frames of one live stream whose event is still to be told: in order, latest wins, bounded.
//!
//! Frames go in at any pace and are submitted at once; events come out in the order of the frames. What may stand between
//! two frames (another mode from here on) is a mark, told in its place.

use samovar_runtime::{Completed, Pending, RunError, RunErrorKind};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::time::{Duration, Instant};

/// The frames of one stream whose event is still to be told. `T` is what a frame gives, `M` what may stand between frames, `R` a frame's
/// run: one call of a model, or a future that joins several.
pub struct FrameQueue<T, M = Infallible, R = Pending<T>> {
    /// Oldest first. Bounded by [`FRAMES_MAX`]; one more where the last is a drop that counts the rest.
    entries: VecDeque<Entry<T, M, R>>,
}

/// What became of one frame, or what stands between two.
#[derive(Debug)]
pub enum FrameEvent<T, M = Infallible> {
    /// It was looked at.
    Result {
        /// Number of the frame.
        frame: u64,
        /// What came of it, and where the time went.
        completed: Completed<T>,
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
    /// Not a frame: what was put between the one before and the one after.
    Mark(M),
}

enum Entry<T, M, R> {
    Frame(Frame<T, R>),
    Mark(M),
}

/// A frame whose event is still to be told.
struct Frame<T, R> {
    number: u64,
    arrived: Instant,
    fate: Fate<T, R>,
}

enum Fate<T, R> {
    Running(R),
    Settled(Outcome<T>),
}

/// What a frame came to.
enum Outcome<T> {
    Seen(Completed<T>),
    Dropped { count: u64 },
    Failed(RunError),
}

/// Events that nobody has taken yet: past it, further frames are dropped unseen.
const FRAMES_MAX: usize = 32;

impl<T, M, R> Default for FrameQueue<T, M, R> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<T, M, R: Future<Output = Result<Completed<T>, RunError>> + Unpin> FrameQueue<T, M, R> {
    /// Takes a frame in: submits it by `submit`, or drops it unseen where too many events wait. Never waits.
    pub fn push(&mut self, number: u64, submit: impl FnOnce() -> Result<R, RunError>) {
        let fate = if self.has_room() {
            submit().map_or_else(|error| Fate::Settled(error.into()), Fate::Running)
        } else {
            Fate::Settled(Outcome::Dropped { count: 1 })
        };
        self.remember(Frame { number, arrived: Instant::now(), fate });
    }

    /// Tells of a frame that cannot even be submitted.
    pub fn push_error(&mut self, number: u64, error: RunError) {
        self.remember(Frame { number, arrived: Instant::now(), fate: Fate::Settled(error.into()) });
    }

    /// Puts a mark between the frames so far and those to come. Ask [`FrameQueue::has_room`] first: marks take room like frames.
    pub fn push_mark(&mut self, mark: M) {
        self.entries.push_back(Entry::Mark(mark));
    }

    /// The next event; waits for ever while there is none on its way. Safe to cancel.
    pub async fn next(&mut self) -> FrameEvent<T, M> {
        if let Some(Entry::Frame(frame)) = self.entries.front_mut() {
            let event = frame.event().await;
            self.entries.pop_front();
            return event;
        }
        match self.entries.pop_front() {
            Some(Entry::Mark(mark)) => FrameEvent::Mark(mark),
            _ => std::future::pending().await,
        }
    }

    /// Drives the oldest frame's run, whose event is told by [`FrameQueue::next`] all the same; for a run that goes on only while it is
    /// asked, where the event is not wanted yet. Never ends. Safe to cancel.
    pub async fn drive(&mut self) -> Infallible {
        if let Some(Entry::Frame(frame)) = self.entries.front_mut() {
            frame.settle().await;
        }
        std::future::pending().await
    }

    /// Whether a further frame would be submitted.
    pub fn has_room(&self) -> bool {
        self.entries.len() < FRAMES_MAX
    }

    /// Whether every event was told.
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty()
    }

    /// Past the bound a further frame only counts up the last drop: its own event could not be held.
    fn remember(&mut self, frame: Frame<T, R>) {
        if self.has_room() {
            return self.entries.push_back(Entry::Frame(frame));
        }
        match self.entries.back_mut() {
            Some(Entry::Frame(Frame { fate: Fate::Settled(Outcome::Dropped { count }), .. })) => *count += 1,
            _ => {
                let fate = Fate::Settled(Outcome::Dropped { count: 1 });
                self.entries.push_back(Entry::Frame(Frame { fate, ..frame }));
            }
        }
    }
}

impl<T, R: Future<Output = Result<Completed<T>, RunError>> + Unpin> Frame<T, R> {
    /// Waits for the run; nothing is lost when the wait is given up.
    async fn event<M>(&mut self) -> FrameEvent<T, M> {
        self.settle().await;
        let frame = self.number;
        match std::mem::replace(&mut self.fate, Fate::Settled(Outcome::Dropped { count: 0 })) {
            Fate::Settled(Outcome::Seen(completed)) => {
                FrameEvent::Result { frame, completed, latency: self.arrived.elapsed() }
            }
            Fate::Settled(Outcome::Failed(error)) => FrameEvent::Error { frame, error },
            Fate::Settled(Outcome::Dropped { count }) => FrameEvent::Dropped { frame, count },
            Fate::Running(_) => FrameEvent::Dropped { frame, count: 1 },
        }
    }

    /// Waits for what came of the run, which stays here.
    async fn settle(&mut self) {
        if let Fate::Running(run) = &mut self.fate {
            self.fate = Fate::Settled(run.await.map_or_else(Outcome::from, Outcome::Seen));
        }
    }
}

impl<T> From<RunError> for Outcome<T> {
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
