//! ByteTrack (Zhang et al., ECCV 2022): boxes of high scores are matched first, those of low scores with what is left.
//!
//! The rules and their constants are those of ultralytics' `BYTETracker`, but for three: a track that has been removed never comes
//! back, what is held is bounded, and frames that nobody looked at count as time that has passed. Where it is known how people look,
//! that may lower the cost of a pair, gated as in BoT-SORT (Aharon et al. 2022).

use super::assignment::Costs;
use super::tracklet::{Sight, Tracklet};
use super::{Seen, Tracked, TrackerOptions};
use std::collections::HashSet;

/// Cost up to which somebody may be found in a box of a low score; the score has no part in it.
const RESCUE_COST_MAX: f64 = 0.5;
/// Cost up to which somebody seen once may be found again.
const NEW_COST_MAX: f64 = 0.7;
/// IoU above which somebody in sight and somebody lost are the same.
const SAME_IOU: f32 = 0.85;

/// Follows everybody on one stream.
///
/// Call [`Tracker::update`] for every frame that was looked at, and [`Tracker::skip`] before it for those that were not: then who walks
/// is expected where the walk has led by now, and who is lost is forgotten as soon as on a stream without gaps.
#[derive(Clone, Debug)]
pub struct Tracker {
    options: TrackerOptions,
    /// Number of the newest frame, from 1; 0 before the first.
    frame: u64,
    /// Frames left out since.
    skipped: u64,
    last_id: u64,
    tracklets: Vec<Tracklet>,
    removed: Vec<u64>,
}

/// One round of matching: who with which boxes, up to which cost.
struct Round<'a> {
    tracklets: Vec<usize>,
    boxes: &'a [usize],
    cost_max: f64,
    /// Whether scores and looks have a part in the cost; without, it is 1 − IoU.
    fused: bool,
}

/// Those whom a round left alone.
struct Alone {
    tracklets: Vec<usize>,
    boxes: Vec<usize>,
}

impl Tracker {
    /// Nobody is followed yet.
    pub const fn new(options: TrackerOptions) -> Self {
        Self { options, frame: 0, skipped: 0, last_id: 0, tracklets: Vec::new(), removed: Vec::new() }
    }

    /// Follows by other options from the next frame on; who is followed stays.
    pub const fn set_options(&mut self, options: TrackerOptions) {
        self.options = options;
    }

    /// So many frames come and go before the next [`Tracker::update`], and nobody looks at them.
    pub const fn skip(&mut self, frames: u64) {
        self.skipped = self.skipped.saturating_add(frames);
    }

    /// Takes the next frame's boxes; tells who is where, each box at most once, in order of ids.
    ///
    /// Somebody new is told of from the second frame in a row on (on the first frame of all at once), as in the reference. Boxes that are
    /// no numbers, or have no size, count as not there.
    pub fn update(&mut self, seen: &[Seen<'_>]) -> Vec<Tracked> {
        let newcomer = self.begin_frame();
        let (high, low) = self.split(seen);
        let alone = self.associate(seen, self.first_round(&high));
        let lost = self.associate(seen, self.rescue_round(alone.tracklets, &low)).tracklets;
        lost.into_iter().for_each(|at| self.tracklets[at].sight = Sight::Lost);
        let alone = self.associate(seen, self.newcomers_round(&alone.boxes));
        self.forget(|at, _| alone.tracklets.contains(&at));
        self.begin_tracks(seen, &alone.boxes, newcomer);
        self.end_frame();
        let mut tracked: Vec<Tracked> = self.in_sight().map(Tracklet::tracked).collect();
        tracked.sort_unstable_by_key(|tracked| tracked.id);
        tracked
    }

    /// Ids that the last [`Tracker::update`] has given up for good; they never come again. Whoever was seen once and never told of is not here.
    pub fn removed(&self) -> &[u64] {
        &self.removed
    }

    /// Ids of those who are out of sight as of the last frame and may be found again; at most `tracks_max`.
    pub fn lost(&self) -> impl Iterator<Item = u64> {
        self.tracklets.iter().filter(|tracklet| tracklet.sight == Sight::Lost).map(|tracklet| tracklet.id)
    }

    /// How many are held: in sight, lost and seen once; at most `tracks_max`.
    pub const fn len(&self) -> usize {
        self.tracklets.len()
    }

    /// Whether nobody is held.
    pub const fn is_empty(&self) -> bool {
        self.tracklets.is_empty()
    }

    fn in_sight(&self) -> impl Iterator<Item = &Tracklet> {
        self.tracklets.iter().filter(|tracklet| tracklet.sight == Sight::Here)
    }

    /// Moves everybody to this frame, after whoever would be forgotten by now is; tells what somebody new is on it.
    fn begin_frame(&mut self) -> Sight {
        let newcomer = if self.frame == 0 { Sight::Here } else { Sight::New };
        self.options = self.options.bounded();
        self.removed.clear();
        let skipped = std::mem::take(&mut self.skipped);
        self.frame = self.frame.saturating_add(skipped);
        self.forget_stale(|_| true);
        self.frame = self.frame.saturating_add(1);
        for tracklet in &mut self.tracklets {
            // Somebody seen once has no speed yet and is looked for where they were, as in the reference.
            let steps = if tracklet.sight == Sight::New { skipped } else { skipped + 1 };
            tracklet.predict(steps);
        }
        newcomer
    }

    /// Places in the list of the boxes of high and of low scores; the best `tracks_max` of all.
    fn split(&self, seen: &[Seen<'_>]) -> (Vec<usize>, Vec<usize>) {
        let TrackerOptions { score_high, score_low, tracks_max, .. } = self.options;
        let counts =
            |at: &usize| seen[*at].is_usable() && (seen[*at].score > score_low || seen[*at].score >= score_high);
        let mut boxes: Vec<usize> = (0..seen.len()).filter(counts).collect();
        if boxes.len() > tracks_max {
            boxes.sort_by(|one, other| seen[*other].score.total_cmp(&seen[*one].score));
            boxes.truncate(tracks_max);
            boxes.sort_unstable();
        }
        boxes.into_iter().partition(|&at| seen[at].score >= score_high)
    }

    /// Everybody but the new ones, in boxes of high scores.
    fn first_round<'a>(&self, high: &'a [usize]) -> Round<'a> {
        let tracklets = self.all(|tracklet| tracklet.sight != Sight::New);
        Round { tracklets, boxes: high, cost_max: f64::from(self.options.cost_max), fused: true }
    }

    /// Those in sight until now who were not found, in boxes of low scores: mostly people who are half hidden.
    fn rescue_round<'a>(&self, mut tracklets: Vec<usize>, low: &'a [usize]) -> Round<'a> {
        tracklets.retain(|&at| self.tracklets[at].sight == Sight::Here);
        Round { tracklets, boxes: low, cost_max: RESCUE_COST_MAX, fused: false }
    }

    /// Those seen once, in what is left of the boxes of high scores.
    fn newcomers_round<'a>(&self, boxes: &'a [usize]) -> Round<'a> {
        let tracklets = self.all(|tracklet| tracklet.sight == Sight::New);
        Round { tracklets, boxes, cost_max: NEW_COST_MAX, fused: true }
    }

    fn all(&self, is_meant: impl Fn(&Tracklet) -> bool) -> Vec<usize> {
        (0..self.tracklets.len()).filter(|&at| is_meant(&self.tracklets[at])).collect()
    }

    /// Plays one round; tells who is left.
    fn associate(&mut self, seen: &[Seen<'_>], round: Round<'_>) -> Alone {
        let Round { tracklets, boxes, cost_max, fused } = round;
        let cost = |row: usize, column: usize| {
            let (tracklet, seen) = (&self.tracklets[tracklets[row]], &seen[boxes[column]]);
            if fused { self.fused_cost(tracklet, seen) } else { tracklet.distance(seen) }
        };
        let pairs = Costs::new(tracklets.len(), boxes.len(), cost).assign(cost_max);
        for &(row, column) in &pairs {
            let (tracklet, seen) = (&mut self.tracklets[tracklets[row]], &seen[boxes[column]]);
            tracklet.found(self.frame, boxes[column], seen);
            // Boxes of low scores show somebody hidden by somebody else: nothing to learn looks from.
            if let Some(appearance) = seen.appearance.filter(|_| fused) {
                tracklet.learn(appearance);
            }
        }
        let (rows, columns): (HashSet<usize>, HashSet<usize>) = pairs.into_iter().unzip();
        Alone { tracklets: others(&tracklets, &rows), boxes: others(boxes, &columns) }
    }

    /// 1 − IoU × score, or half the distance of looks where that is less and both gates let it through.
    fn fused_cost(&self, tracklet: &Tracklet, seen: &Seen<'_>) -> f64 {
        let distance = tracklet.distance(seen);
        let cost = 1.0 - (1.0 - distance) * f64::from(seen.score);
        let is_near = 1.0 - distance >= f64::from(self.options.appearance_iou_min);
        let is_like = |similarity: &f32| *similarity >= self.options.appearance_similarity_min;
        match tracklet.similarity(seen).filter(|similarity| is_near && is_like(similarity)) {
            Some(similarity) => cost.min((1.0 - f64::from(similarity)) / 2.0),
            None => cost,
        }
    }

    /// Begins a track in each of these boxes that is sure enough, as long as there is room.
    fn begin_tracks(&mut self, seen: &[Seen<'_>], boxes: &[usize], newcomer: Sight) {
        let held = self.tracklets.iter().filter(|tracklet| tracklet.sight != Sight::Lost).count();
        let sure = boxes.iter().filter(|&&at| seen[at].score >= self.options.score_new);
        for &at in sure.take(self.options.tracks_max.saturating_sub(held)) {
            self.last_id += 1;
            let mut tracklet = Tracklet::new(self.last_id, self.frame, at, &seen[at]);
            tracklet.sight = newcomer;
            self.tracklets.push(tracklet);
        }
    }

    /// Forgets who has been lost for too long, who is another track's double, and the longest lost where there are too many.
    fn end_frame(&mut self) {
        self.forget_stale(|tracklet| tracklet.sight == Sight::Lost);
        let doubles = self.doubles();
        self.forget(|at, _| doubles.contains(&at));
        let excess = self.tracklets.len().saturating_sub(self.options.tracks_max);
        let mut lost = self.all(|tracklet| tracklet.sight == Sight::Lost);
        lost.sort_by_key(|&at| self.tracklets[at].last);
        lost.truncate(excess);
        self.forget(|at, _| lost.contains(&at));
    }

    fn forget_stale(&mut self, is_meant: impl Fn(&Tracklet) -> bool) {
        let (frame, kept) = (self.frame, u64::from(self.options.lost_frames_max));
        self.forget(|_, tracklet| is_meant(tracklet) && frame - tracklet.last > kept);
    }

    /// Of each pair of one in sight and one lost that are the same, the younger; of two of one age the one in sight.
    fn doubles(&self) -> HashSet<usize> {
        let lost = self.all(|tracklet| tracklet.sight == Sight::Lost);
        let here = self.all(|tracklet| tracklet.sight != Sight::Lost);
        let pairs = here.iter().flat_map(|one| lost.iter().map(move |other| (*one, *other)));
        let same = pairs.filter(|&(one, other)| self.tracklets[one].overlap(&self.tracklets[other]) > SAME_IOU);
        same.map(|(one, other)| if self.tracklets[one].age() > self.tracklets[other].age() { other } else { one })
            .collect()
    }

    /// Lets go of some by place in the list; tells so of those who have been told of.
    fn forget(&mut self, is_gone: impl Fn(usize, &Tracklet) -> bool) {
        let mut at = 0;
        self.tracklets.retain(|tracklet| {
            let gone = is_gone(at, tracklet);
            at += 1;
            if gone && tracklet.sight != Sight::New {
                self.removed.push(tracklet.id);
            }
            !gone
        });
    }
}

/// What is at none of these places.
fn others(all: &[usize], places: &HashSet<usize>) -> Vec<usize> {
    all.iter().enumerate().filter(|(place, _)| !places.contains(place)).map(|(_, &at)| at).collect()
}
