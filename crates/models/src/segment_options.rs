//! What a caller may choose about one segmentation.

/// What a class map is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentOptions {
    /// The size of the map. Default: the source picture's.
    pub at: MapSize,
}

/// The size of a class map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MapSize {
    /// That of the source picture, pixel for pixel: the logits are scaled bilinearly before the largest is taken.
    #[default]
    Source,
    /// That of the model's logits, over the whole picture: the largest of each, without scaling.
    Model,
}
