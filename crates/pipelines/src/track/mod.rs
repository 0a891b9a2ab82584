//! Tracking: which box of this frame is the person of the frame before. The state belongs to one stream and to nobody else.

mod assignment;
mod judge;
mod kalman;
mod options;
mod seen;
mod tracked;
mod tracker;
mod tracklet;

pub use judge::{TrackFigures, TrackJudge};
pub use options::{TrackerOptions, TrackerOptionsError};
pub use seen::Seen;
pub use tracked::Tracked;
pub use tracker::Tracker;
