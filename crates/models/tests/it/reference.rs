//! The same boxes as ultralytics' and Megvii's own code on real models and pictures (`tools/reference/detections.py`).

use crate::files::shared;
use crate::serving::Serving;
use samovar_engines::Rten;
use samovar_media::{
    FfmpegProgram, FramePool, ImageLimits, Picture, VideoDecoder, VideoInput, VideoLimits, VideoOptions,
};
use samovar_models::{BoundingBox, Detection, Detections};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What may differ from the reference.
#[derive(Clone, Copy)]
struct Tolerance {
    edge_px: f32,
    score: f32,
}

/// The figures for pictures that both sides decode alike.
const STILLS: Tolerance = Tolerance { edge_px: 1.0, score: 0.01 };

/// Video: the reference scales chroma and converts to RGB before it scales the picture, we do it in one pass.
const VIDEO: Tolerance = Tolerance { edge_px: 2.0, score: 0.04 };

#[test]
fn yolov8n_finds_what_ultralytics_finds() {
    compare("yolov8n/yolov8n.onnx");
}

#[test]
fn yolov8n_on_rectangles_finds_what_ultralytics_finds() {
    compare("yolov8n/yolov8n_dyn.onnx");
}

#[test]
fn a_pose_model_gives_the_boxes_that_ultralytics_gives() {
    compare("yolov8n-pose/yolov8n-pose.onnx");
}

#[test]
fn yolov5n_in_half_precision_finds_what_yolov5_finds() {
    compare("yolov5n/yolov5n_fp16.onnx");
}

#[test]
fn yolox_nano_finds_what_megvii_finds() {
    compare("yolox-nano/yolox_nano.onnx");
}

#[test]
fn yolox_nano_with_dynamic_batch_finds_what_megvii_finds() {
    compare("yolox-nano/yolox_nano_dynbatch.onnx");
}

/// int8 kernels of different engines round differently, so only the sure finds of the stills are held to their counts.
#[test]
fn yolov8n_int8_counts_what_ultralytics_counts() {
    const SURE: f32 = 0.5;
    each_case("yolov8n/yolov8n_int8_dynquant.onnx", |case, found| {
        if case.frame.is_none() {
            let ours = counts(found.items.iter().filter(|d| d.score > SURE).map(|d| d.class_id));
            let theirs = counts(case.found.iter().filter(|r| r.score > SURE).map(|r| r.class));
            assert_eq!(ours, theirs, "{}", case.name());
        }
    });
}

/// Writes the largest differences of one model, and fails where any is over the tolerance.
fn compare(model: &str) {
    let mut over = Vec::new();
    each_case(model, |case, found| {
        let tolerance = if case.frame.is_some() { VIDEO } else { STILLS };
        assert_eq!((found.width, found.height, found.not_finite), (case.size.0, case.size.1, 0), "{}", case.name());
        let difference = Difference::between(case, found, tolerance);
        println!("{model} {}: {} objects, {difference}", case.name(), found.items.len());
        if !difference.within(tolerance) {
            over.push(format!("{}: {difference}", case.name()));
        }
    });
    assert!(over.is_empty(), "{over:#?}");
}

/// How far our finds are from the reference's.
#[derive(Default)]
struct Difference {
    edge_px: f32,
    score: f32,
    /// Finds of one side alone whose score is not as close to the threshold as the tolerance allows.
    unmatched: Vec<String>,
}

impl Difference {
    fn between(case: &Case, found: &Detections, tolerance: Tolerance) -> Self {
        let mut difference = Self::default();
        let mut rest: Vec<&Detection> = found.items.iter().collect();
        let sure = case.score_min + tolerance.score;
        for reference in &case.found {
            match closest(&rest, reference) {
                Some(ours) => {
                    let ours = rest.swap_remove(ours);
                    difference.edge_px = difference.edge_px.max(edge_difference(&ours.bbox, &reference.bbox));
                    difference.score = difference.score.max((ours.score - reference.score).abs());
                }
                None if reference.score < sure => {}
                None => difference.unmatched.push(format!("missing {reference:?}")),
            }
        }
        let surplus = rest.iter().filter(|ours| ours.score >= sure);
        difference.unmatched.extend(surplus.map(|ours| format!("surplus {ours:?}")));
        difference
    }

    fn within(&self, tolerance: Tolerance) -> bool {
        self.edge_px <= tolerance.edge_px && self.score <= tolerance.score && self.unmatched.is_empty()
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "edges within {:.3} px, scores within {:.4}", self.edge_px, self.score)?;
        self.unmatched.iter().try_for_each(|find| write!(f, ", {find}"))
    }
}

/// The find of the same class that overlaps the reference most, by more than half.
fn closest(found: &[&Detection], reference: &Reference) -> Option<usize> {
    let overlap = |index: &usize| found[*index].bbox.iou(&reference.bbox);
    let same_class = (0..found.len()).filter(|index| found[*index].class_id == reference.class);
    same_class.filter(|index| overlap(index) > 0.5).max_by(|a, b| overlap(a).total_cmp(&overlap(b)))
}

fn edge_difference(a: &BoundingBox, b: &BoundingBox) -> f32 {
    let edges = [(a.x1, b.x1), (a.y1, b.y1), (a.x2, b.x2), (a.y2, b.y2)];
    edges.iter().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn counts(classes: impl Iterator<Item = u32>) -> BTreeMap<u32, usize> {
    classes.fold(BTreeMap::new(), |mut counts, class| {
        *counts.entry(class).or_default() += 1;
        counts
    })
}

/// One picture of the fixture with what the reference found on it.
struct Case {
    media: String,
    frame: Option<usize>,
    size: (u32, u32),
    score_min: f32,
    found: Vec<Reference>,
}

#[derive(Debug)]
struct Reference {
    bbox: BoundingBox,
    score: f32,
    class: u32,
}

impl Case {
    fn name(&self) -> String {
        self.frame.map_or_else(|| self.media.clone(), |frame| format!("{} frame {frame}", self.media))
    }
}

/// Runs every picture of the fixture for that model.
fn each_case(model: &str, mut check: impl FnMut(&Case, &Detections)) {
    let Some(folder) = shared() else { return };
    let serving = Serving::start(Arc::new(Rten), folder.join(model), 1).unwrap();
    let cases = cases(model);
    assert!(cases.len() >= 8, "the fixture has pictures for {model}");
    let mut frames = video_frames(&folder.join("media/vtest.mp4"), &cases);
    for case in &cases {
        let picture = match case.frame {
            Some(frame) => frames.remove(&frame),
            None => Some(still(&folder.join("media").join(&case.media))),
        };
        if let Some(picture) = picture {
            check(case, &serving.detect(&picture).unwrap());
        }
    }
}

fn cases(model: &str) -> Vec<Case> {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/detections.json")).unwrap();
    let score_min = fixture["score_min"].as_f64().unwrap() as f32;
    let of_model = fixture["cases"].as_array().unwrap().iter().filter(|case| case["model"] == model);
    of_model.map(|case| read_case(case, score_min)).collect()
}

fn read_case(case: &Value, score_min: f32) -> Case {
    let number = |value: &Value| value.as_u64().unwrap() as u32;
    Case {
        media: case["media"].as_str().unwrap().to_owned(),
        frame: case.get("frame").map(|frame| number(frame) as usize),
        size: (number(&case["width"]), number(&case["height"])),
        score_min,
        found: case["found"].as_array().unwrap().iter().map(read_reference).collect(),
    }
}

fn read_reference(found: &Value) -> Reference {
    let values: Vec<f32> = found.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect();
    let [x1, y1, x2, y2, score, class] = values[..] else { panic!("six numbers, found {values:?}") };
    Reference { bbox: [x1, y1, x2, y2].into(), score, class: class as u32 }
}

pub(crate) fn still(path: &Path) -> Picture {
    Picture::encoded(std::fs::read(path).unwrap().into(), ImageLimits::default()).unwrap()
}

/// The frames that the cases name; none of them, with a line that says so, where there is no ffmpeg.
fn video_frames(path: &Path, cases: &[Case]) -> BTreeMap<usize, Picture> {
    let wanted: Vec<usize> = cases.iter().filter_map(|case| case.frame).collect();
    let Ok(program) = FfmpegProgram::find() else {
        println!("skipped: the frames of a video, because ffmpeg is not on this machine");
        return BTreeMap::new();
    };
    let input = VideoInput::File(path.to_owned());
    let mut video =
        VideoDecoder::open(input, VideoOptions::new(program), &VideoLimits::default(), FramePool::new(8)).unwrap();
    let last = wanted.iter().copied().max().unwrap_or(0);
    let mut frames = BTreeMap::new();
    for index in 0..=last {
        let frame = video.next_frame().unwrap().unwrap();
        if wanted.contains(&index) {
            frames.insert(index, Picture::from(frame));
        }
    }
    frames
}
