//! Somebody who is followed, as of one frame.

use samovar_models::BoundingBox;

/// Somebody who is followed, as of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracked {
    /// The number of the track within its stream, from 1; never used again.
    pub id: u64,
    /// Place in the frame's list of [`Seen`](super::Seen) of the box that it was found in.
    pub index: usize,
    /// Where it is, smoothed by the filter.
    pub bbox: BoundingBox,
    /// How sure the detector was, in 0..=1.
    pub score: f32,
}
