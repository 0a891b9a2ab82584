//! Which frames are wanted where fewer are asked for than come: as many as asked for on the average.
//!
//! Taking a frame whenever an interval has passed since the last would give 8.3 of 25 frames where 10 are asked for. Here the time
//! of a source is a row of slots, one for each wanted frame, and the first frame in each slot is taken.

use std::time::Duration;

/// Chooses frames by their time.
#[derive(Clone, Debug)]
pub(super) struct FramePacer {
    per_second: Option<f64>,
    /// The slot of the last wanted frame.
    slot: Option<u64>,
}

impl FramePacer {
    /// At most `per_second` frames; none for all.
    pub(super) const fn new(per_second: Option<f64>) -> Self {
        Self { per_second, slot: None }
    }

    /// Whether the frame of this time is wanted. Times never go back.
    pub(super) fn wants(&mut self, time: Duration) -> bool {
        let Some(per_second) = self.per_second else { return true };
        // Timestamps of many containers are rounded to milliseconds: one just before its slot is in it.
        let slot = ((time.as_secs_f64() + 0.001) * per_second) as u64;
        let wanted = self.slot != Some(slot);
        self.slot = Some(slot);
        wanted
    }

    /// What the decoder's child is told to keep within: half of what it may give is left out here. At the wanted rate itself it
    /// would leave out too many, since it counts from the last frame it gave.
    pub(super) fn child_per_second(&self) -> Option<f64> {
        self.per_second.map(|per_second| per_second * 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_rate_is_kept_whatever_the_source_gives() {
        for (source, wanted, taken) in [(25, 10.0, 10), (30, 10.0, 10), (12, 10.0, 10), (5, 10.0, 5), (30, 0.5, 1)] {
            let mut pacer = FramePacer::new(Some(wanted));
            let seconds = 100;
            let count = (0..source * seconds)
                .filter(|n| pacer.wants(Duration::from_millis(u64::from(*n) * 1000 / u64::from(source))))
                .count() as u32;
            let expected = if wanted < 1.0 { 50 } else { taken * seconds };
            assert!(count.abs_diff(expected) <= 1, "{source} to {wanted}: {count}");
        }
        assert!((0..10).all(|n| FramePacer::new(None).wants(Duration::from_millis(n))));
    }
}
