//! The numbers of frames in their video.

use crate::{FrameChoice, FrameRecord};
use std::time::Duration;

/// Gives each frame its number in the video, from 0.
///
/// Where frames are left out by `every` alone the number is exact. Otherwise, and for the first frame of a video that is begun later, it is
/// that of the frame that the declared rate has at its time. Numbers always rise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbering {
    by_time: bool,
    /// Whether the video is looked at from its first frame on.
    from_start: bool,
    every: u64,
    declared_fps: Option<f64>,
    last: Option<u64>,
}

impl Numbering {
    /// Goes on behind `last`.
    pub(crate) fn new(choice: &FrameChoice, declared_fps: Option<f64>, last: Option<&FrameRecord>) -> Self {
        Self {
            by_time: choice.leaves_out_by_content(),
            from_start: choice.start_s <= 0.0,
            every: choice.every.get().into(),
            declared_fps: declared_fps.filter(|fps| fps.is_finite() && *fps > 0.0),
            last: last.map(|last| last.frame),
        }
    }

    /// The number of the next frame, which has that time.
    pub(crate) fn next(&mut self, timestamp: Duration) -> u64 {
        let number = match self.last {
            None if self.from_start => 0,
            None => self.at(timestamp).unwrap_or(0),
            Some(last) if self.by_time => self.at(timestamp).unwrap_or(0).max(last.saturating_add(1)),
            Some(last) => last.saturating_add(self.every),
        };
        self.last = Some(number);
        number
    }

    fn at(&self, timestamp: Duration) -> Option<u64> {
        Some((timestamp.as_secs_f64() * self.declared_fps?).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(choice: &FrameChoice, fps: Option<f64>, times_ms: &[u64]) -> Vec<u64> {
        let mut numbering = Numbering::new(choice, fps, None);
        times_ms.iter().map(|ms| numbering.next(Duration::from_millis(*ms))).collect()
    }

    #[test]
    fn every_counts_exactly_whatever_the_times() {
        let choice = FrameChoice { every: 3.try_into().unwrap(), ..FrameChoice::default() };
        assert_eq!(numbers(&choice, Some(10.0), &[0, 290, 610, 900]), [0, 3, 6, 9]);
        assert_eq!(numbers(&choice, None, &[0, 290]), [0, 3]);
        assert_eq!(numbers(&choice, Some(25.0), &[80, 200]), [0, 3], "the first frame may come late");
    }

    #[test]
    fn what_is_begun_later_or_left_out_by_content_is_counted_by_time() {
        let later = FrameChoice { start_s: 2.0, ..FrameChoice::default() };
        assert_eq!(numbers(&later, Some(10.0), &[2_000, 2_100, 2_200]), [20, 21, 22]);
        let keys = FrameChoice { keyframes: true, ..FrameChoice::default() };
        assert_eq!(numbers(&keys, Some(25.0), &[0, 10_000, 10_001]), [0, 250, 251]);
        assert_eq!(numbers(&keys, None, &[0, 10_000]), [0, 1]);
    }
}
