//! People with their key points as JSON.

use samovar_models::{BoundingBox, Keypoint};
use samovar_pipelines::ScenePerson;
use serde::Serialize;
use utoipa::ToSchema;

/// Somebody who is followed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrackedPersonBody {
    /// Number of the track within its stream, from 1; never used again.
    #[schema(example = 3)]
    pub(crate) track: u64,
    /// `[x1, y1, x2, y2]`: left, top, right, bottom in pixels of the picture.
    #[serde(rename = "box")]
    #[schema(example = json!([49.0, 398.9, 245.1, 902.9]))]
    pub(crate) bbox: [f32; 4],
    /// How sure the detector is, in 0..=1.
    #[schema(example = 0.87)]
    pub(crate) score: f32,
    /// `[x, y, score]` each, in pixels of the picture and 0..=1; empty where none were found.
    #[schema(example = json!([[120.5, 420.0, 0.98]]))]
    pub(crate) keypoints: Vec<[f32; 3]>,
    /// How unusual the person moves, smoothed; null where it is not known.
    #[schema(example = 0.4)]
    pub(crate) anomaly_score: Option<f32>,
    /// Whether that is told as an anomaly at present.
    pub(crate) anomalous: bool,
}

impl From<&ScenePerson> for TrackedPersonBody {
    fn from(person: &ScenePerson) -> Self {
        Self {
            track: person.track,
            bbox: corners(&person.bbox),
            score: person.score,
            keypoints: keypoints(&person.keypoints),
            anomaly_score: person.anomaly_score,
            anomalous: person.anomalous,
        }
    }
}

pub(super) const fn corners(bbox: &BoundingBox) -> [f32; 4] {
    [bbox.x1, bbox.y1, bbox.x2, bbox.y2]
}

pub(super) fn keypoints(points: &[Keypoint]) -> Vec<[f32; 3]> {
    points.iter().map(|point| [point.x, point.y, point.score]).collect()
}
