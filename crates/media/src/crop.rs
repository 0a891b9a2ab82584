//! A part of a frame, in whole pixels.

/// A rectangle of pixels within a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// Pixels left of it.
    pub x: u32,
    /// Pixels above it.
    pub y: u32,
    /// In pixels, not zero.
    pub width: u32,
    /// In pixels, not zero.
    pub height: u32,
}

impl Crop {
    /// All of a picture of `size` (width, height).
    pub const fn whole((width, height): (u32, u32)) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// The pixels of a picture of `size` (width, height) that the box `[left, top, right, bottom]` touches; to the left and above it
    /// begins at an even pixel, so that the colour samples of YUV 4:2:0 lie in it as in a picture of its own. None where it
    /// touches none, or an edge is no number.
    pub fn around([left, top, right, bottom]: [f32; 4], size: (u32, u32)) -> Option<Self> {
        let span = |from: f32, to: f32, limit: u32| {
            let from = (from.max(0.0).floor() as u32) & !1;
            let to = (to.max(0.0).ceil() as u32).min(limit);
            to.checked_sub(from).filter(|length| *length > 0).map(|length| (from, length))
        };
        if [left, top, right, bottom].iter().any(|edge| edge.is_nan()) || left >= right || top >= bottom {
            return None;
        }
        let ((x, width), (y, height)) = (span(left, right, size.0)?, span(top, bottom, size.1)?);
        Some(Self { x, y, width, height })
    }

    /// Whether it lies within a picture of `size`, and begins at even pixels.
    pub(crate) fn fits(&self, size: (u32, u32)) -> bool {
        let within = |from: u32, length: u32, limit: u32| {
            length > 0 && from.is_multiple_of(2) && from.checked_add(length).is_some_and(|to| to <= limit)
        };
        within(self.x, self.width, size.0) && within(self.y, self.height, size.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_is_what_the_box_touches() {
        let around = |edges| Crop::around(edges, (100, 50));
        assert_eq!(around([11.5, 4.0, 20.2, 30.0]), Some(Crop { x: 10, y: 4, width: 11, height: 26 }));
        assert_eq!(around([-5.0, -5.0, 1e9, f32::INFINITY]), Some(Crop::whole((100, 50))));
        assert_eq!(around([99.0, 49.0, 99.5, 49.5]), Some(Crop { x: 98, y: 48, width: 2, height: 2 }));
        for nothing in [
            [100.0, 0.0, 120.0, 10.0],
            [0.0, -9.0, 5.0, -1.0],
            [5.0, 5.0, 5.0, 9.0],
            [9.0, 5.0, 5.0, 9.0],
            [f32::NAN, 0.0, 5.0, 5.0],
            [f32::INFINITY, 0.0, f32::INFINITY, 5.0],
        ] {
            assert_eq!(around(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn what_leaves_the_picture_does_not_fit() {
        let fits = |x, y, width, height| Crop { x, y, width, height }.fits((10, 6));
        assert!(fits(0, 0, 10, 6) && fits(8, 4, 2, 2) && fits(2, 2, 1, 1));
        assert!(!fits(1, 0, 2, 2) && !fits(0, 0, 0, 2) && !fits(8, 0, 3, 2) && !fits(u32::MAX - 1, 0, 2, 2));
    }
}
