//! Who is who from frame to frame, and the windows of poses that come of it. It does not depend on any score, so that frames can be
//! followed on while earlier windows are still being scored.

use super::person_numbers::PersonNumbers;
use super::pose_ring::{PoseRing, RingWindow, points};
use super::{AnomalyOptions, SceneInput, SeenPerson, Sighting};
use crate::{Seen, Tracker};
use samovar_models::PoseWindow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Follows everybody on one stream.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    tracker: Tracker,
    numbers: PersonNumbers,
    options: AnomalyOptions,
    window_frames: usize,
    /// By number: those that the tracker tells of and has not removed since, so bounded by what it holds.
    poses: BTreeMap<u64, PoseRing>,
    last: Option<LastFrame>,
}

/// The frame before.
#[derive(Clone, Copy, Debug)]
struct LastFrame {
    number: u64,
    time: Duration,
    size: (u32, u32),
}

/// Who is where in one frame, who is no longer followed, and what is to be scored.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The frame.
    pub frame: SceneInput,
    /// Everybody who was found, by number.
    pub people: Vec<(u64, SeenPerson)>,
    /// Who is no longer followed, by number.
    pub gone: Vec<u64>,
    /// Windows that end with this frame, by number: what is to be scored.
    pub windows: Vec<TrackWindow>,
}

/// One person's window.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackWindow {
    /// Whose.
    pub track: u64,
    /// The number of the frame in its middle, which its score belongs to.
    pub middle: u64,
    /// That frame's time on its stream's clock.
    pub middle_time: Duration,
    /// What is to be scored.
    pub window: PoseWindow,
}

/// People of one frame at most, the best scores first.
pub(super) const PEOPLE_MAX: usize = 100;
/// After a longer break nobody is taken for who was there before.
pub(super) const BREAK_MAX: Duration = Duration::from_secs(10);
/// The frames of a window until the model has told its own.
const WINDOW_FRAMES: usize = 24;

impl Follower {
    pub(super) fn new(options: &AnomalyOptions) -> Self {
        Self {
            tracker: Tracker::new(options.tracker()),
            numbers: PersonNumbers::default(),
            options: options.clone(),
            window_frames: WINDOW_FRAMES,
            poses: BTreeMap::new(),
            last: None,
        }
    }

    /// Takes other options; everybody stays who they are.
    pub(super) fn set_options(&mut self, options: &AnomalyOptions) {
        self.tracker.set_options(options.tracker());
        self.options = options.clone();
    }

    /// Sets the length of windows: at least 1.
    pub(super) fn set_window_frames(&mut self, frames: usize) {
        self.window_frames = frames.max(1);
    }

    /// Takes the next frame.
    pub(super) fn follow(&mut self, sighting: Sighting) -> Scene {
        let Sighting { frame, mut people } = sighting;
        people.truncate(PEOPLE_MAX);
        self.tracker.skip(self.frames_left_out(&frame));
        self.last = Some(LastFrame { number: frame.number, time: frame.time, size: frame.picture.size() });
        let people = self.find(people);
        let gone: Vec<_> = self.tracker.removed().iter().filter_map(|track| self.numbers.forget(*track)).collect();
        gone.iter().for_each(|track| drop(self.poses.remove(track)));
        let windows = people.iter().filter_map(|(track, person)| self.window(*track, person, &frame)).collect();
        Scene { frame, people, gone, windows }
    }

    /// Frames between this one and the one before. So many after a break that nobody is taken for who was there before it: a long one, a
    /// clock that goes back, or a picture of another size.
    fn frames_left_out(&self, frame: &SceneInput) -> u64 {
        let Some(last) = self.last else { return 0 };
        let breaks_off =
            last.size != frame.picture.size() || frame.time < last.time || frame.time - last.time > BREAK_MAX;
        let to_forget = u64::from(self.options.tracker.lost_frames_max) + 1;
        let between = frame.number.saturating_sub(last.number).saturating_sub(1);
        if breaks_off { to_forget.max(between) } else { between }
    }

    /// Gives the people of a frame their numbers.
    fn find(&mut self, people: Vec<SeenPerson>) -> Vec<(u64, SeenPerson)> {
        let seen: Vec<_> = people
            .iter()
            .map(|person| Seen { bbox: person.bbox, score: person.score, appearance: person.appearance.as_ref() })
            .collect();
        let tracked = self.tracker.update(&seen);
        let mut people: Vec<_> = people.into_iter().map(Some).collect();
        let mut named: Vec<_> =
            tracked.into_iter().filter_map(|track| Some((track.id, people.get_mut(track.index)?.take()?))).collect();
        named.sort_unstable_by_key(|(track, _)| *track);
        named.iter_mut().for_each(|(track, _)| *track = self.numbers.of(*track));
        named.sort_unstable_by_key(|(number, _)| *number);
        named
    }

    /// Puts the person's pose into the track's ring; gives the window that ends with it.
    fn window(&mut self, track: u64, person: &SeenPerson, frame: &SceneInput) -> Option<TrackWindow> {
        let points = points(&person.keypoints)?;
        let ring = self.poses.entry(track).or_default();
        ring.push(frame.number, frame.time, points, self.window_frames);
        let RingWindow { middle, middle_time, poses } =
            ring.window(self.window_frames, self.options.missing_frames_max as usize)?;
        let window = PoseWindow { frame_size: frame.picture.size(), poses };
        Some(TrackWindow { track, middle, middle_time, window })
    }
}
