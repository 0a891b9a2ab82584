//! Which of some labels fits a picture, by a model that was never trained on them.

use samovar_media::Picture;
use samovar_models::Activation;
use std::sync::Arc;
use std::time::Instant;

/// Labels that are to be held against a picture.
#[derive(Clone, Debug)]
pub struct ZeroShotRequest {
    /// A pair with both towers; none: the only one.
    pub model: Option<String>,
    /// The picture.
    pub picture: Picture,
    /// The labels.
    pub labels: Vec<String>,
    /// The sentence around a label, with `{}` in its place.
    pub template: String,
    /// How logits become probabilities; none: as the towers were trained.
    pub activation: Option<Activation>,
    /// When the answer is worth nothing any more.
    pub deadline: Instant,
}

impl ZeroShotRequest {
    /// CLIP's own sentence.
    pub const TEMPLATE: &str = "a photo of a {}";
    /// Bytes of the sentence around a label.
    pub const TEMPLATE_BYTES_MAX: usize = 1 << 10;
}

/// How well each label fits.
#[derive(Clone, Debug)]
pub struct ZeroShotAnswer {
    /// The pair, by its name.
    pub model: Arc<str>,
    /// How logits became probabilities.
    pub activation: Activation,
    /// The most probable first.
    pub labels: Vec<LabelScore>,
}

/// How well one label fits.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelScore {
    /// Its place in the request.
    pub index: usize,
    /// The label.
    pub label: String,
    /// How probable it is, 0 to 1.
    pub score: f32,
}
