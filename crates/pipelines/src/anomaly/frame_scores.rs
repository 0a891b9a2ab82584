//! The paper's score of whole frames, for evaluation on recorded material: it looks ahead, so it is no way to tell live events.

use super::WindowScore;
use samovar_models::smooth_scores;

/// A score for each of `frames` frames, higher is more unusual: that of the most unusual person, where a window's score belongs to the
/// frame in its middle; frames without anybody get the lowest score of all; then smoothed along time
/// (Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, and the authors' code).
/// Without any score all frames get 0.
pub fn frame_scores(frames: usize, windows: impl IntoIterator<Item = WindowScore>) -> Vec<f32> {
    let mut scores = vec![f32::NEG_INFINITY; frames];
    for window in windows {
        if let Some(score) = usize::try_from(window.frame).ok().and_then(|frame| scores.get_mut(frame)) {
            *score = score.max(window.score);
        }
    }
    let lowest = scores.iter().copied().filter(|score| score.is_finite()).reduce(f32::min).unwrap_or_default();
    scores.iter_mut().filter(|score| !score.is_finite()).for_each(|score| *score = lowest);
    smooth_scores(&mut scores);
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(track: u64, frame: u64, score: f32) -> WindowScore {
        WindowScore { track, frame, score }
    }

    #[test]
    fn the_most_unusual_person_counts_and_nobody_is_the_least_unusual() {
        let scores =
            frame_scores(200, [window(1, 100, 9.0), window(2, 100, 1.0), window(2, 20, 1.0), window(1, 900, 50.0)]);
        assert_eq!(scores.len(), 200);
        assert!((scores[20] - 1.0).abs() < 1e-3 && (scores[190] - 1.0).abs() < 1e-3, "{scores:?}");
        let peak = (0..200).max_by(|one, other| scores[*one].total_cmp(&scores[*other]));
        assert_eq!(peak, Some(100));
    }

    #[test]
    fn without_scores_there_is_nothing_to_tell_frames_apart() {
        assert_eq!(frame_scores(3, []), [0.0; 3]);
    }
}
