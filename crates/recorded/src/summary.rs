//! What was found in a whole video, in a size that does not depend on its length.

use crate::FrameRecord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was found in a whole video.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Frames that were looked at.
    pub frames: u64,
    /// When the first frame was, from the start of the video.
    #[serde(default)]
    pub first_ms: f64,
    /// From the first to the last frame.
    pub duration_ms: f64,
    /// Objects in all frames together.
    pub detections: u64,
    /// By name of the class.
    pub classes: BTreeMap<String, ClassSummary>,
}

/// What was found of one class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassSummary {
    /// Objects in all frames together.
    pub detections: u64,
    /// Frames with at least one.
    pub frames: u64,
    /// The most in one frame.
    pub most_in_a_frame: u64,
    /// When the first was seen.
    pub first_ms: f64,
    /// When the last was seen.
    pub last_ms: f64,
    /// The surest score.
    pub score_max: f32,
}

impl Summary {
    /// Counts a frame. Frames come in the order of their time.
    pub fn add(&mut self, record: &FrameRecord) {
        if self.frames == 0 {
            self.first_ms = record.timestamp_ms;
        }
        self.frames += 1;
        self.duration_ms = (record.timestamp_ms - self.first_ms).max(0.0);
        self.detections += record.detections.len() as u64;
        for (label, count, score_max) in by_class(record) {
            self.class(label).add(record.timestamp_ms, count, score_max);
        }
    }

    /// The class of that name; its name is copied once.
    fn class(&mut self, label: &str) -> &mut ClassSummary {
        if !self.classes.contains_key(label) {
            self.classes.insert(label.to_owned(), ClassSummary::default());
        }
        self.classes.get_mut(label).expect("it was put in where it was missing")
    }
}

impl ClassSummary {
    /// Counts a frame with so many of the class.
    fn add(&mut self, timestamp_ms: f64, count: u64, score_max: f32) {
        if self.frames == 0 {
            self.first_ms = timestamp_ms;
        }
        self.last_ms = timestamp_ms;
        self.frames += 1;
        self.detections += count;
        self.most_in_a_frame = self.most_in_a_frame.max(count);
        self.score_max = self.score_max.max(score_max);
    }
}

/// How many objects of each class there are in a frame, and the surest score. A frame has few classes, so they are looked through.
fn by_class(record: &FrameRecord) -> Vec<(&str, u64, f32)> {
    let mut classes: Vec<(&str, u64, f32)> = Vec::new();
    for found in &record.detections {
        match classes.iter_mut().find(|(label, ..)| *label == &*found.label) {
            Some((_, count, score_max)) => (*count, *score_max) = (*count + 1, score_max.max(found.score)),
            None => classes.push((&found.label, 1, found.score)),
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DetectionRecord, ImageRecord};

    fn frame(timestamp_ms: f64, found: &[(&str, f32)]) -> FrameRecord {
        let object = |(label, score): &(&str, f32)| DetectionRecord {
            class_id: 0,
            label: (*label).into(),
            score: *score,
            corners: [0.0; 4],
            track: None,
        };
        let detections = found.iter().map(object).collect();
        FrameRecord { frame: 0, timestamp_ms, image: ImageRecord { width: 8, height: 8 }, detections, timings: None }
    }

    #[test]
    fn classes_are_counted_over_the_whole_video() {
        let mut summary = Summary::default();
        summary.add(&frame(500.0, &[]));
        summary.add(&frame(600.0, &[("person", 0.9), ("car", 0.5), ("person", 0.7)]));
        summary.add(&frame(700.0, &[("car", 0.8)]));
        summary.add(&frame(1_900.0, &[("person", 0.95)]));
        assert_eq!((summary.frames, summary.first_ms, summary.duration_ms, summary.detections), (4, 500.0, 1_400.0, 5));
        let person = ClassSummary {
            detections: 3,
            frames: 2,
            most_in_a_frame: 2,
            first_ms: 600.0,
            last_ms: 1_900.0,
            score_max: 0.95,
        };
        let car = ClassSummary {
            detections: 2,
            frames: 2,
            most_in_a_frame: 1,
            first_ms: 600.0,
            last_ms: 700.0,
            score_max: 0.8,
        };
        assert_eq!(summary.classes, BTreeMap::from([("person".to_owned(), person), ("car".to_owned(), car)]));
    }

    #[test]
    fn a_summary_comes_back_from_json_and_counts_on() {
        let (mut whole, mut first) = (Summary::default(), Summary::default());
        first.add(&frame(100.0, &[("person", 0.5)]));
        let mut read: Summary = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        assert_eq!(read, first);
        read.add(&frame(300.0, &[("person", 0.6)]));
        whole.add(&frame(100.0, &[("person", 0.5)]));
        whole.add(&frame(300.0, &[("person", 0.6)]));
        assert_eq!(read, whole);
    }
}
