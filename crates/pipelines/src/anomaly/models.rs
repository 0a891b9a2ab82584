//! The models that an anomaly stream works with, shared with all other streams.

use samovar_models::{AppearanceEncoder, Detector, PoseEstimator, SequenceScorer};
use samovar_runtime::ModelHandle;

/// The models that an anomaly stream works with. Cheap to clone.
#[derive(Clone)]
pub struct AnomalyModels {
    /// Finds the people; without it the pose model's own boxes are used, and one run a frame serves both.
    pub detector: Option<Detector>,
    /// Finds key points.
    pub pose: PoseEstimator,
    /// Tells how unusual a window of poses is.
    pub sequence: SequenceScorer,
    /// Tells people apart by their looks where boxes alone do not.
    pub appearance: Option<AppearanceEncoder>,
}

impl AnomalyModels {
    /// The handles of all of them: what must be warm before a stream begins.
    pub fn handles(&self) -> Vec<&ModelHandle> {
        let detector = self.detector.iter().map(Detector::handle);
        let appearance = self.appearance.iter().map(AppearanceEncoder::handle);
        detector.chain([self.pose.handle(), self.sequence.handle()]).chain(appearance).collect()
    }
}
