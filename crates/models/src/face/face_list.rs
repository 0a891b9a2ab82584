//! What a face detector finds: boxes with five landmarks, in pixels of the source picture.

use crate::BoundingBox;

/// Five points (x, y) of a face in pixels of the source picture: the person's right eye, left eye, tip of the nose, right and left
/// corner of the mouth, so that on an upright face the first lies left of the second. A pixel's own place is a whole number. Not
/// clipped: they may lie outside the picture.
pub type Landmarks = [(f32, f32); 5];

/// One face found in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Where it is, clipped to the picture.
    pub bbox: BoundingBox,
    /// How sure the model is, in 0..=1.
    pub score: f32,
    /// Where its eyes, nose and mouth are.
    pub landmarks: Landmarks,
}

/// Everything found in one picture, best score first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faces {
    /// Width of the source picture, in pixels.
    pub width: u32,
    /// Height of the source picture, in pixels.
    pub height: u32,
    /// The faces, best score first.
    pub items: Vec<Face>,
    /// Candidates that were left out because the model gave a value for them that is not a finite number.
    pub not_finite: u32,
}
