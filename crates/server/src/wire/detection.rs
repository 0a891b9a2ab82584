//! Detections as JSON.

use super::ms;
use samovar_models::{Detection, Detections};
use samovar_runtime::{Completed, Timings};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// What was found in one picture, by what, and where the time went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DetectAnswer {
    /// The model's configured name.
    #[schema(value_type = String, example = "person")]
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
    /// What was found, best score first.
    pub(crate) detections: Vec<DetectionBody>,
    /// Candidates left out because the model gave no number for them; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) not_finite: u32,
    /// Where the time went.
    pub(crate) timings: TimingsBody,
}

/// The picture, upright.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImageBody {
    /// In pixels.
    #[schema(example = 810)]
    pub(crate) width: u32,
    /// In pixels.
    #[schema(example = 1080)]
    pub(crate) height: u32,
}

/// One object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DetectionBody {
    /// Index of the class in the model.
    #[schema(example = 0)]
    pub(crate) class_id: u32,
    /// Name of the class.
    #[schema(value_type = String, example = "person")]
    pub(crate) label: Arc<str>,
    /// In 0..=1.
    #[schema(example = 0.87)]
    pub(crate) score: f32,
    /// `[x1, y1, x2, y2]`: left, top, right, bottom in pixels of the picture.
    #[serde(rename = "box")]
    #[schema(example = json!([49.0, 398.9, 245.1, 902.9]))]
    pub(crate) bbox: [f32; 4],
}

/// Where the time of one picture went, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimingsBody {
    /// Waiting for a slot.
    #[schema(example = 0.2)]
    pub(crate) queue_ms: f64,
    /// Decoding, resizing and writing into the batch.
    #[schema(example = 3.1)]
    pub(crate) prepare_ms: f64,
    /// The engine's run of the batch.
    #[schema(example = 26.4)]
    pub(crate) inference_ms: f64,
    /// Reading the outputs.
    #[schema(example = 0.1)]
    pub(crate) finish_ms: f64,
    /// From the picture's arrival to the answer.
    #[schema(example = 30.0)]
    pub(crate) total_ms: f64,
    /// Pictures in the batch.
    #[schema(example = 1)]
    pub(crate) batch_rows: usize,
}

impl DetectAnswer {
    /// The answer to a picture that took `total` from its arrival on.
    pub(crate) fn new(completed: &Completed<Detections>, total: Duration) -> Self {
        let Completed { output, timings, generation } = completed;
        Self {
            model: Arc::clone(&generation.name),
            generation: generation.number,
            version: generation.version,
            engine: generation.engine,
            precision: generation.precision.name(),
            image: ImageBody { width: output.width, height: output.height },
            detections: output.items.iter().map(DetectionBody::from).collect(),
            not_finite: output.not_finite,
            timings: TimingsBody::new(timings, total),
        }
    }
}

impl From<&Detection> for DetectionBody {
    fn from(found: &Detection) -> Self {
        let bbox = [found.bbox.x1, found.bbox.y1, found.bbox.x2, found.bbox.y2];
        Self { class_id: found.class_id, label: Arc::clone(&found.label), score: found.score, bbox }
    }
}

impl TimingsBody {
    pub(super) fn new(timings: &Timings, total: Duration) -> Self {
        Self {
            queue_ms: ms(timings.queued),
            prepare_ms: ms(timings.wrote),
            inference_ms: ms(timings.ran),
            finish_ms: ms(timings.read),
            total_ms: ms(total),
            batch_rows: timings.batch_rows,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) const fn is_zero(count: &u32) -> bool {
    *count == 0
}
