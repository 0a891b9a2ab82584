//! What was seen in one frame, before anybody is followed from frame to frame.

use samovar_media::Picture;
use samovar_models::{Appearance, BoundingBox, Detections, Keypoint, Poses};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A frame of a stream: which, when, and the picture.
#[derive(Clone, Debug)]
pub struct SceneInput {
    /// The frame's number: rises from frame to frame, and by more than one where frames were left out, so that time is not distorted.
    pub number: u64,
    /// The frame's time on its stream's clock.
    pub time: Duration,
    /// The frame's time on the wall clock, for the schedule.
    pub wall: SystemTime,
    /// The picture.
    pub picture: Picture,
}

/// Who was seen in one frame.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The frame.
    pub frame: SceneInput,
    /// Everybody seen, best score first.
    pub people: Vec<SeenPerson>,
}

/// Somebody in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenPerson {
    /// Where.
    pub bbox: BoundingBox,
    /// How sure the detector is, in 0..=1.
    pub score: f32,
    /// The key points in the model's order; empty where none were found.
    pub keypoints: Arc<[Keypoint]>,
    /// How the person looks, where that is known.
    pub appearance: Option<Appearance>,
}

/// Overlap from which a pose is that of the person in a box.
const POSE_IOU_MIN: f32 = 0.5;

/// Everybody of a pose model's own boxes.
pub(super) fn from_poses(poses: Poses) -> Vec<SeenPerson> {
    let person = |pose: samovar_models::PersonPose| person(pose.bbox, pose.score, pose.keypoints.into());
    poses.items.into_iter().map(person).collect()
}

/// Everybody of a detector's boxes, each with the pose that overlaps it most: the best pairs first, each box and each pose once.
pub(super) fn from_boxes(boxes: &Detections, poses: &Poses) -> Vec<SeenPerson> {
    let mut people: Vec<_> = boxes.items.iter().map(|found| person(found.bbox, found.score, Arc::new([]))).collect();
    let mut pairs: Vec<_> = (0..people.len())
        .flat_map(|one| (0..poses.items.len()).map(move |other| (one, other)))
        .map(|(one, other)| (people[one].bbox.iou(&poses.items[other].bbox), one, other))
        .filter(|(iou, ..)| *iou >= POSE_IOU_MIN)
        .collect();
    // Equal overlaps in the order of the scores, so that the same frame always gives the same pairs.
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then((one.1, one.2).cmp(&(other.1, other.2))));
    let (mut box_taken, mut pose_taken) = (vec![false; people.len()], vec![false; poses.items.len()]);
    for (_, one, other) in pairs {
        if !box_taken[one] && !pose_taken[other] {
            (box_taken[one], pose_taken[other]) = (true, true);
            people[one].keypoints = poses.items[other].keypoints.as_slice().into();
        }
    }
    people
}

const fn person(bbox: BoundingBox, score: f32, keypoints: Arc<[Keypoint]>) -> SeenPerson {
    SeenPerson { bbox, score, keypoints, appearance: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_models::{Detection, PersonPose};

    fn pose(x: f32, tag: f32) -> PersonPose {
        let keypoints = vec![Keypoint { x: tag, y: 0.0, score: 1.0 }; 17];
        PersonPose { score: 0.9, bbox: [x, 0.0, x + 10.0, 10.0].into(), keypoints }
    }

    fn found(x: f32) -> Detection {
        Detection { class_id: 0, label: "person".into(), score: 0.8, bbox: [x, 0.0, x + 10.0, 10.0].into() }
    }

    #[test]
    fn each_box_gets_the_pose_that_overlaps_it_most() {
        let boxes = Detections { items: vec![found(0.0), found(2.0), found(50.0)].into(), ..Detections::default() };
        let poses = Poses { items: vec![pose(1.8, 1.0), pose(0.5, 2.0), pose(80.0, 3.0)], ..Poses::default() };
        let people = from_boxes(&boxes, &poses);
        let tags: Vec<_> = people.iter().map(|person| person.keypoints.first().map(|point| point.x)).collect();
        assert_eq!(tags, [Some(2.0), Some(1.0), None]);
    }

    #[test]
    fn no_pose_is_given_twice() {
        let boxes = Detections { items: vec![found(0.0), found(0.0)].into(), ..Detections::default() };
        let poses = Poses { items: vec![pose(0.0, 1.0)], ..Poses::default() };
        let people = from_boxes(&boxes, &poses);
        assert_eq!(people.iter().filter(|person| person.keypoints.is_empty()).count(), 1);
        assert_eq!(people[1].keypoints.len(), 0, "the better score has it");
    }
}
