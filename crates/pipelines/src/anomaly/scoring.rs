//! The second half of a frame's way: the windows that end with it, all in flight at once.

use super::Scene;
use futures_util::future::join_all;
use samovar_models::{PoseWindow, SequenceScorer};
use samovar_runtime::{Call, Class, RunError};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// The scores of one scene, on their way.
pub(super) type Scoring = Pin<Box<dyn Future<Output = ScoredScene> + Send>>;

/// A scene and the scores of its windows.
pub(super) struct ScoredScene {
    /// Who is where.
    pub(super) scene: Scene,
    /// In the order of the scene's windows.
    pub(super) scores: Vec<Result<f32, RunError>>,
    /// From the scene to the last score.
    pub(super) took: Duration,
}

/// How long what goes on with a live frame may wait for its start: past it, the frame is told without.
pub(super) const FOLLOW_UP_MAX: Duration = Duration::from_millis(500);

/// Scores the windows of a scene; they are queued when the future is first polled.
pub(super) fn score(scorer: SequenceScorer, scene: Scene, call: Call) -> Scoring {
    let began = Instant::now();
    Box::pin(async move {
        let runs = scene.windows.iter().map(|window| score_one(&scorer, window.window.clone(), call.following_up()));
        let scores = join_all(runs).await;
        ScoredScene { scene, scores, took: began.elapsed() }
    })
}

/// A live window must find its place at once and start in time; a recorded one waits.
async fn score_one(scorer: &SequenceScorer, window: PoseWindow, call: Call) -> Result<f32, RunError> {
    let completed = match call.class {
        Class::Job => scorer.score_waiting(window, call).await?.await?,
        _ => scorer.score(window, call.within(FOLLOW_UP_MAX))?.await?,
    };
    Ok(completed.output)
}
