//! When a person's movement counts as an anomaly, where and when anybody looks: all of it may change while a stream runs.

use super::{Schedule, Zone};
use crate::TrackerOptions;
use std::ops::RangeInclusive;
use std::time::Duration;

/// When a person's movement counts as an anomaly, where and when anybody looks.
#[derive(Clone, Debug, PartialEq)]
pub struct AnomalyOptions {
    /// Score from which a box begins to be followed as a person, in 0..=1. One below it, down to the tracker's `score_low`, can still be
    /// somebody who is followed already.
    pub person_score_min: f32,
    /// How people are followed.
    pub tracker: TrackerOptions,
    /// Frames after which somebody new is told as `person.appeared`.
    pub appear_frames: u32,
    /// An anomaly begins when the smoothed score reaches this (the model's unit; for STG-NF bits per number).
    pub score_start: f32,
    /// It ends when the smoothed score falls below this; at most `score_start`.
    pub score_end: f32,
    /// For how long the score must stay up before an anomaly is told, and down before it is told as ended.
    pub duration_min: Duration,
    /// How often an anomaly that goes on is told again.
    pub update_every: Duration,
    /// Span of the smoothing of scores along time: the scores of this long are averaged, the newest weighing most.
    pub smoothing: Duration,
    /// Frames of a window that may have been missed (by the stream or by the pose model); they are interpolated. 2 in the paper.
    pub missing_frames_max: u32,
    /// Only people whose feet stand in one of these count; none means everywhere.
    pub zones: Vec<Zone>,
    /// Anomalies are told only within this; none means always.
    pub schedule: Option<Schedule>,
    /// Frames are left out while nothing moves in the picture.
    pub motion_gate: bool,
}

/// Options that make no sense. The sentence names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnomalyOptionsError(pub String);

impl Default for AnomalyOptions {
    /// Thresholds in bits per number, for STG-NF. With the authors' network for ShanghaiTech real walkers stay below 1.7 (smoothed, over a
    /// minute of one camera) and the same people lying are above 30; with the starter network drawn walkers stay below 0.5 and falls are
    /// above 5. So an anomaly begins well above any walker, and ends where every walker is below again.
    fn default() -> Self {
        Self {
            person_score_min: 0.25,
            tracker: TrackerOptions::default(),
            appear_frames: 3,
            score_start: 3.0,
            score_end: 2.0,
            duration_min: Duration::from_millis(500),
            update_every: Duration::from_secs(1),
            smoothing: Duration::from_millis(500),
            missing_frames_max: 2,
            zones: Vec::new(),
            schedule: None,
            motion_gate: false,
        }
    }
}

impl AnomalyOptions {
    /// Zones at most.
    pub const ZONES_MAX: usize = 32;
    /// Corners of a zone.
    pub const CORNERS: RangeInclusive<usize> = 3..=64;
    /// Spans of a schedule at most.
    pub const SPANS_MAX: usize = 64;
    /// Bytes of a zone's name at most.
    pub const ZONE_NAME_BYTES_MAX: usize = 64;

    /// Whether every field is within its bounds.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), AnomalyOptionsError> {
        self.check_persons()?;
        self.check_scores()?;
        self.check_times()?;
        self.check_zones()?;
        self.schedule.as_ref().map_or(Ok(()), check_schedule)
    }

    /// The tracker's options with [`person_score_min`](Self::person_score_min) in them.
    pub(super) fn tracker(&self) -> TrackerOptions {
        let TrackerOptions { score_high, score_new, .. } = self.tracker;
        let least = self.person_score_min;
        TrackerOptions { score_high: score_high.max(least), score_new: score_new.max(least), ..self.tracker }
    }

    /// The score below which a box is of no use to anybody.
    pub(super) const fn box_score_min(&self) -> f32 {
        self.person_score_min.min(self.tracker.score_low)
    }

    fn check_persons(&self) -> Result<(), AnomalyOptionsError> {
        within("person_score_min", self.person_score_min, 0.0..=1.0)?;
        self.tracker
            .validate()
            .map_err(|error| AnomalyOptionsError(format!("`tracker.{}` must be {}", error.field, error.bounds)))?;
        within("appear_frames", self.appear_frames, 1..=1_000)?;
        within("missing_frames_max", self.missing_frames_max, 0..=64)
    }

    fn check_scores(&self) -> Result<(), AnomalyOptionsError> {
        within("score_start", self.score_start, -1e6..=1e6)?;
        within("score_end", self.score_end, -1e6..=1e6)?;
        ensure(self.score_end <= self.score_start, || {
            format!("`score_end` is {}; it must not be above `score_start`, {}", self.score_end, self.score_start)
        })
    }

    fn check_times(&self) -> Result<(), AnomalyOptionsError> {
        let hour = 3_600.0;
        within("duration_min", self.duration_min.as_secs_f64(), 0.0..=hour)?;
        within("update_every", self.update_every.as_secs_f64(), 0.1..=hour)?;
        within("smoothing", self.smoothing.as_secs_f64(), 0.0..=10.0)
    }

    fn check_zones(&self) -> Result<(), AnomalyOptionsError> {
        within("zones", self.zones.len(), 0..=Self::ZONES_MAX)?;
        for (index, zone) in self.zones.iter().enumerate() {
            check_zone(zone)?;
            let twice = self.zones[..index].iter().any(|other| other.name == zone.name);
            ensure(!twice, || format!("`zones` has `{}` twice; give each zone a name of its own", zone.name))?;
        }
        Ok(())
    }
}

fn check_zone(zone: &Zone) -> Result<(), AnomalyOptionsError> {
    let (length, plain) = (zone.name.len(), !zone.name.chars().any(char::is_control));
    ensure(plain && (1..=AnomalyOptions::ZONE_NAME_BYTES_MAX).contains(&length), || {
        format!("`zones.name` has {length} bytes or a control character; a name is plain text of 1 to 64 bytes")
    })?;
    ensure(AnomalyOptions::CORNERS.contains(&zone.corners.len()), || {
        format!("`zones.corners` of `{}` has {} corners; it must have 3 to 64", zone.name, zone.corners.len())
    })?;
    let outside = zone.corners.iter().flatten().find(|value| !(0.0..=1.0).contains(*value));
    outside.map_or(Ok(()), |value| {
        let name = &zone.name;
        Err(AnomalyOptionsError(format!("`zones.corners` of `{name}` has {value}; corners are shares from 0 to 1")))
    })
}

fn check_schedule(schedule: &Schedule) -> Result<(), AnomalyOptionsError> {
    within("schedule.utc_offset_min", schedule.utc_offset_min, -14 * 60..=14 * 60)?;
    within("schedule.spans", schedule.spans.len(), 1..=AnomalyOptions::SPANS_MAX)?;
    for &(first, end) in &schedule.spans {
        ensure(first < Schedule::WEEK_MIN && first < end && end - first <= Schedule::WEEK_MIN, || {
            format!("`schedule.spans` has ({first}, {end}); a span begins within the week and lasts a minute to a week")
        })?;
    }
    let overlap = schedule.spans.windows(2).find(|pair| pair[1].0 < pair[0].1);
    overlap.map_or(Ok(()), |pair| {
        let (one, other) = (pair[0], pair[1]);
        Err(AnomalyOptionsError(format!("`schedule.spans` has {other:?} after {one:?}; spans go in order and apart")))
    })
}

/// Whether a value lies within its bounds; what is not a number lies nowhere.
fn within<T: Copy + PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    bounds: RangeInclusive<T>,
) -> Result<(), AnomalyOptionsError> {
    ensure(bounds.contains(&value), || {
        format!("`{name}` is {value}; it must be from {} to {}", bounds.start(), bounds.end())
    })
}

fn ensure(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), AnomalyOptionsError> {
    if holds { Ok(()) } else { Err(AnomalyOptionsError(sentence())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut AnomalyOptions)) -> String {
        let mut options = AnomalyOptions::default();
        change(&mut options);
        options.validate().unwrap_err().to_string()
    }

    fn zone(name: &str, corners: &[[f32; 2]]) -> Zone {
        Zone { name: name.into(), corners: corners.to_vec() }
    }

    const TRIANGLE: [[f32; 2]; 3] = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(AnomalyOptions::default().validate(), Ok(()));
    }

    #[test]
    fn every_field_that_is_out_of_bounds_is_named() {
        let cases = [
            ("person_score_min", refusal(|o| o.person_score_min = f32::NAN)),
            ("appear_frames", refusal(|o| o.appear_frames = 0)),
            ("missing_frames_max", refusal(|o| o.missing_frames_max = 65)),
            ("score_start", refusal(|o| o.score_start = f32::INFINITY)),
            ("score_end", refusal(|o| o.score_end = o.score_start + 1.0)),
            ("duration_min", refusal(|o| o.duration_min = Duration::MAX)),
            ("update_every", refusal(|o| o.update_every = Duration::ZERO)),
            ("smoothing", refusal(|o| o.smoothing = Duration::from_secs(11))),
        ];
        for (field, sentence) in cases {
            assert!(sentence.starts_with(&format!("`{field}` is ")), "{sentence}");
        }
        let tracker = refusal(|o| o.tracker.lost_frames_max = u32::MAX);
        assert!(tracker.starts_with("`tracker.lost_frames_max` must be "), "{tracker}");
    }

    #[test]
    fn zones_are_polygons_within_the_picture_with_names_of_their_own() {
        let zones = |zones: Vec<Zone>| refusal(move |options| options.zones = zones);
        assert!(zones(vec![zone("a", &TRIANGLE); 33]).contains("`zones` is 33"));
        assert!(zones(vec![zone("", &TRIANGLE)]).contains("`zones.name`"));
        assert!(zones(vec![zone("a\n", &TRIANGLE)]).contains("control character"));
        assert!(zones(vec![zone("a", &TRIANGLE[..2])]).contains("2 corners"));
        assert!(zones(vec![zone("a", &[[0.5, 0.5]; 65])]).contains("65 corners"));
        assert!(zones(vec![zone("a", &[[0.0, 0.0], [1.0, f32::NAN], [0.0, 1.0]])]).contains("NaN"));
        assert!(zones(vec![zone("a", &TRIANGLE), zone("a", &TRIANGLE)]).contains("`a` twice"));
    }

    #[test]
    fn spans_lie_in_the_week_in_order_and_apart() {
        let spans = |spans: &[(u16, u16)]| {
            let schedule = Schedule { utc_offset_min: 0, spans: spans.to_vec() };
            AnomalyOptions { schedule: Some(schedule), ..AnomalyOptions::default() }.validate()
        };
        assert_eq!(spans(&[(0, 60), (60, 120), (9_960, 10_440)]), Ok(()));
        for bad in
            [&[][..], &[(60, 60)], &[(10_080, 10_081)], &[(5, 10_086)], &[(60, 120), (0, 30)], &[(0, 60), (59, 70)]]
        {
            assert!(spans(bad).unwrap_err().to_string().starts_with("`schedule.spans` "), "{bad:?}");
        }
        let offset = refusal(|options| options.schedule = Some(Schedule { utc_offset_min: 841, spans: vec![(0, 1)] }));
        assert!(offset.starts_with("`schedule.utc_offset_min` is 841"), "{offset}");
    }
}
