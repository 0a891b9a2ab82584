//! The frames with the most to see, spread over the time of a video whose length is not known before its end.

use crate::FrameRecord;

/// How long a stretch is at first, in milliseconds.
const WIDTH_MS: f64 = 250.0;

/// Keeps the frame with the most objects of each of at most `2 × wanted` stretches of equal length. When a video outgrows them, each two
/// become one, twice as long.
#[derive(Debug)]
pub(super) struct BestFrames {
    wanted: usize,
    first_ms: Option<f64>,
    width_ms: f64,
    stretches: Vec<Option<FrameRecord>>,
}

impl BestFrames {
    pub(super) const fn new(wanted: usize) -> Self {
        Self { wanted, first_ms: None, width_ms: WIDTH_MS, stretches: Vec::new() }
    }

    /// Frames come in the order of their time.
    pub(super) fn add(&mut self, record: FrameRecord) {
        if self.wanted == 0 {
            return;
        }
        let first_ms = *self.first_ms.get_or_insert(record.timestamp_ms);
        let since_ms = (record.timestamp_ms - first_ms).max(0.0);
        while since_ms / self.width_ms >= (2 * self.wanted) as f64 {
            self.width_ms *= 2.0;
            self.stretches = merged(std::mem::take(&mut self.stretches), 2);
        }
        let at = (since_ms / self.width_ms) as usize;
        if self.stretches.len() <= at {
            self.stretches.resize_with(at + 1, || None);
        }
        let held = &mut self.stretches[at];
        if record.detections.len() > objects(held.as_ref()) {
            *held = Some(record);
        }
    }

    /// As many as were wanted at most, in the order of time; none without objects.
    pub(super) fn into_frames(self) -> Vec<FrameRecord> {
        let mut found: Vec<_> = self.stretches.into_iter().flatten().map(Some).collect();
        while found.len() > self.wanted {
            drop_one(&mut found);
        }
        found.into_iter().flatten().collect()
    }
}

/// Of the two neighbours that lie nearest to one another, the one with less to see goes.
fn drop_one(found: &mut Vec<Option<FrameRecord>>) {
    let time = |at: usize| found[at].as_ref().map_or(0.0, |record| record.timestamp_ms);
    let gap = |at: &usize| time(at + 1) - time(*at);
    let nearest = (0..found.len().saturating_sub(1)).min_by(|a, b| gap(a).total_cmp(&gap(b)));
    let at = nearest.map_or(0, |at| at + usize::from(objects(found[at + 1].as_ref()) < objects(found[at].as_ref())));
    found.remove(at);
}

/// The best of each `count` neighbours.
fn merged(stretches: Vec<Option<FrameRecord>>, count: usize) -> Vec<Option<FrameRecord>> {
    let mut merged: Vec<Option<FrameRecord>> = Vec::with_capacity(stretches.len().div_ceil(count));
    for (at, record) in stretches.into_iter().enumerate() {
        match merged.last_mut().filter(|_| at % count != 0) {
            Some(held) if objects(record.as_ref()) > objects(held.as_ref()) => *held = record,
            Some(_) => {}
            None => merged.push(record),
        }
    }
    merged
}

fn objects(record: Option<&FrameRecord>) -> usize {
    record.map_or(0, |record| record.detections.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::record;

    fn best(wanted: usize, frames: impl IntoIterator<Item = (f64, usize)>) -> Vec<(f64, usize)> {
        let mut best = BestFrames::new(wanted);
        frames.into_iter().for_each(|(time, count)| best.add(record(time, &vec!["person"; count])));
        assert!(best.stretches.len() <= 2 * wanted);
        best.into_frames().iter().map(|record| (record.timestamp_ms, record.detections.len())).collect()
    }

    #[test]
    fn the_most_to_see_is_kept_and_spread_over_time() {
        let peaks = [5_000, 90_000, 170_000, 220_000, 260_000, 395_000];
        let frames = (0..4_000).map(|index| (index * 100, 1 + 5 * usize::from(peaks.contains(&(index * 100)))));
        let found = best(6, frames.map(|(time, count)| (f64::from(time), count)));
        assert_eq!(found.len(), 6);
        assert!(found.is_sorted_by(|a, b| a.0 < b.0));
        let peaks_found = found.iter().filter(|(_, count)| *count == 6).count();
        assert!(peaks_found >= 4, "{found:?}");
        let last = found.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
        assert!(last < 200_000.0, "{found:?}");
    }

    #[test]
    fn frames_without_objects_are_no_samples() {
        assert_eq!(best(3, [(0.0, 0), (10_000.0, 0)]), []);
        assert_eq!(best(3, [(0.0, 0), (10_000.0, 2), (20_000.0, 0)]), [(10_000.0, 2)]);
        assert_eq!(best(0, [(0.0, 1)]), []);
        assert_eq!(best(1, [(0.0, 1), (9e11, 1)]).len(), 1);
    }
}
