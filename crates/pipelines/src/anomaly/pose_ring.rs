//! The last poses of one person, each with its frame: what windows are made of.

use samovar_models::Keypoint;
use std::collections::VecDeque;
use std::time::Duration;

/// The last poses of one person, oldest first: those of one window, and the one before, from which missed frames are interpolated.
#[derive(Clone, Debug, Default)]
pub(super) struct PoseRing {
    poses: VecDeque<Pose>,
}

/// The key points (x, y) of one pose, in pixels.
pub(super) type Points = [[f32; 2]; 17];

/// The poses of one window with its middle frame, which its score belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RingWindow {
    /// Number of the middle frame: the first and half the length.
    pub(super) middle: u64,
    /// That frame's time on the stream's clock.
    pub(super) middle_time: Duration,
    /// One pose a frame.
    pub(super) poses: Vec<Points>,
}

#[derive(Clone, Copy, Debug)]
struct Pose {
    frame: u64,
    time: Duration,
    points: Points,
}

/// Two poses that lie further apart are not of one movement.
const GAP_MAX: Duration = Duration::from_secs(1);

/// The 17 points of a pose; none where it has another number of them, or where one is not a finite number.
pub(super) fn points(keypoints: &[Keypoint]) -> Option<Points> {
    let keypoints: &[Keypoint; 17] = keypoints.try_into().ok()?;
    let points = keypoints.map(|point| [point.x, point.y]);
    points.as_flattened().iter().all(|value| value.is_finite()).then_some(points)
}

impl PoseRing {
    /// Takes the pose of `frame` for windows of `length` frames. Poses from before a gap, or of frames that are not older, are forgotten.
    pub(super) fn push(&mut self, frame: u64, time: Duration, points: Points, length: usize) {
        let goes_on = |last: &Pose| last.frame < frame && last.time <= time && time - last.time <= GAP_MAX;
        if !self.poses.back().is_some_and(goes_on) {
            self.poses.clear();
        }
        self.poses.push_back(Pose { frame, time, points });
        let first = first_frame(frame, length);
        while self.poses.get(1).is_some_and(|second| second.frame <= first) {
            self.poses.pop_front();
        }
    }

    /// The window of `length` frames that ends with the last pose: none where the person is not known for so long, or was missed in more
    /// than `missing_max` of its frames.
    pub(super) fn window(&self, length: usize, missing_max: usize) -> Option<RingWindow> {
        let (oldest, newest) = (self.poses.front()?, self.poses.back()?);
        let first = first_frame(newest.frame, length);
        let seen = self.poses.iter().filter(|pose| pose.frame >= first).count();
        if oldest.frame > first || newest.frame.saturating_add(1) < length as u64 || seen + missing_max < length {
            return None;
        }
        let whole: Vec<_> = (first..=newest.frame).map(|frame| self.at(frame)).collect::<Option<_>>()?;
        let middle = length / 2;
        let middle_time = whole.get(middle)?.time;
        Some(RingWindow {
            middle: first + middle as u64,
            middle_time,
            poses: whole.into_iter().map(|pose| pose.points).collect(),
        })
    }

    /// The pose at `frame`, on the straight line between its neighbours where it was missed.
    fn at(&self, frame: u64) -> Option<Pose> {
        let after = self.poses.partition_point(|pose| pose.frame < frame);
        let next = self.poses.get(after)?;
        if next.frame == frame {
            return Some(*next);
        }
        Some(between(self.poses.get(after.checked_sub(1)?)?, next, frame))
    }
}

/// The first frame of the window of `length` that ends with `last`.
const fn first_frame(last: u64, length: usize) -> u64 {
    last.saturating_add(1).saturating_sub(length as u64)
}

/// As `numpy.interp` computes it: by the slope, in double precision.
fn between(one: &Pose, other: &Pose, frame: u64) -> Pose {
    let (steps, step) = ((other.frame - one.frame) as f64, (frame - one.frame) as f64);
    let on_line = |a: f32, b: f32| ((f64::from(b) - f64::from(a)) / steps * step + f64::from(a)) as f32;
    let mut points = one.points;
    let values = points.as_flattened_mut().iter_mut().zip(other.points.as_flattened());
    values.for_each(|(value, other)| *value = on_line(*value, *other));
    Pose { frame, time: one.time + (other.time - one.time).mul_f64(step / steps), points }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = 6;

    /// A pose whose points all tell its frame.
    fn pose(frame: u64) -> Points {
        [[frame as f32, -(frame as f32)]; 17]
    }

    fn ring(frames: impl IntoIterator<Item = u64>) -> PoseRing {
        let mut ring = PoseRing::default();
        frames.into_iter().for_each(|frame| ring.push(frame, Duration::from_millis(frame * 100), pose(frame), LENGTH));
        ring
    }

    #[test]
    fn a_window_comes_when_it_is_full() {
        assert_eq!(ring(0..5).window(LENGTH, 2), None, "not known for so long, whatever may be missing");
        let window = ring(0..6).window(LENGTH, 0).unwrap();
        assert_eq!((window.middle, window.middle_time), (3, Duration::from_millis(300)));
        assert_eq!(window.poses, (0..6).map(pose).collect::<Vec<_>>());
        assert_eq!(ring(10..90).window(LENGTH, 0).unwrap().middle, 87);
    }

    #[test]
    fn missed_frames_are_interpolated_up_to_a_limit() {
        let missed = ring([0, 1, 3, 5, 6]);
        assert_eq!(missed.window(LENGTH, 1), None);
        let window = missed.window(LENGTH, 2).unwrap();
        assert_eq!(window.poses, (1..7).map(pose).collect::<Vec<_>>(), "the line between 1 and 3 goes through 2");
        assert_eq!((window.middle, window.middle_time), (4, Duration::from_millis(400)));
    }

    #[test]
    fn a_window_that_begins_in_a_gap_is_made_from_the_pose_before_it() {
        let window = ring([0, 1, 4, 5, 6, 7]).window(LENGTH, 2).unwrap();
        assert_eq!(window.poses[0], pose(2));
    }

    #[test]
    fn a_long_gap_or_a_step_back_begins_anew() {
        let mut gap = ring(0..6);
        gap.push(6, Duration::from_millis(1_501), pose(6), LENGTH);
        assert_eq!(gap.poses.len(), 1);
        let mut back = ring(0..6);
        back.push(5, Duration::from_millis(600), pose(5), LENGTH);
        assert_eq!(back.poses.len(), 1);
    }

    #[test]
    fn the_last_of_all_frames_is_one_like_any_other() {
        let mut last = PoseRing::default();
        (u64::MAX - 7..=u64::MAX).for_each(|frame| last.push(frame, Duration::ZERO, pose(7), LENGTH));
        assert!(last.window(LENGTH, 0).is_some());
        let mut far = ring(0..6);
        far.push(1 << 60, Duration::from_millis(600), pose(7), LENGTH);
        assert_eq!(far.window(LENGTH, 2), None);
    }

    #[test]
    fn it_never_holds_more_than_one_pose_beside_its_window() {
        assert_eq!(ring(0..1_000).poses.len(), LENGTH);
        assert!(ring((0..1_000).filter(|frame| frame % 7 != 0)).poses.len() <= LENGTH + 1);
    }

    #[test]
    fn a_pose_of_17_finite_points_counts() {
        let point = Keypoint { x: 1.0, y: 2.0, score: 0.5 };
        assert_eq!(points(&[point; 17]), Some([[1.0, 2.0]; 17]));
        assert_eq!(points(&[point; 18]), None);
        assert_eq!(points(&[Keypoint { y: f32::NAN, ..point }; 17]), None);
        assert_eq!(points(&[]), None);
    }
}
