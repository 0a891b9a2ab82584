//! The starter models see who is on the drawn street: the stills' own truth, through the runtime, with nothing downloaded.

use crate::files::starter;
use crate::reference::still;
use crate::serving::Serving;
use samovar_engines::Rten;
use samovar_models::BoundingBox;
use serde_json::Value;
use std::sync::Arc;

/// Overlap with the truth from which a box is the person's.
const IOU_MIN: f32 = 0.4;
/// A find above this score is a sure one.
const SURE: f32 = 0.5;
/// Who is hidden more than this may be missed.
const VISIBLE_MIN: f64 = 0.5;

#[test]
fn the_starter_detector_sees_who_is_on_the_stills() {
    each_still("starter-detect.onnx");
}

#[test]
fn the_starter_pose_model_boxes_who_is_on_the_stills() {
    each_still("starter-pose.onnx");
}

/// Whom it is sure of is there, and it misses one in five at most: the figures are larger than most that it learned from.
fn each_still(model: &str) {
    let serving = Serving::start(Arc::new(Rten), starter(&format!("models/{model}")), 1).unwrap();
    let (mut there, mut seen) = (0, 0);
    for Still { file, people } in truth() {
        let found = serving.detect(&still(&starter(&format!("samples/{file}")))).unwrap();
        let boxes: Vec<BoundingBox> = found.items.iter().map(|item| item.bbox).collect();
        let in_view = people.iter().filter(|person| person.visible >= VISIBLE_MIN);
        there += in_view.clone().count();
        seen += in_view.filter(|person| overlaps(&person.bbox, &boxes)).count();
        let truth: Vec<BoundingBox> = people.iter().map(|person| person.bbox).collect();
        for sure in found.items.iter().filter(|item| item.score >= SURE) {
            assert!(overlaps(&sure.bbox, &truth), "{model} on {file} sees somebody who is not there: {sure:?}");
        }
    }
    assert!(there >= 15 && 5 * seen >= 4 * there, "{model} sees {seen} of {there}");
}

fn overlaps(one: &BoundingBox, others: &[BoundingBox]) -> bool {
    others.iter().any(|other| other.iou(one) >= IOU_MIN)
}

/// A still and who is on it.
struct Still {
    file: String,
    people: Vec<Person>,
}

#[derive(Debug)]
struct Person {
    /// In pixels.
    bbox: BoundingBox,
    /// Share of the figure that nothing hides.
    visible: f64,
}

fn truth() -> Vec<Still> {
    let text = std::fs::read(starter("samples/stills.json")).unwrap();
    let truth: Value = serde_json::from_slice(&text).unwrap();
    let unit = truth["unit"].as_f64().unwrap();
    let people = |still: &Value| still["people"].as_array().unwrap().iter().map(|person| read(person, unit)).collect();
    let still = |still: &Value| Still { file: still["file"].as_str().unwrap().to_owned(), people: people(still) };
    truth["stills"].as_array().unwrap().iter().map(still).collect()
}

/// The fields are in the order that the file's own `person` gives.
fn read(person: &Value, unit: f64) -> Person {
    let edge = |index: usize| (person[1][index].as_f64().unwrap() * unit) as f32;
    Person { bbox: [edge(0), edge(1), edge(2), edge(3)].into(), visible: person[4].as_f64().unwrap() }
}
