//! Tracking: which box of this frame is the person of the frame before. The state belongs to one stream and to nobody else.

mod tracked;
mod tracker;

pub use tracked::Tracked;
pub use tracker::{Seen, Tracker, TrackerOptions};
