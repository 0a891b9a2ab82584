//! Poses as JSON.

use super::TimingsBody;
use super::detection::{ImageBody, is_zero};
use super::person::{corners, keypoints};
use samovar_models::{COCO_KEYPOINTS, PersonPose, Poses};
use samovar_runtime::Completed;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Who was found in one picture, by what, and where the time went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoseAnswer {
    /// The model's configured name.
    #[schema(value_type = String, example = "pose")]
    pub(crate) model: Arc<str>,
    /// Which loaded copy of the model answered; it counts up with each load.
    #[schema(example = 1)]
    pub(crate) generation: u64,
    /// The version of the model's folder, where it has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// The engine that ran it.
    #[schema(example = "rten")]
    pub(crate) engine: &'static str,
    /// The arithmetic it ran in.
    #[schema(example = "f32")]
    pub(crate) precision: &'static str,
    /// The picture.
    pub(crate) image: ImageBody,
    /// The names of the key points, in their order; empty where the model has others than COCO's 17.
    #[schema(example = json!(["nose", "left_eye"]))]
    pub(crate) keypoint_names: &'static [&'static str],
    /// Who was found, best score first.
    pub(crate) persons: Vec<PersonBody>,
    /// Candidates left out because the model gave no number for them; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) not_finite: u32,
    /// Where the time went.
    pub(crate) timings: TimingsBody,
}

/// One person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonBody {
    /// How sure the model is, in 0..=1.
    #[schema(example = 0.87)]
    pub(crate) score: f32,
    /// `[x1, y1, x2, y2]`: left, top, right, bottom in pixels of the picture.
    #[serde(rename = "box")]
    #[schema(example = json!([49.0, 398.9, 245.1, 902.9]))]
    pub(crate) bbox: [f32; 4],
    /// `[x, y, score]` each, in pixels of the picture and 0..=1.
    #[schema(example = json!([[120.5, 420.0, 0.98]]))]
    pub(crate) keypoints: Vec<[f32; 3]>,
}

impl PoseAnswer {
    /// The answer to a picture that took `total` from its arrival on.
    pub(crate) fn new(completed: &Completed<Poses>, total: Duration) -> Self {
        let Completed { output, timings, generation } = completed;
        Self {
            model: Arc::clone(&generation.name),
            generation: generation.number,
            version: generation.version,
            engine: generation.engine,
            precision: generation.precision.name(),
            image: ImageBody { width: output.width, height: output.height },
            keypoint_names: keypoint_names(output),
            persons: output.items.iter().map(PersonBody::from).collect(),
            not_finite: output.not_finite,
            timings: TimingsBody::new(timings, total),
        }
    }
}

impl From<&PersonPose> for PersonBody {
    fn from(person: &PersonPose) -> Self {
        Self { score: person.score, bbox: corners(&person.bbox), keypoints: keypoints(&person.keypoints) }
    }
}

/// Where nobody was found, nobody needs them.
fn keypoint_names(poses: &Poses) -> &'static [&'static str] {
    let of_coco = poses.items.first().is_none_or(|person| person.keypoints.len() == COCO_KEYPOINTS.len());
    if of_coco { &COCO_KEYPOINTS } else { &[] }
}
