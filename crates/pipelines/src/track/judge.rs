//! How good tracks are against the truth: CLEAR-MOT (Bernardin & Stiefelhagen 2008) and IDF1 (Ristani et al. 2016).

use super::assignment::Costs;
use samovar_models::BoundingBox;
use std::collections::{BTreeMap, BTreeSet};

/// More than any pair costs: as many pairs as can be are made, of the least cost in all.
const EVERY_PAIR: f64 = 1e6;

/// Compares tracks with the truth, frame by frame. What it holds rises with the number of ids: for evaluations, not for live streams.
#[derive(Clone, Debug)]
pub struct TrackJudge {
    iou_min: f32,
    figures: TrackFigures,
    /// The track that each person was last matched with.
    matched: BTreeMap<u64, u64>,
    /// Frames on which a person and a track overlap.
    together: BTreeMap<(u64, u64), u64>,
}

/// What comparing tracks with the truth has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackFigures {
    /// Boxes of the truth.
    pub truths: u64,
    /// Boxes of tracks.
    pub finds: u64,
    /// Boxes of the truth that no track matches.
    pub missed: u64,
    /// Boxes of tracks that match nobody.
    pub unfounded: u64,
    /// Times that a person is matched with another track than the last time.
    pub switches: u64,
    /// Boxes that are right when each person has one track and each track one person, paired for the most such boxes (IDTP).
    pub right_ids: u64,
}

impl TrackJudge {
    /// Boxes match from that IoU on; 0.5 is usual.
    pub fn new(iou_min: f32) -> Self {
        Self { iou_min, figures: TrackFigures::default(), matched: BTreeMap::new(), together: BTreeMap::new() }
    }

    /// Takes one frame: ids and boxes of who is there and of who was found, each id once.
    pub fn frame(&mut self, truth: &[(u64, BoundingBox)], found: &[(u64, BoundingBox)]) {
        self.count_together(truth, found);
        let (mut there, mut seen) = (truth.to_vec(), found.to_vec());
        self.keep_matches(&mut there, &mut seen);
        let cost = |row: usize, column: usize| self.distance(&there[row].1, &seen[column].1).unwrap_or(f64::NAN);
        let pairs = Costs::new(there.len(), seen.len(), cost).assign(EVERY_PAIR);
        for &(row, column) in &pairs {
            let before = self.matched.insert(there[row].0, seen[column].0);
            self.figures.switches += u64::from(before.is_some_and(|before| before != seen[column].0));
        }
        self.figures.truths += truth.len() as u64;
        self.figures.finds += found.len() as u64;
        self.figures.missed += (there.len() - pairs.len()) as u64;
        self.figures.unfounded += (seen.len() - pairs.len()) as u64;
    }

    /// What has been counted until now.
    pub fn figures(&self) -> TrackFigures {
        TrackFigures { right_ids: self.right_ids(), ..self.figures }
    }

    fn count_together(&mut self, truth: &[(u64, BoundingBox)], found: &[(u64, BoundingBox)]) {
        for (person, place) in truth {
            for (track, bbox) in found {
                if self.distance(place, bbox).is_some() {
                    *self.together.entry((*person, *track)).or_default() += 1;
                }
            }
        }
    }

    /// Whoever still overlaps the track of the last match stays with it, even if another is nearer now.
    fn keep_matches(&self, there: &mut Vec<(u64, BoundingBox)>, seen: &mut Vec<(u64, BoundingBox)>) {
        there.retain(|(person, place)| {
            let last = self.matched.get(person);
            let kept = seen.iter().position(|(id, bbox)| Some(id) == last && self.distance(place, bbox).is_some());
            kept.map(|at| seen.remove(at)).is_none()
        });
    }

    /// 1 − IoU of two boxes that match.
    fn distance(&self, one: &BoundingBox, other: &BoundingBox) -> Option<f64> {
        let iou = one.iou(other);
        (iou >= self.iou_min).then(|| f64::from(1.0 - iou))
    }

    fn right_ids(&self) -> u64 {
        let people: Vec<u64> = BTreeSet::from_iter(self.together.keys().map(|pair| pair.0)).into_iter().collect();
        let tracks: Vec<u64> = BTreeSet::from_iter(self.together.keys().map(|pair| pair.1)).into_iter().collect();
        let count = |row: usize, column: usize| self.together.get(&(people[row], tracks[column])).copied().unwrap_or(0);
        let costs = Costs::new(people.len(), tracks.len(), |row, column| -(count(row, column) as f64));
        costs.assign(0.0).into_iter().map(|(row, column)| count(row, column)).sum()
    }
}

impl TrackFigures {
    /// Multiple object tracking accuracy: 1 less missed, unfounded and switched boxes as shares of the truth; below 0 where those are
    /// more than the truth has.
    pub fn mota(&self) -> f64 {
        1.0 - (self.missed + self.unfounded + self.switches) as f64 / self.truths.max(1) as f64
    }

    /// Share of boxes with the right id: the harmonic mean over truth and tracks, in 0..=1.
    pub fn idf1(&self) -> f64 {
        2.0 * self.right_ids as f64 / (self.truths + self.finds).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(id: u64, x: f32) -> (u64, BoundingBox) {
        (id, [x, 0.0, x + 10.0, 20.0].into())
    }

    #[test]
    fn tracks_as_the_truth_are_perfect_whatever_their_ids() {
        let mut judge = TrackJudge::new(0.5);
        (0..10).for_each(|x| judge.frame(&[at(1, x as f32), at(2, 50.0)], &[at(9, 50.0), at(7, x as f32)]));
        let figures = judge.figures();
        assert_eq!((figures.mota(), figures.idf1()), (1.0, 1.0));
    }

    #[test]
    fn a_swap_half_way_is_two_switches_and_half_of_the_ids() {
        let mut judge = TrackJudge::new(0.5);
        (0..5).for_each(|_| judge.frame(&[at(1, 0.0), at(2, 50.0)], &[at(1, 0.0), at(2, 50.0)]));
        (0..5).for_each(|_| judge.frame(&[at(1, 0.0), at(2, 50.0)], &[at(2, 0.0), at(1, 50.0)]));
        let figures = judge.figures();
        assert_eq!((figures.switches, figures.mota(), figures.idf1()), (2, 0.9, 0.5));
    }

    #[test]
    fn a_match_that_holds_is_kept_though_another_is_nearer() {
        let mut judge = TrackJudge::new(0.5);
        judge.frame(&[at(1, 0.0)], &[at(5, 0.0)]);
        judge.frame(&[at(1, 0.0)], &[at(5, 2.0), at(6, 0.0)]);
        let figures = judge.figures();
        assert_eq!((figures.missed, figures.unfounded, figures.switches), (0, 1, 0));
    }

    #[test]
    fn nobody_found_is_all_missed_and_nobody_there_all_unfounded() {
        let mut judge = TrackJudge::new(0.5);
        judge.frame(&[at(1, 0.0), at(2, 50.0)], &[]);
        assert_eq!((judge.figures().mota(), judge.figures().idf1()), (0.0, 0.0));
        judge.frame(&[], &[at(1, 0.0)]);
        assert_eq!((judge.figures().missed, judge.figures().unfounded), (2, 1));
    }
}
