//! `[anomaly]`: the models of anomaly streams, and when a movement counts. The same keys stand below a source, for it alone.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which models look at people, and when a movement counts as an anomaly. What is left out has its default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnomalySection {
    /// The model that finds key points. Default: the only pose model, where there is one.
    pub pose: Option<String>,
    /// The model that finds people. Default: the pose model's own boxes serve, and one run a frame is enough.
    pub detector: Option<String>,
    /// The model that scores movements. Default: the only one of the family `stg-nf`, where there is one.
    pub sequence: Option<String>,
    /// The model that tells people apart by their looks. Default: boxes alone do.
    pub appearance: Option<String>,
    /// Scores above which a box is a person worth following.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub person_score_min: Option<f32>,
    /// Frames after which somebody new is told.
    #[schemars(range(min = 1, max = 1_000))]
    pub appear_frames: Option<u32>,
    /// Frames for which somebody who is not seen is remembered.
    #[schemars(range(min = 1, max = 1_000))]
    pub lost_frames_max: Option<u32>,
    /// An anomaly begins when the smoothed score reaches this.
    pub score_start: Option<f32>,
    /// It ends when the score falls below this; at most `score_start`.
    pub score_end: Option<f32>,
    /// For how long the score must stay up before an anomaly is told, and down before it is told as ended.
    #[schemars(range(max = 3_600_000))]
    pub duration_min_ms: Option<u64>,
    /// How often an anomaly that goes on is told again.
    #[schemars(range(min = 100, max = 3_600_000))]
    pub update_every_ms: Option<u64>,
    /// Span of the smoothing of scores along time.
    #[schemars(range(max = 10_000))]
    pub smoothing_ms: Option<u64>,
    /// Frames of a window that may have been missed; they are interpolated.
    #[schemars(range(max = 64))]
    pub missing_frames_max: Option<u32>,
    /// Only people whose feet stand in one of these count. Default: everywhere.
    pub zones: Option<Vec<ZoneSection>>,
    /// Anomalies are told only within these times of the week. Default: always.
    pub schedule: Option<ScheduleSection>,
}

/// A part of the picture.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneSection {
    /// Its name, told with the event.
    pub name: String,
    /// Corners [x, y] as shares of the picture's width and height, 0 to 1; at least three.
    pub corners: Vec<[f32; 2]>,
}

/// Times of the week.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSection {
    /// What the clocks at the camera are ahead of UTC: `"+02:00"`.
    #[serde(default = "utc")]
    pub utc_offset: String,
    /// Days and hours: `"mon-fri 22:00-06:00"`, `"sat 00:00-24:00"`.
    pub spans: Vec<String>,
}

fn utc() -> String {
    "+00:00".to_owned()
}

impl AnomalySection {
    /// These keys, and those of `general` where there is none here.
    pub fn over(&self, general: &Self) -> Self {
        let (own, general) = (self.clone(), general.clone());
        Self {
            pose: own.pose.or(general.pose),
            detector: own.detector.or(general.detector),
            sequence: own.sequence.or(general.sequence),
            appearance: own.appearance.or(general.appearance),
            person_score_min: own.person_score_min.or(general.person_score_min),
            appear_frames: own.appear_frames.or(general.appear_frames),
            lost_frames_max: own.lost_frames_max.or(general.lost_frames_max),
            score_start: own.score_start.or(general.score_start),
            score_end: own.score_end.or(general.score_end),
            duration_min_ms: own.duration_min_ms.or(general.duration_min_ms),
            update_every_ms: own.update_every_ms.or(general.update_every_ms),
            smoothing_ms: own.smoothing_ms.or(general.smoothing_ms),
            missing_frames_max: own.missing_frames_max.or(general.missing_frames_max),
            zones: own.zones.or(general.zones),
            schedule: own.schedule.or(general.schedule),
        }
    }

    /// Every model that is named: the key and the name.
    pub fn models(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = [
            ("pose", &self.pose),
            ("detector", &self.detector),
            ("sequence", &self.sequence),
            ("appearance", &self.appearance),
        ];
        named.into_iter().filter_map(|(key, model)| Some((key, model.as_deref()?)))
    }
}
