//! Faces as they are asked for, and what there is to say of them.

use samovar_media::{ImageEncoding, Picture};
use samovar_models::Face;
use samovar_runtime::{Generation, Timings};
use std::sync::Arc;
use std::time::Instant;

/// Faces of one picture that are asked for.
#[derive(Clone, Debug)]
pub struct FaceRequest {
    /// The model that finds them; none: the only one.
    pub model: Option<String>,
    /// Where they are looked for. Its header has been read and is within the limits.
    pub picture: Picture,
    /// Only what scores above this, in 0..=1; none: as [`FaceOptions`](samovar_models::FaceOptions) has it.
    pub score_min: Option<f32>,
    /// Two boxes that overlap by more than this, in 0..=1, are one face; none: likewise.
    pub iou_max: Option<f32>,
    /// The most faces, 1 to [`FACES_MAX`](samovar_models::FACES_MAX), but [`FaceRequest::PREPARED_MAX`] where there is more to do for
    /// each; none: as many as there may be.
    pub faces_max: Option<usize>,
    /// Whether each gets a vector that tells who it is.
    pub embeddings: bool,
    /// The model that gives the vectors; none: the only one. Asks for vectors where it is named.
    pub embedding_model: Option<String>,
    /// Each as an upright picture of [`FaceRequest::CROP_SIDE`] pixels a side, compressed so; none: without.
    pub crops: Option<ImageEncoding>,
    /// When the answer is worth nothing any more.
    pub deadline: Instant,
}

impl FaceRequest {
    /// The most faces of one request that get vectors or crops.
    pub const PREPARED_MAX: usize = 100;

    /// Pixels of each side of a crop: what face embedding models take.
    pub const CROP_SIDE: u32 = 112;

    /// Faces of that picture by the only model that finds some, without vectors or crops.
    pub const fn new(picture: Picture, deadline: Instant) -> Self {
        Self {
            model: None,
            picture,
            score_min: None,
            iou_max: None,
            faces_max: None,
            embeddings: false,
            embedding_model: None,
            crops: None,
            deadline,
        }
    }
}

/// What was found.
#[derive(Clone)]
pub struct FaceAnswer {
    /// What found them.
    pub generation: Arc<Generation>,
    /// Where the time of finding them went.
    pub timings: Timings,
    /// Width of the picture standing upright, in pixels.
    pub width: u32,
    /// Height of the picture standing upright, in pixels.
    pub height: u32,
    /// The faces, best score first.
    pub faces: Vec<FoundFace>,
    /// Candidates that were left out because the model gave a value for them that is not a finite number.
    pub not_finite: u32,
    /// What gave the vectors, where some were asked for.
    pub encoder: Option<Arc<Generation>>,
}

/// One face, and what was asked for of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFace {
    /// Where it is.
    pub face: Face,
    /// Who it is, as a vector of length 1, where that was asked for.
    pub embedding: Option<Vec<f32>>,
    /// As an upright picture, where that was asked for and its points tell a direction.
    pub crop: Option<Vec<u8>>,
}
