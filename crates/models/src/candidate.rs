//! Anchors that scored above the threshold, before suppression.

/// One anchor that scored above the threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Index of the anchor in the output: breaks ties, and leads to what else the anchor predicts.
    pub(crate) anchor: u32,
    /// Its best class.
    pub(crate) class: u32,
    /// The score of that class, in 0..=1.
    pub(crate) score: f32,
    /// Left, top, right, bottom in pixels of the model's input.
    pub(crate) bbox: [f32; 4],
}

/// Candidates of one picture, and the memory for them that a slot's thread keeps.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Found so far; best first after [`Candidates::sort`].
    pub(crate) items: Vec<Candidate>,
    /// What suppression left.
    pub(crate) kept: Vec<Candidate>,
    /// Anchors with a value that is not a finite number.
    pub(crate) not_finite: u32,
}

/// Candidates that go into suppression at most: ultralytics' `max_nms`.
const CANDIDATES_MAX: usize = 30_000;

impl Candidates {
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.kept.clear();
        self.not_finite = 0;
    }

    /// Adds a candidate whose numbers are all finite; counts it otherwise.
    pub(crate) fn push(&mut self, candidate: Candidate) {
        if candidate.score.is_finite() && candidate.bbox.iter().all(|edge| edge.is_finite()) {
            self.items.push(candidate);
        } else {
            self.not_finite = self.not_finite.saturating_add(1);
        }
    }

    /// Best score first; equal scores in the order of the output, so that the result is the same on every run.
    pub(crate) fn sort(&mut self) {
        self.items.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.anchor.cmp(&b.anchor)));
        self.items.truncate(CANDIDATES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_keep_the_order_of_the_output() {
        let mut candidates = Candidates::default();
        for (anchor, score) in [(3, 0.5), (1, 0.9), (2, 0.5), (4, f32::NAN)] {
            candidates.push(Candidate { anchor, class: 0, score, bbox: [0.0; 4] });
        }
        candidates.sort();
        assert_eq!(candidates.items.iter().map(|c| c.anchor).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(candidates.not_finite, 1);
    }
}
