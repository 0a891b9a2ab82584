//! Objects over time: how many of each class there are in a frame, on average, in each stretch of a video.

use crate::FrameRecord;
use std::sync::Arc;

/// Stretches at most. When a video outgrows them, each two become one, twice as long.
pub(super) const BINS_MAX: usize = 400;
/// How long stretches are at first, in milliseconds: no video is faster than its frames.
const WIDTH_MS: f64 = 40.0;

/// Objects over time, in at most [`BINS_MAX`] stretches of equal length, whatever the length of the video.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Begin of the first stretch: the first frame's time.
    first_ms: Option<f64>,
    last_ms: f64,
    width_ms: f64,
    bins: Vec<Bin>,
    classes: Vec<Class>,
}

/// A class, in the order in which classes were first seen.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) label: Arc<str>,
    pub(super) id: u32,
    pub(super) objects: u64,
}

/// One stretch.
#[derive(Clone, Debug, Default)]
struct Bin {
    frames: u64,
    /// Objects by class; classes that were not seen yet may be missing.
    objects: Vec<u64>,
}

/// A stretch in which frames were looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from_ms: f64,
    /// Where the next one begins, so that there are no gaps.
    pub(super) to_ms: f64,
    /// Objects in a frame, on average, by class.
    pub(super) means: Vec<f64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { first_ms: None, last_ms: 0.0, width_ms: WIDTH_MS, bins: Vec::new(), classes: Vec::new() }
    }
}

impl Timeline {
    /// Counts a frame. Frames come in the order of their time.
    pub(super) fn add(&mut self, record: &FrameRecord) {
        let first_ms = *self.first_ms.get_or_insert(record.timestamp_ms);
        self.last_ms = self.last_ms.max(record.timestamp_ms);
        let since_ms = (record.timestamp_ms - first_ms).max(0.0);
        while since_ms / self.width_ms >= BINS_MAX as f64 {
            self.halve();
        }
        let at = (since_ms / self.width_ms) as usize;
        if self.bins.len() <= at {
            self.bins.resize_with(at + 1, Bin::default);
        }
        self.bins[at].frames += 1;
        for found in &record.detections {
            let class = self.class(&found.label, found.class_id);
            self.classes[class].objects += 1;
            self.bins[at].count(class, 1);
        }
    }

    /// Every class that was seen.
    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Every stretch in which frames were looked at, in order.
    pub(super) fn stretches(&self) -> Vec<Stretch> {
        let first_ms = self.first_ms.unwrap_or(0.0);
        let from = |at: usize| first_ms + at as f64 * self.width_ms;
        let mut stretches: Vec<Stretch> = Vec::new();
        for (at, bin) in self.bins.iter().enumerate().filter(|(_, bin)| bin.frames > 0) {
            if let Some(before) = stretches.last_mut() {
                before.to_ms = from(at);
            }
            let mean = |class| bin.objects.get(class).map_or(0.0, |count| *count as f64 / bin.frames as f64);
            let means = (0..self.classes.len()).map(mean).collect();
            stretches.push(Stretch { from_ms: from(at), to_ms: from(at + 1), means });
        }
        stretches
    }

    fn class(&mut self, label: &Arc<str>, id: u32) -> usize {
        self.classes.iter().position(|class| class.label == *label).unwrap_or_else(|| {
            self.classes.push(Class { label: Arc::clone(label), id, objects: 0 });
            self.classes.len() - 1
        })
    }

    /// Makes one stretch of each two.
    fn halve(&mut self) {
        self.width_ms *= 2.0;
        for at in 0..self.bins.len().div_ceil(2) {
            let mut merged = std::mem::take(&mut self.bins[2 * at]);
            if let Some(next) = self.bins.get_mut(2 * at + 1) {
                merged.add(&std::mem::take(next));
            }
            self.bins[at] = merged;
        }
        self.bins.truncate(self.bins.len().div_ceil(2));
    }
}

impl Bin {
    fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        other.objects.iter().enumerate().for_each(|(class, count)| self.count(class, *count));
    }

    fn count(&mut self, class: usize, count: u64) {
        if self.objects.len() <= class {
            self.objects.resize(class + 1, 0);
        }
        self.objects[class] += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::record;

    #[test]
    fn means_are_of_the_frames_of_a_stretch() {
        let mut timeline = Timeline::default();
        timeline.add(&record(1_000.0, &["person", "person", "car"]));
        timeline.add(&record(1_010.0, &[]));
        timeline.add(&record(1_100.0, &["car"]));
        let expected = [
            Stretch { from_ms: 1_000.0, to_ms: 1_080.0, means: vec![1.0, 0.5] },
            Stretch { from_ms: 1_080.0, to_ms: 1_120.0, means: vec![0.0, 1.0] },
        ];
        assert_eq!(timeline.stretches(), expected);
    }

    #[test]
    fn a_long_video_takes_no_more_than_a_short_one() {
        let mut timeline = Timeline::default();
        for second in 0..36_000_u32 {
            let labels: &[&str] = if second % 2 == 0 { &["person"] } else { &[] };
            timeline.add(&record(f64::from(second) * 1_000.0, labels));
        }
        let stretches = timeline.stretches();
        assert!((BINS_MAX / 2..=BINS_MAX).contains(&stretches.len()), "{}", stretches.len());
        assert!(timeline.bins.len() <= BINS_MAX);
        assert!(stretches.iter().all(|stretch| (0.4..0.6).contains(&stretch.means[0])));
        assert_eq!(timeline.bins.iter().map(|bin| bin.frames).sum::<u64>(), 36_000);
        assert_eq!(timeline.bins.iter().map(|bin| bin.objects[0]).sum::<u64>(), 18_000);
    }

    #[test]
    fn a_leap_in_time_is_no_flood() {
        let mut timeline = Timeline::default();
        timeline.add(&record(0.0, &["person"]));
        timeline.add(&record(9e11, &["person"]));
        assert!(timeline.bins.len() <= BINS_MAX && timeline.stretches().len() == 2);
    }
}
