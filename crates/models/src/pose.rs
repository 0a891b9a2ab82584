//! What a pose model finds: people with their key points, in pixels of the source picture.

use crate::BoundingBox;

/// The names of COCO's 17 key points, in the order in which models give them.
pub const COCO_KEYPOINTS: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];

/// Which of COCO's key points are joined when a person is drawn, by their indices.
pub const COCO_LIMBS: [(usize, usize); 16] = [
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 4),
    (5, 6),
    (5, 7),
    (7, 9),
    (6, 8),
    (8, 10),
    (5, 11),
    (6, 12),
    (11, 12),
    (11, 13),
    (13, 15),
    (12, 14),
    (14, 16),
];

/// One key point of one person.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Keypoint {
    /// From the picture's left edge, in pixels. May lie outside the picture.
    pub x: f32,
    /// From the picture's top edge, in pixels.
    pub y: f32,
    /// How visible it is, in 0..=1; 1 where the model does not tell.
    pub score: f32,
}

/// One person found in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonPose {
    /// How sure the model is of the person, in 0..=1.
    pub score: f32,
    /// Where the person is.
    pub bbox: BoundingBox,
    /// The key points in the model's order: for 17 of them that of [`COCO_KEYPOINTS`].
    pub keypoints: Vec<Keypoint>,
}

/// Everybody found in one picture, best score first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Poses {
    /// Width of the source picture, in pixels.
    pub width: u32,
    /// Height of the source picture, in pixels.
    pub height: u32,
    /// Who was found, best score first.
    pub items: Vec<PersonPose>,
    /// Candidates that were left out because the model gave a value for them that is not a finite number.
    pub not_finite: u32,
}
