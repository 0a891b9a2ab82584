//! A part of the picture, and who stands in it.

use samovar_models::BoundingBox;
use std::sync::Arc;

/// A part of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its name, told with the event.
    pub name: Arc<str>,
    /// Corners (x, y) as shares of width and height, in 0..=1; at least three. The last is joined to the first.
    pub corners: Vec<[f32; 2]>,
}

impl Zone {
    /// Whether the point (x, y), in shares of width and height, lies within: by the even-odd rule, so that a polygon that crosses itself
    /// has holes.
    pub fn holds(&self, [x, y]: [f32; 2]) -> bool {
        let ends = self.corners.iter().cycle().skip(1);
        let crossed = |([x1, y1], [x2, y2]): (&[f32; 2], &[f32; 2])| {
            (*y1 > y) != (*y2 > y) && x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)
        };
        self.corners.iter().zip(ends).filter(|&edge| crossed(edge)).count() % 2 == 1
    }

    /// The first of `zones` that the person in `bbox` stands in: its feet are the middle of the lower edge.
    pub(super) fn under<'a>(zones: &'a [Self], bbox: &BoundingBox, (width, height): (u32, u32)) -> Option<&'a Self> {
        let feet = [(bbox.x1 + bbox.x2) / 2.0 / width as f32, bbox.y2 / height as f32];
        zones.iter().find(|zone| zone.holds(feet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(corners: &[[f32; 2]]) -> Zone {
        Zone { name: "door".into(), corners: corners.to_vec() }
    }

    #[test]
    fn a_point_is_in_or_out() {
        let corner = zone(&[[0.0, 0.0], [0.6, 0.0], [0.6, 0.3], [0.3, 0.3], [0.3, 0.6], [0.0, 0.6]]);
        for (point, inside) in [([0.1, 0.1], true), ([0.5, 0.2], true), ([0.2, 0.5], true), ([0.5, 0.5], false)] {
            assert_eq!(corner.holds(point), inside, "{point:?}");
        }
        assert!(!corner.holds([0.9, 0.1]) && !corner.holds([0.1, 0.9]) && !corner.holds([f32::NAN, 0.1]));
    }

    #[test]
    fn a_person_stands_where_the_feet_are() {
        let zones = [zone(&[[0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [0.5, 1.0]])];
        let head_within = BoundingBox::from([60.0, 40.0, 80.0, 45.0]);
        let feet_within = BoundingBox::from([60.0, 10.0, 80.0, 90.0]);
        assert!(Zone::under(&zones, &head_within, (100, 100)).is_none());
        assert!(Zone::under(&zones, &feet_within, (100, 100)).is_some());
        assert!(Zone::under(&zones, &feet_within, (100, 1_000)).is_none(), "shares are of the frame's own size");
    }
}
