//! One row of a segmentation model's output, read in place: a plane of values for each class.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// `[classes, height, width]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logits<'a, T> {
    values: &'a [T],
    pub(crate) classes: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// What logits are made of.
pub(crate) trait Logit: Copy {
    /// As a 32-bit float.
    fn value(self) -> f32;
    /// A line of them as 32-bit floats, converted into `kept` where they are not.
    fn line<'a>(line: &'a [Self], kept: &'a mut Vec<f32>) -> &'a [f32];
}

impl<'a, T: Logit> Logits<'a, T> {
    /// None where the shape is not `[classes, height, width]`, has an axis of nothing, or is not that of `values`.
    pub(crate) fn new(shape: &[usize], values: &'a [T]) -> Option<Self> {
        let &[classes, height, width] = shape else { return None };
        let len = classes.checked_mul(height)?.checked_mul(width)?;
        (len > 0 && len == values.len()).then_some(Self { values, classes, width, height })
    }

    /// Positions in one plane.
    pub(crate) const fn plane_len(&self) -> usize {
        self.width * self.height
    }

    /// Line `y` of a class's plane.
    pub(crate) fn line(&self, class: usize, y: usize) -> &'a [T] {
        &self.values[class * self.plane_len() + y * self.width..][..self.width]
    }

    /// The value of a class at a position of its plane.
    pub(crate) fn at(&self, class: usize, position: usize) -> f32 {
        self.values[class * self.plane_len() + position].value()
    }
}

impl Logit for f32 {
    fn value(self) -> f32 {
        self
    }
    fn line<'a>(line: &'a [Self], _: &'a mut Vec<f32>) -> &'a [f32] {
        line
    }
}

impl Logit for f16 {
    fn value(self) -> f32 {
        self.to_f32()
    }
    fn line<'a>(line: &'a [Self], kept: &'a mut Vec<f32>) -> &'a [f32] {
        kept.resize(line.len(), 0.0);
        line.convert_to_f32_slice(kept);
        kept
    }
}
