//! The options of anomaly streams as JSON: those in force, and changes.

use super::ms;
use samovar_pipelines::{AnomalyOptions, Schedule, Zone};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// When a person's movement counts as an anomaly, where and when anybody looks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnomalyOptionsBody {
    /// Score from which a box begins to be followed as a person.
    person_score_min: f32,
    /// Frames after which somebody new is told as `person.appeared`.
    appear_frames: u32,
    /// Frames for which somebody who is not seen is remembered.
    lost_frames_max: u32,
    /// Frames of a window that may have been missed.
    missing_frames_max: u32,
    /// An anomaly begins when the smoothed score reaches this.
    score_start: f32,
    /// It ends when the smoothed score falls below this.
    score_end: f32,
    /// For how long the score must stay up before an anomaly is told, and down before it is told as ended.
    duration_min_ms: f64,
    /// How often an anomaly that goes on is told again.
    update_every_ms: f64,
    /// Span of the smoothing of scores along time.
    smoothing_ms: f64,
    /// Only people whose feet stand in one of these count; empty means everywhere.
    zones: Vec<ZoneBody>,
    /// Anomalies are told only within these times; null means always.
    schedule: Option<ScheduleBody>,
}

/// Other options; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnomalyControlOptions {
    /// In 0..=1.
    pub(crate) person_score_min: Option<f32>,
    /// At least 1.
    pub(crate) appear_frames: Option<u32>,
    /// Frames for which somebody who is not seen is remembered.
    pub(crate) lost_frames_max: Option<u32>,
    /// Frames of a window that may have been missed.
    pub(crate) missing_frames_max: Option<u32>,
    /// In the model's unit.
    pub(crate) score_start: Option<f32>,
    /// At most `score_start`.
    pub(crate) score_end: Option<f32>,
    /// Up to an hour.
    pub(crate) duration_min_ms: Option<u64>,
    /// Up to a day.
    pub(crate) update_every_ms: Option<u64>,
    /// Up to ten minutes.
    pub(crate) smoothing_ms: Option<u64>,
    /// In place of the zones so far; an empty list means everywhere.
    pub(crate) zones: Option<Vec<ZoneBody>>,
    /// In place of the schedule so far; null means always.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<ScheduleBody>)]
    pub(crate) schedule: Option<Option<ScheduleBody>>,
}

impl AnomalyControlOptions {
    /// Its fields, for whoever sent others.
    pub(crate) const FIELDS: &str = "person_score_min, appear_frames, lost_frames_max, missing_frames_max, score_start, score_end, \
        duration_min_ms, update_every_ms, smoothing_ms, zones or schedule";
}

/// A part of the picture.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneBody {
    /// Told with the event.
    #[schema(example = "platform")]
    name: String,
    /// `[x, y]` each, as shares of the picture's width and height, 0 to 1; at least three.
    #[schema(example = json!([[0.0, 0.6], [1.0, 0.6], [1.0, 1.0], [0.0, 1.0]]))]
    corners: Vec<[f32; 2]>,
}

/// Times of the week.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleBody {
    /// Minutes that the clocks at the camera are ahead of UTC.
    #[serde(default)]
    #[schema(example = 60)]
    utc_offset_min: i32,
    /// `[first minute, end minute]` each, counted from Monday 00:00; an end beyond 10,080 goes on into the next week.
    #[schema(example = json!([[1320, 1800]]))]
    spans: Vec<(u16, u16)>,
}

impl From<&AnomalyOptions> for AnomalyOptionsBody {
    fn from(options: &AnomalyOptions) -> Self {
        Self {
            person_score_min: options.person_score_min,
            appear_frames: options.appear_frames,
            lost_frames_max: options.tracker.lost_frames_max,
            missing_frames_max: options.missing_frames_max,
            score_start: options.score_start,
            score_end: options.score_end,
            duration_min_ms: ms(options.duration_min),
            update_every_ms: ms(options.update_every),
            smoothing_ms: ms(options.smoothing),
            zones: options.zones.iter().map(ZoneBody::from).collect(),
            schedule: options.schedule.as_ref().map(ScheduleBody::from),
        }
    }
}

impl AnomalyControlOptions {
    /// The options with these in place of their own; not checked.
    pub(crate) fn over(self, options: &AnomalyOptions) -> AnomalyOptions {
        let mut changed = options.clone();
        set(&mut changed.person_score_min, self.person_score_min);
        set(&mut changed.appear_frames, self.appear_frames);
        set(&mut changed.tracker.lost_frames_max, self.lost_frames_max);
        set(&mut changed.missing_frames_max, self.missing_frames_max);
        set(&mut changed.score_start, self.score_start);
        set(&mut changed.score_end, self.score_end);
        set(&mut changed.duration_min, self.duration_min_ms.map(Duration::from_millis));
        set(&mut changed.update_every, self.update_every_ms.map(Duration::from_millis));
        set(&mut changed.smoothing, self.smoothing_ms.map(Duration::from_millis));
        set(&mut changed.zones, self.zones.map(|zones| zones.into_iter().map(Zone::from).collect()));
        set(&mut changed.schedule, self.schedule.map(|schedule| schedule.map(Schedule::from)));
        changed
    }
}

fn set<T>(present: &mut T, asked: Option<T>) {
    if let Some(asked) = asked {
        *present = asked;
    }
}

/// A field that is null is given; one that is left out is not.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<ScheduleBody>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<&Zone> for ZoneBody {
    fn from(zone: &Zone) -> Self {
        Self { name: zone.name.to_string(), corners: zone.corners.clone() }
    }
}

impl From<ZoneBody> for Zone {
    fn from(zone: ZoneBody) -> Self {
        Self { name: Arc::from(zone.name), corners: zone.corners }
    }
}

impl From<&Schedule> for ScheduleBody {
    fn from(schedule: &Schedule) -> Self {
        Self { utc_offset_min: schedule.utc_offset_min, spans: schedule.spans.clone() }
    }
}

impl From<ScheduleBody> for Schedule {
    fn from(schedule: ScheduleBody) -> Self {
        Self { utc_offset_min: schedule.utc_offset_min, spans: schedule.spans }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> AnomalyOptions {
        let schedule = Some(Schedule { utc_offset_min: 60, spans: vec![(0, 60)] });
        let options = AnomalyOptions { schedule, ..AnomalyOptions::default() };
        serde_json::from_str::<AnomalyControlOptions>(text).unwrap().over(&options)
    }

    #[test]
    fn what_is_left_out_stays_and_null_is_given() {
        assert_eq!(changed("{}"), changed(r#"{"zones":[]}"#));
        assert!(changed("{}").schedule.is_some() && changed(r#"{"schedule":null}"#).schedule.is_none());
        let other = changed(r#"{"score_start":4,"duration_min_ms":250,"schedule":{"spans":[[1320,1800]]}}"#);
        assert_eq!((other.score_start, other.duration_min), (4.0, Duration::from_millis(250)));
        assert_eq!(other.schedule, Some(Schedule { utc_offset_min: 0, spans: vec![(1_320, 1_800)] }));
        let zone = changed(r#"{"zones":[{"name":"door","corners":[[0,0],[1,0],[1,1]]}]}"#).zones.remove(0);
        assert_eq!((&*zone.name, zone.corners.len()), ("door", 3));
        assert!(serde_json::from_str::<AnomalyControlOptions>(r#"{"score_strat":4}"#).is_err());
    }
}
