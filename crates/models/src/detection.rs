//! What a detector finds: boxes in pixels of the source picture, each with a class and a score.

use crate::DetectionList;
use std::sync::Arc;

/// One object found in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Index of the class in the model.
    pub class_id: u32,
    /// Name of the class.
    pub label: Arc<str>,
    /// How sure the model is, in 0..=1.
    pub score: f32,
    /// Where it is.
    pub bbox: BoundingBox,
}

/// An upright box in pixels of the source picture, clipped to it. Its area is never zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    /// Left edge.
    pub x1: f32,
    /// Top edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Bottom edge.
    pub y2: f32,
}

/// Everything found in one picture, best score first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detections {
    /// Width of the source picture, in pixels.
    pub width: u32,
    /// Height of the source picture, in pixels.
    pub height: u32,
    /// What was found, best score first.
    pub items: DetectionList,
    /// Candidates that were left out because the model gave a value for them that is not a finite number.
    pub not_finite: u32,
}

impl BoundingBox {
    /// Width in pixels.
    pub const fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// Height in pixels.
    pub const fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Intersection over union with another box, in 0..=1.
    pub fn iou(&self, other: &Self) -> f32 {
        crate::nms::iou(self.corners(), other.corners())
    }

    pub(crate) const fn corners(&self) -> [f32; 4] {
        [self.x1, self.y1, self.x2, self.y2]
    }
}

impl From<[f32; 4]> for BoundingBox {
    /// From left, top, right, bottom.
    fn from([x1, y1, x2, y2]: [f32; 4]) -> Self {
        Self { x1, y1, x2, y2 }
    }
}

impl Detections {
    /// How many objects of that class were found.
    pub fn count(&self, label: &str) -> usize {
        self.items.iter().filter(|found| &*found.label == label).count()
    }
}
