//! The last seconds of a stream of single pictures, as they came, for clips of what no camera compresses.

use super::timed_ring::{RingLimits, RingStats, TimedRing};
use crate::Picture;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The last seconds of a stream of pictures. Cheap to clone; all clones are one ring.
#[derive(Clone, Debug)]
pub struct PictureRing {
    shared: Arc<Mutex<TimedRing<TimedPicture>>>,
}

/// A picture with its times.
#[derive(Clone, Debug)]
pub struct TimedPicture {
    /// On the clock of the stream.
    pub time: Duration,
    /// When it arrived here.
    pub wall: SystemTime,
    /// As it came; a compressed one is decoded only for a clip.
    pub picture: Picture,
}

impl PictureRing {
    /// An empty ring.
    pub fn new(limits: RingLimits) -> Self {
        Self { shared: Arc::new(Mutex::new(TimedRing::new(limits))) }
    }

    /// Takes in the next picture.
    pub fn push(&self, picture: TimedPicture) {
        let (wall, bytes) = (picture.wall, picture.picture.size_bytes());
        self.shared.lock().push(picture, wall, bytes, true);
    }

    /// Pictures that arrived from `from` to `to`, and the one before them. Compressed bytes are not copied.
    pub fn clip(&self, from: SystemTime, to: SystemTime) -> Vec<TimedPicture> {
        self.shared.lock().between(from, to)
    }

    /// When the newest picture arrived.
    pub fn newest(&self) -> Option<SystemTime> {
        self.shared.lock().newest()
    }

    /// What it holds.
    pub fn stats(&self) -> RingStats {
        self.shared.lock().stats()
    }
}
