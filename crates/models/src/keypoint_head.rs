//! Where a pose model's output holds the key points of an anchor: behind the box and the classes, two or three values for
//! each. Read in place, for the anchors that suppression has kept.

use crate::Keypoint;
use crate::head::AnchorValues;
use samovar_media::Letterbox;

/// The key points of each anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeypointHead {
    /// Channel of the first value.
    pub(crate) first: usize,
    pub(crate) shape: KeypointShape,
}

/// How many key points there are, and how many values tell each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeypointShape {
    pub(crate) count: usize,
    /// 2 (x, y) or 3 (and how visible it is).
    pub(crate) values: usize,
}

impl KeypointShape {
    /// What ultralytics writes as `kpt_shape`: `[17, 3]`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (count, values) = text.trim().strip_prefix(['[', '('])?.strip_suffix([']', ')'])?.split_once(',')?;
        let [count, values] = [count, values].map(|number| number.trim().parse::<usize>().ok());
        let shape = Self { count: count?, values: values? };
        (shape.count > 0 && matches!(shape.values, 2 | 3) && shape.count.checked_mul(3).is_some()).then_some(shape)
    }

    /// Values of one anchor.
    pub(crate) const fn channels(self) -> usize {
        self.count * self.values
    }
}

impl KeypointHead {
    /// The key points of one anchor in pixels of the source. None where one of them is not a finite number.
    pub(crate) fn read(&self, values: &AnchorValues<'_>, anchor: u32, letterbox: &Letterbox) -> Option<Vec<Keypoint>> {
        let point = |index: usize| {
            let at = |value: usize| values.at(anchor as usize, self.first + index * self.shape.values + value);
            let (x, y) = letterbox.to_source(at(0), at(1));
            let score = if self.shape.values == 3 { at(2).clamp(0.0, 1.0) } else { 1.0 };
            (x.is_finite() && y.is_finite() && score.is_finite()).then_some(Keypoint { x, y, score })
        };
        (0..self.shape.count).map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_as_ultralytics_writes_them() {
        let shape = |count, values| Some(KeypointShape { count, values });
        assert_eq!(KeypointShape::parse("[17, 3]"), shape(17, 3));
        assert_eq!(KeypointShape::parse(" (4,2) "), shape(4, 2));
        for bad in ["", "17, 3", "[17]", "[17, 4]", "[0, 3]", "[17, 3, 1]", "[-1, 3]", "[18446744073709551615, 3]"] {
            assert_eq!(KeypointShape::parse(bad), None, "{bad}");
        }
    }
}
