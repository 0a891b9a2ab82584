//! The numbers of frames in their video.

use crate::record::from_ms;
use crate::{FrameChoice, Journal};
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
    /// Time of the frame with the number 0: the first frame may come late, for the sound may begin before it.
    origin: Duration,
    last: Option<u64>,
}

impl Numbering {
    /// Goes on behind the last frame of `journal`.
    pub(crate) fn new(choice: &FrameChoice, declared_fps: Option<f64>, journal: &Journal) -> Self {
        let from_start = choice.start_s <= 0.0;
        let last = journal.last();
        Self {
            by_time: choice.leaves_out_by_content(),
            from_start,
            origin: last.filter(|_| from_start).map_or(Duration::ZERO, |_| from_ms(journal.summary().first_ms)),
            every: choice.every.get().into(),
            declared_fps: declared_fps.filter(|fps| fps.is_finite() && *fps > 0.0),
            last: last.map(|last| last.frame),
        }
    }

    /// The number of the next frame, which has that time.
    pub(crate) fn next(&mut self, timestamp: Duration) -> u64 {
        let number = match self.last {
            None if self.from_start => {
                self.origin = timestamp;
                0
            }
            None => self.at(timestamp).unwrap_or(0),
            Some(last) if self.by_time => self.at(timestamp).unwrap_or(0).max(last.saturating_add(1)),
            Some(last) => last.saturating_add(self.every),
        };
        self.last = Some(number);
        number
    }

    fn at(&self, timestamp: Duration) -> Option<u64> {
        Some((timestamp.saturating_sub(self.origin).as_secs_f64() * self.declared_fps?).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrameRecord, ImageRecord};

    fn numbers(choice: &FrameChoice, fps: Option<f64>, times_ms: &[u64]) -> Vec<u64> {
        let mut numbering = Numbering::new(choice, fps, &Journal::unkept());
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
    fn a_first_frame_that_comes_late_moves_no_number_whether_interrupted_or_not() {
        let choice = FrameChoice { fps: Some(1.0), ..FrameChoice::default() };
        assert_eq!(numbers(&choice, Some(10.0), &[400, 1_400, 2_400]), [0, 10, 20]);
        let mut journal = Journal::unkept();
        let image = ImageRecord { width: 4, height: 3 };
        let first = FrameRecord { frame: 0, timestamp_ms: 400.0, image, detections: vec![], timings: None };
        journal.add(&first).unwrap();
        assert_eq!(Numbering::new(&choice, Some(10.0), &journal).next(Duration::from_millis(1_400)), 10);
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
