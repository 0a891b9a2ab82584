//! Somebody who is followed: where, since when, how they look, and whether they are in sight.

use super::kalman::BoxFilter;
use super::{Seen, Tracked};
use samovar_models::Appearance;

/// Share of how somebody looked until now in how they look from now on (BoT-SORT, Aharon et al. 2022).
const APPEARANCE_KEPT: f32 = 0.9;

/// Whether somebody who is followed is in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Seen once: nobody has been told of them yet.
    New,
    /// Found in the newest frame.
    Here,
    /// Not found for some frames.
    Lost,
}

/// Somebody who is followed.
#[derive(Clone, Debug)]
pub(super) struct Tracklet {
    pub(super) id: u64,
    pub(super) sight: Sight,
    /// Frames of the first and of the last find.
    pub(super) first: u64,
    pub(super) last: u64,
    filter: BoxFilter,
    appearance: Option<Appearance>,
    /// Score and place in the list of the last find.
    score: f32,
    index: usize,
}

impl Tracklet {
    /// Somebody seen for the first time, in the box of that place in the list.
    pub(super) fn new(id: u64, frame: u64, index: usize, seen: &Seen<'_>) -> Self {
        let filter = BoxFilter::new(&seen.bbox);
        let appearance = seen.appearance.and_then(|new| blended(None, new));
        Self { id, sight: Sight::New, first: frame, last: frame, filter, appearance, score: seen.score, index }
    }

    /// Moves on by that many frames.
    pub(super) fn predict(&mut self, frames: u64) {
        if self.sight == Sight::Lost {
            self.filter.hold_height();
        }
        (0..frames).for_each(|_| self.filter.predict());
    }

    /// Has been found in that box.
    pub(super) fn found(&mut self, frame: u64, index: usize, seen: &Seen<'_>) {
        self.filter.correct(&seen.bbox);
        (self.sight, self.last) = (Sight::Here, frame);
        (self.score, self.index) = (seen.score, index);
    }

    /// Learns how they look now; what is no direction changes nothing.
    pub(super) fn learn(&mut self, new: &Appearance) {
        if let Some(appearance) = blended(self.appearance.as_ref(), new) {
            self.appearance = Some(appearance);
        }
    }

    /// 1 − IoU of where they should be with that box.
    pub(super) fn distance(&self, seen: &Seen<'_>) -> f64 {
        f64::from(1.0 - self.filter.bbox().iou(&seen.bbox))
    }

    /// How like they look to who is in that box, where both is known.
    pub(super) fn similarity(&self, seen: &Seen<'_>) -> Option<f32> {
        let (own, other) = (self.appearance.as_ref()?, seen.appearance?);
        (own.0.len() == other.0.len()).then(|| own.similarity(other))
    }

    /// IoU of the boxes of two.
    pub(super) fn overlap(&self, other: &Self) -> f32 {
        self.filter.bbox().iou(&other.filter.bbox())
    }

    /// Frames from the first find to the last.
    pub(super) const fn age(&self) -> u64 {
        self.last - self.first
    }

    /// What is told of somebody in sight.
    pub(super) fn tracked(&self) -> Tracked {
        Tracked { id: self.id, index: self.index, bbox: self.filter.bbox(), score: self.score }
    }
}

/// The old look and the new one at length 1; none where that has no direction. Another model's vector takes the place of the old one.
fn blended(old: Option<&Appearance>, new: &Appearance) -> Option<Appearance> {
    let new = unit(new.0.clone())?;
    let Some(old) = old.filter(|old| old.0.len() == new.len()) else { return Some(Appearance(new)) };
    let mixed = old.0.iter().zip(&new).map(|(old, new)| APPEARANCE_KEPT * old + (1.0 - APPEARANCE_KEPT) * new);
    unit(mixed.collect()).map(Appearance)
}

fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if !(length.is_finite() && length > 1e-12) {
        return None;
    }
    vector.iter_mut().for_each(|value| *value /= length);
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(values: &[f32]) -> Appearance {
        Appearance(values.to_vec())
    }

    #[test]
    fn looks_blend_slowly_and_keep_length_1() {
        let first = blended(None, &look(&[2.0, 0.0])).unwrap();
        assert_eq!(first, look(&[1.0, 0.0]));
        let second = blended(Some(&first), &look(&[0.0, 1.0])).unwrap();
        assert!((second.similarity(&second) - 1.0).abs() < 1e-6);
        assert!((second.similarity(&first) - 0.9939).abs() < 1e-3);
    }

    #[test]
    fn a_look_that_is_none_changes_nothing_and_another_length_starts_anew() {
        let old = look(&[1.0, 0.0]);
        assert_eq!(blended(Some(&old), &look(&[0.0, 0.0])), None);
        assert_eq!(blended(Some(&old), &look(&[f32::NAN, 1.0])), None);
        assert_eq!(blended(Some(&old), &look(&[0.0, 3.0, 0.0])), Some(look(&[0.0, 1.0, 0.0])));
    }
}
