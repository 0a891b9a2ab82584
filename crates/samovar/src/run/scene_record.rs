//! One line of JSON for each event and frame of an anomaly run, with the names that streams use.

use super::input::Input;
use samovar_models::Keypoint;
use samovar_pipelines::{SceneEvent, ScenePerson};
use serde::Serialize;
use std::time::Duration;

/// One frame: who is where.
#[derive(Debug, Serialize)]
pub struct SceneRecord<'a> {
    r#type: &'static str,
    input: &'a str,
    frame: u64,
    time_ms: f64,
    width: u32,
    height: u32,
    persons: Vec<PersonRecord>,
}

/// One event.
#[derive(Debug, Serialize)]
pub struct EventRecord<'a> {
    r#type: &'static str,
    input: &'a str,
    event: &'static str,
    number: u64,
    frame: u64,
    time_ms: f64,
    since_ms: f64,
    person: PersonRecord,
    score_max: Option<f32>,
    zone: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct PersonRecord {
    track: u64,
    #[serde(rename = "box")]
    corners: [f32; 4],
    score: f32,
    keypoints: Vec<[f32; 3]>,
    anomaly_score: Option<f32>,
    anomalous: bool,
}

impl<'a> SceneRecord<'a> {
    /// The line of a frame of this size.
    pub fn new(
        input: &'a Input,
        (frame, time): (u64, Duration),
        (width, height): (u32, u32),
        persons: &[ScenePerson],
    ) -> Self {
        let persons = persons.iter().map(PersonRecord::from).collect();
        Self { r#type: "result", input: &input.label, frame, time_ms: ms(time), width, height, persons }
    }
}

impl<'a> EventRecord<'a> {
    /// The line of an event; `frame` is the video's own number of its frame.
    pub fn new(input: &'a Input, frame: u64, event: &'a SceneEvent) -> Self {
        Self {
            r#type: "event",
            input: &input.label,
            event: event.kind.name(),
            number: event.number,
            frame,
            time_ms: ms(event.time),
            since_ms: ms(event.since),
            person: PersonRecord::from(&event.person),
            score_max: event.score_max,
            zone: event.zone.as_deref(),
        }
    }

    /// The same for people: `walk.mp4 12.5 s: anomaly.started: person 3, score 4.2, in door`.
    pub fn sentence(&self) -> String {
        let Self { input, event, person, .. } = self;
        let score = self.score_max.map_or_else(String::new, |score| format!(", score {score:.1}"));
        let zone = self.zone.map_or_else(String::new, |zone| format!(", in {zone}"));
        format!("{input} {:.1} s: {event}: person {}{score}{zone}\n", self.time_ms / 1e3, person.track)
    }
}

impl From<&ScenePerson> for PersonRecord {
    fn from(person: &ScenePerson) -> Self {
        let bbox = &person.bbox;
        let point = |Keypoint { x, y, score }: &Keypoint| [*x, *y, *score];
        Self {
            track: person.track,
            corners: [bbox.x1, bbox.y1, bbox.x2, bbox.y2],
            score: person.score,
            keypoints: person.keypoints.iter().map(point).collect(),
            anomaly_score: person.anomaly_score,
            anomalous: person.anomalous,
        }
    }
}

/// Milliseconds, to the microsecond.
fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}
