//! A box of one frame, as a detector gives it.

use samovar_models::{Appearance, BoundingBox};

/// Sides below this (pixels) and edges beyond the other say nothing: a filter that took them in would lose its precision.
const SIDE_MIN: f32 = 1e-3;
const EDGE_MAX: f32 = 1e6;

/// A box of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen<'a> {
    /// Where it is.
    pub bbox: BoundingBox,
    /// How sure the detector is, in 0..=1.
    pub score: f32,
    /// How who is in it looks, where that is known.
    pub appearance: Option<&'a Appearance>,
}

impl Seen<'_> {
    /// Whether the box has a place and a size, in finite numbers that a picture can have.
    pub(super) fn is_usable(&self) -> bool {
        let BoundingBox { x1, y1, x2, y2 } = self.bbox;
        let on_picture = [x1, y1, x2, y2].into_iter().all(|edge| edge.abs() <= EDGE_MAX);
        on_picture && self.score.is_finite() && self.bbox.width() >= SIDE_MIN && self.bbox.height() >= SIDE_MIN
    }
}
