//! Faces as JSON.

use super::{TimingsBody, detection::ImageBody};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use samovar_service::media::{FaceAnswer, FoundFace};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// What was found in one picture, by what, and where the time went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaceAnswerBody {
    /// The detector's configured name.
    #[schema(value_type = String, example = "yunet")]
    model: Arc<str>,
    /// Which loaded copy of it answered; it counts up with each load.
    #[schema(example = 1)]
    generation: u64,
    /// What gave the vectors, where some were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    embedding_model: Option<Arc<str>>,
    /// The picture.
    image: ImageBody,
    /// The faces, best score first.
    faces: Vec<FaceBody>,
    /// Candidates left out because the model gave no number for them; left out where there are none.
    #[serde(skip_serializing_if = "super::detection::is_zero")]
    not_finite: u32,
    /// Where the time went.
    timings: TimingsBody,
}

/// One face.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaceBody {
    /// `[x1, y1, x2, y2]`: left, top, right, bottom in pixels of the picture.
    #[serde(rename = "box")]
    #[schema(example = json!([749.0, 40.0, 1142.0, 712.0]))]
    bbox: [f32; 4],
    /// In 0..=1.
    #[schema(example = 0.94)]
    score: f32,
    /// Five points in pixels of the picture.
    landmarks: LandmarksBody,
    /// Who it is: a vector of length 1; null where the points tell no direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vec<f32>>,
    /// The face upright, 112 pixels a side: a JPEG in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    crop: Option<String>,
}

/// Five points of a face, `[x, y]` each; right and left are the person's own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LandmarksBody {
    right_eye: [f32; 2],
    left_eye: [f32; 2],
    nose: [f32; 2],
    mouth_right: [f32; 2],
    mouth_left: [f32; 2],
}

impl FaceAnswerBody {
    /// The answer to a picture that took `total` from its arrival on.
    pub(crate) fn new(answer: FaceAnswer, total: Duration) -> Self {
        Self {
            model: Arc::clone(&answer.generation.name),
            generation: answer.generation.number,
            embedding_model: answer.encoder.map(|encoder| Arc::clone(&encoder.name)),
            image: ImageBody { width: answer.width, height: answer.height },
            faces: answer.faces.into_iter().map(FaceBody::from).collect(),
            not_finite: answer.not_finite,
            timings: TimingsBody::new(&answer.timings, total),
        }
    }

    /// How many numbers it holds.
    pub(crate) fn numbers(&self) -> usize {
        let of = |face: &FaceBody| {
            face.embedding.as_ref().map_or(15, Vec::len) + face.crop.as_ref().map_or(0, String::len) / 8
        };
        self.faces.iter().map(of).sum()
    }
}

impl From<FoundFace> for FaceBody {
    fn from(FoundFace { face, embedding, crop }: FoundFace) -> Self {
        let [right_eye, left_eye, nose, mouth_right, mouth_left] = face.landmarks.map(|(x, y)| [x, y]);
        Self {
            bbox: [face.bbox.x1, face.bbox.y1, face.bbox.x2, face.bbox.y2],
            score: face.score,
            landmarks: LandmarksBody { right_eye, left_eye, nose, mouth_right, mouth_left },
            embedding,
            crop: crop.map(|crop| BASE64_STANDARD.encode(crop)),
        }
    }
}
