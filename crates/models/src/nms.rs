//! Non-maximum suppression within each class: the greedy rule that every YOLO reference uses.
//!
//! ultralytics moves the boxes of each class to a place of their own and suppresses all classes at once; comparing only
//! boxes of the same class gives the same result without rounding the coordinates of high class numbers.

use crate::candidate::Candidate;

/// Keeps, best first, what does not overlap a better candidate of its class by more than `iou_max`, up to `kept_max`.
/// `sorted` is best first. Cost is bounded by `sorted.len() * kept_max` comparisons.
pub(crate) fn suppress(sorted: &[Candidate], iou_max: f32, kept_max: usize, kept: &mut Vec<Candidate>) {
    kept.clear();
    for candidate in sorted {
        if kept.len() == kept_max {
            return;
        }
        let overlaps =
            kept.iter().any(|better| better.class == candidate.class && iou(better.bbox, candidate.bbox) > iou_max);
        if !overlaps {
            kept.push(*candidate);
        }
    }
}

/// Intersection over union of two boxes `[left, top, right, bottom]`; 0 where both are empty.
pub(crate) fn iou(a: [f32; 4], b: [f32; 4]) -> f32 {
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let intersection = width * height;
    let union = area(a) + area(b) - intersection;
    if union > 0.0 { intersection / union } else { 0.0 }
}

fn area([left, top, right, bottom]: [f32; 4]) -> f32 {
    (right - left) * (bottom - top)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(class: u32, score: f32, bbox: [f32; 4]) -> Candidate {
        Candidate { anchor: 0, class, score, bbox }
    }

    fn kept(sorted: &[Candidate], iou_max: f32, kept_max: usize) -> Vec<f32> {
        let mut kept = Vec::new();
        suppress(sorted, iou_max, kept_max, &mut kept);
        kept.iter().map(|k| k.score).collect()
    }

    #[test]
    fn overlap_is_a_share_of_the_union() {
        assert_eq!(iou([0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0]), 1.0 / 3.0);
        assert_eq!(iou([0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 2.0, 1.0]), 0.0);
        assert_eq!(iou([0.0; 4], [0.0; 4]), 0.0);
    }

    #[test]
    fn the_better_of_two_overlapping_boxes_of_a_class_stays() {
        let sorted = [
            candidate(0, 0.9, [0.0, 0.0, 10.0, 10.0]),
            candidate(0, 0.8, [0.0, 0.0, 10.0, 9.0]),
            candidate(1, 0.7, [0.0, 0.0, 10.0, 9.0]),
            candidate(0, 0.6, [20.0, 0.0, 30.0, 9.0]),
        ];
        assert_eq!(kept(&sorted, 0.5, 10), [0.9, 0.7, 0.6]);
        assert_eq!(kept(&sorted, 0.9, 10), [0.9, 0.8, 0.7, 0.6]);
        assert_eq!(kept(&sorted, 0.9, 2), [0.9, 0.8]);
    }

    #[test]
    fn an_overlap_of_exactly_the_limit_stays() {
        let sorted = [candidate(0, 0.9, [0.0, 0.0, 2.0, 1.0]), candidate(0, 0.8, [0.0, 0.0, 1.0, 1.0])];
        assert_eq!(kept(&sorted, 0.5, 10), [0.9, 0.8]);
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        let sorted = [
            candidate(0, 0.9, [0.0, 0.0, 10.0, 10.0]),
            candidate(0, 0.8, [4.0, 0.0, 14.0, 10.0]),
            candidate(0, 0.7, [8.0, 0.0, 18.0, 10.0]),
        ];
        assert_eq!(kept(&sorted, 0.4, 10), [0.9, 0.7]);
    }
}
