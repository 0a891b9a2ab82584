//! Who is who from frame to frame, told afterwards from what was found.
//!
//! ByteTrack for each class by itself: a person is never taken for a car. Frames between those that were looked at count as time that has
//! passed. The same journal gives the same ids, however often it was interrupted.

use crate::FrameRecord;
use samovar_pipelines::{Seen, Tracker, TrackerOptions};
use std::collections::{BTreeMap, HashMap};

/// Follows the objects of one video.
#[derive(Debug, Default)]
pub(super) struct Following {
    classes: BTreeMap<u32, FollowedClass>,
    last_frame: Option<u64>,
    last_id: u64,
}

#[derive(Debug)]
struct FollowedClass {
    tracker: Tracker,
    /// Ids that are unique over all classes, by those of the tracker.
    ids: HashMap<u64, u64>,
}

impl Following {
    /// Writes into the next frame who is who.
    pub(super) fn follow(&mut self, record: &mut FrameRecord) {
        let passed = self.last_frame.map_or(0, |last| record.frame.saturating_sub(last).saturating_sub(1));
        let is_first = self.last_frame.replace(record.frame).is_none();
        for found in &record.detections {
            self.classes.entry(found.class_id).or_insert_with(|| FollowedClass::new(is_first));
        }
        for (class, followed) in &mut self.classes {
            followed.follow(*class, passed, record, &mut self.last_id);
        }
        self.classes.retain(|_, followed| !followed.tracker.is_empty());
    }
}

impl FollowedClass {
    fn new(is_first: bool) -> Self {
        let mut tracker = Tracker::new(TrackerOptions::default());
        if !is_first {
            // Only who is there on the first frame of all is told of at once.
            tracker.update(&[]);
        }
        Self { tracker, ids: HashMap::new() }
    }

    fn follow(&mut self, class: u32, passed: u64, record: &mut FrameRecord, last_id: &mut u64) {
        let places: Vec<usize> =
            (0..record.detections.len()).filter(|&at| record.detections[at].class_id == class).collect();
        let seen = places.iter().map(|&at| {
            let found = &record.detections[at];
            Seen { bbox: found.corners.into(), score: found.score, appearance: None }
        });
        let seen: Vec<Seen<'_>> = seen.collect();
        self.tracker.skip(passed);
        let tracked = self.tracker.update(&seen);
        for removed in self.tracker.removed() {
            self.ids.remove(removed);
        }
        for tracked in tracked {
            let id = self.ids.entry(tracked.id).or_insert_with(|| {
                *last_id += 1;
                *last_id
            });
            if let Some(&at) = places.get(tracked.index) {
                record.detections[at].track = Some(*id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DetectionRecord, ImageRecord};

    fn frame(number: u64, boxes: &[(u32, f32)]) -> FrameRecord {
        let detections = boxes.iter().map(|&(class_id, x)| DetectionRecord {
            class_id,
            label: "x".into(),
            score: 0.9,
            corners: [x, 0.0, x + 20.0, 40.0],
            track: None,
        });
        FrameRecord {
            frame: number,
            timestamp_ms: number as f64 * 40.0,
            image: ImageRecord { width: 640, height: 360 },
            detections: detections.collect(),
            timings: None,
        }
    }

    fn tracks(following: &mut Following, mut record: FrameRecord) -> Vec<Option<u64>> {
        following.follow(&mut record);
        record.detections.iter().map(|found| found.track).collect()
    }

    #[test]
    fn classes_are_followed_apart_and_share_no_id() {
        let mut following = Following::default();
        assert_eq!(tracks(&mut following, frame(0, &[(0, 10.0), (7, 10.0)])), [Some(1), Some(2)]);
        assert_eq!(tracks(&mut following, frame(1, &[(7, 11.0), (0, 11.0)])), [Some(2), Some(1)]);
        assert_eq!(tracks(&mut following, frame(2, &[(3, 300.0), (0, 12.0)])), [None, Some(1)]);
        assert_eq!(tracks(&mut following, frame(3, &[(3, 301.0), (0, 13.0)])), [Some(3), Some(1)]);
    }

    #[test]
    fn who_is_away_for_long_is_somebody_else_afterwards() {
        let mut following = Following::default();
        tracks(&mut following, frame(0, &[(0, 10.0)]));
        assert_eq!(tracks(&mut following, frame(1_000, &[(0, 10.0)])), [None]);
        assert_eq!(tracks(&mut following, frame(1_001, &[(0, 10.0)])), [Some(2)]);
        assert!(following.classes[&0].ids.len() <= 1, "ids of the gone are forgotten");
        tracks(&mut following, frame(3_000, &[]));
        tracks(&mut following, frame(6_000, &[]));
        assert!(following.classes.is_empty());
    }
}
