//! The seam between the rules of a source and the world: a feed of frames, clocks, chance, and waits that can be stopped. The
//! real one is [`Machine`](super::machine::Machine); tests have one in virtual time.

use super::SourceFault;
use samovar_media::Frame;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One connection to a source. Dropping it closes it.
pub(super) trait FrameFeed {
    /// Waits for what comes next, for `limit` at most. Nothing comes after an end or a fault.
    fn step(&mut self, limit: Duration) -> Result<FeedStep, SourceFault>;
}

/// What a feed came to.
#[derive(Debug)]
pub(super) enum FeedStep {
    /// Nothing yet.
    Quiet,
    /// What is known of the source, before its first frame.
    Opened(FeedFacts),
    /// The next frame; its timestamp is the source's own.
    Frame(Frame),
    /// No more frames.
    Ended(FeedEnd),
}

/// What is known of a source once its first frame is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FeedFacts {
    /// Width and height of its frames, in pixels.
    pub size: (u32, u32),
    pub codec: Option<Arc<str>>,
    pub process_id: Option<u32>,
}

/// Why no more frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeedEnd {
    /// The other side closed.
    Closed,
    /// It was something of a known length, and that is over.
    Finished,
    /// From here on its pictures have another size.
    Resized,
}

/// What surrounds a source.
pub(super) trait World {
    type Feed: FrameFeed;

    /// Monotonic, from any origin.
    fn now(&self) -> Duration;

    fn wall(&self) -> SystemTime;

    /// A random number from 0 to 1.
    fn jitter(&mut self) -> f64;

    fn is_stopped(&self) -> bool;

    /// Waits; returns sooner when stopped.
    fn wait(&mut self, limit: Duration);

    /// Whether something answers at the source's host and port, asked without sending a byte. True for what has none.
    fn answers(&mut self) -> bool;

    /// Begins to open the source, without waiting for it.
    fn open(&mut self) -> Result<Self::Feed, SourceFault>;
}
