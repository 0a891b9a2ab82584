//! When a movement counts, in ready form.

use super::schedule::schedule;
use super::schema::{AnomalySection, ZoneSection};
use samovar_pipelines::{AnomalyOptions, TrackerOptions, Zone};
use std::time::Duration;

/// The options that a section means; what it leaves out has its default.
///
/// # Errors
/// What is out of bounds, in words that name the key.
pub fn anomaly_options(section: &AnomalySection) -> Result<AnomalyOptions, String> {
    let default = AnomalyOptions::default();
    let ms = |key: Option<u64>, default: Duration| key.map_or(default, Duration::from_millis);
    let lost_frames_max = section.lost_frames_max.unwrap_or(default.tracker.lost_frames_max);
    let options = AnomalyOptions {
        person_score_min: section.person_score_min.unwrap_or(default.person_score_min),
        tracker: TrackerOptions { lost_frames_max, ..default.tracker },
        appear_frames: section.appear_frames.unwrap_or(default.appear_frames),
        score_start: section.score_start.unwrap_or(default.score_start),
        score_end: section.score_end.unwrap_or_else(|| default_end(section.score_start, &default)),
        duration_min: ms(section.duration_min_ms, default.duration_min),
        update_every: ms(section.update_every_ms, default.update_every),
        smoothing: ms(section.smoothing_ms, default.smoothing),
        missing_frames_max: section.missing_frames_max.unwrap_or(default.missing_frames_max),
        zones: section.zones.iter().flatten().map(zone).collect(),
        schedule: section.schedule.as_ref().map(schedule).transpose()?,
        ..default
    };
    options.validate().map_err(|error| error.to_string())?;
    Ok(options)
}

/// Who sets only where an anomaly begins means no higher end.
fn default_end(start: Option<f32>, default: &AnomalyOptions) -> f32 {
    start.map_or(default.score_end, |start| start.min(default.score_end))
}

fn zone(ZoneSection { name, corners }: &ZoneSection) -> Zone {
    Zone { name: name.as_str().into(), corners: corners.clone() }
}
