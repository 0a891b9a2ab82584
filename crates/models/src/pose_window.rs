//! Some consecutive poses of one person: what a pose-sequence model looks at.

/// Some consecutive poses of one person, oldest first, one per frame, none missing.
#[derive(Clone, Debug, PartialEq)]
pub struct PoseWindow {
    /// Width and height of the frames, in pixels.
    pub frame_size: (u32, u32),
    /// Each frame's key points (x, y) in pixels, in the order of [`COCO_KEYPOINTS`](crate::COCO_KEYPOINTS).
    pub poses: Vec<[[f32; 2]; 17]>,
}
