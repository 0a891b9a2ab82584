//! The same boxes as ultralytics' and Megvii's own code on real models and pictures (`tools/reference/detections.py`).

use crate::files::shared;
use crate::serving::Serving;
use samovar_engine_api::{Dim, ElementType, Port, Signature, TensorRef};
use samovar_engines::Rten;
use samovar_media::{
    FfmpegProgram, FramePool, ImageLimits, Picture, VideoDecoder, VideoInput, VideoLimits, VideoOptions,
};
use samovar_models::{BoundingBox, DetectOptions, Detection, DetectionModel, Detections, FamilyHints};
use samovar_runtime::Scratch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What may differ from the reference.
struct Tolerance {
    sure: Largest,
    weak: Largest,
}

/// A find above this score is a sure one.
const SURE: f32 = 0.5;

/// One pixel and 0.01 where the model is sure. What is left over is the rounding of JPEG decoders and of OpenCV's scaled
/// pixels to bytes; the replayed outputs show that nothing of it comes from the decoding of boxes.
const STILLS: &Tolerance =
    &Tolerance { sure: Largest { edge_px: 1.0, score: 0.01 }, weak: Largest { edge_px: 1.0, score: 0.02 } };

/// COCO's small pictures: as many pixels as the model sees, so that the decoder's rounding is not averaged away.
const SMALL: &Tolerance =
    &Tolerance { sure: Largest { edge_px: 1.0, score: 0.015 }, weak: Largest { edge_px: 5.0, score: 0.03 } };

/// Video: OpenCV takes the nearest colour sample for each pixel, we take the colour between the samples.
const VIDEO: &Tolerance =
    &Tolerance { sure: Largest { edge_px: 2.5, score: 0.05 }, weak: Largest { edge_px: 2.5, score: 0.05 } };

/// Decoding alone, on the very output that the reference had; the fixture is rounded to 0.01 px.
const REPLAYED: &Tolerance =
    &Tolerance { sure: Largest { edge_px: 0.02, score: 0.0001 }, weak: Largest { edge_px: 0.02, score: 0.0001 } };

/// Every layout, on outputs of the real models: `outputs.json` holds what they gave and what the reference made of it.
#[test]
fn real_outputs_are_decoded_as_the_reference_does() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/outputs.json")).unwrap();
    let score_min = fixture["score_min"].as_f64().unwrap() as f32;
    let replays = fixture["cases"].as_array().unwrap();
    assert!(replays.len() >= 6);
    for replay in replays {
        let case = read_case(replay, score_min);
        let found = decode_replayed(replay, case.size);
        let difference = Difference::between(&case, &found, REPLAYED);
        assert_eq!(found.items.len(), case.found.len(), "{}", replay["model"]);
        assert!(difference.within(REPLAYED), "{}: {difference}", replay["model"]);
    }
}

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
    each_case("yolov8n/yolov8n_int8_dynquant.onnx", |case, found| {
        if std::ptr::eq(case.tolerance(), STILLS) {
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
        let tolerance = case.tolerance();
        assert_eq!((found.width, found.height, found.not_finite), (case.size.0, case.size.1, 0), "{}", case.name());
        let difference = Difference::between(case, found, tolerance);
        println!("{model} {}: {} objects, {difference}", case.name(), found.items.len());
        if !difference.within(tolerance) {
            over.push(format!("{}: {difference}", case.name()));
        }
    });
    assert!(over.is_empty(), "{over:#?}");
}

/// How far our finds are from the reference's, the sure ones and the weak ones apart.
#[derive(Default)]
struct Difference {
    sure: Largest,
    weak: Largest,
    /// Finds of one side alone whose score is not as close to the threshold as the tolerance allows.
    unmatched: Vec<String>,
}

/// The largest differences of an edge, in pixels of the source or of the model's input, whichever are coarser, and of a
/// score.
#[derive(Default)]
struct Largest {
    edge_px: f32,
    score: f32,
}

impl Difference {
    fn between(case: &Case, found: &Detections, tolerance: &Tolerance) -> Self {
        let mut difference = Self::default();
        let mut rest: Vec<&Detection> = found.items.iter().collect();
        let certain = case.score_min + tolerance.weak.score;
        for reference in &case.found {
            match closest(&rest, reference) {
                Some(ours) => difference.add(reference, rest.swap_remove(ours), case.pixel()),
                None if reference.score < certain => {}
                None => difference.unmatched.push(format!("missing {reference:?}")),
            }
        }
        let surplus = rest.iter().filter(|ours| ours.score >= certain);
        difference.unmatched.extend(surplus.map(|ours| format!("surplus {ours:?}")));
        difference
    }

    fn add(&mut self, reference: &Reference, ours: &Detection, pixel: f32) {
        let largest = if reference.score > SURE { &mut self.sure } else { &mut self.weak };
        largest.edge_px = largest.edge_px.max(edge_difference(&ours.bbox, &reference.bbox) / pixel);
        largest.score = largest.score.max((ours.score - reference.score).abs());
    }

    fn within(&self, tolerance: &Tolerance) -> bool {
        self.sure.within(&tolerance.sure) && self.weak.within(&tolerance.weak) && self.unmatched.is_empty()
    }
}

impl Largest {
    fn within(&self, tolerance: &Self) -> bool {
        self.edge_px <= tolerance.edge_px && self.score <= tolerance.score
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sure, weak, unmatched } = self;
        write!(
            f,
            "sure within {:.3} px and {:.4}, weak within {:.3} px and {:.4}",
            sure.edge_px, sure.score, weak.edge_px, weak.score
        )?;
        unmatched.iter().try_for_each(|find| write!(f, ", {find}"))
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
    model: String,
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
    /// Pixels of the source in one of the model's input, at least 1: a model cannot tell apart what is finer.
    fn pixel(&self) -> f32 {
        let side = if self.model.starts_with("yolox") { 416.0 } else { 640.0 };
        (self.size.0.max(self.size.1) as f32 / side).max(1.0)
    }

    fn tolerance(&self) -> &'static Tolerance {
        match (self.frame, self.media.starts_with("pose/")) {
            (Some(_), _) => VIDEO,
            (None, true) => SMALL,
            (None, false) => STILLS,
        }
    }

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
    let wanted: Vec<usize> = cases.iter().filter_map(|case| case.frame).collect();
    let mut frames = video_frames(&folder.join("media/vtest.mp4"), &wanted);
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

/// Builds the output of a replay, all zero but for the anchors that it names, and decodes it.
fn decode_replayed(replay: &Value, source: (u32, u32)) -> Detections {
    let output = &replay["output"];
    let shape: Vec<usize> = output["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let mut data = vec![0.0_f32; shape[0] * shape[1]];
    let class_major = shape[0] < shape[1];
    let place = |anchor: usize, channel: usize| {
        if class_major { channel * shape[1] + anchor } else { anchor * shape[1] + channel }
    };
    for entry in output["anchors"].as_array().unwrap() {
        let (anchor, bbox) = (entry[0].as_u64().unwrap() as usize, entry[1].as_array().unwrap());
        for (channel, value) in bbox.iter().enumerate() {
            data[place(anchor, channel)] = value.as_f64().unwrap() as f32;
        }
        for class in entry[2].as_array().unwrap() {
            data[place(anchor, bbox.len() + class[0].as_u64().unwrap() as usize)] = class[1].as_f64().unwrap() as f32;
        }
    }
    let model = DetectionModel::bind(&signature_of(&shape), &FamilyHints::default()).unwrap();
    let output = TensorRef::from((&shape[..], &data[..]));
    model.decode(&output, &model.letterbox_for(source), &DetectOptions::default(), &mut Scratch::default()).unwrap()
}

/// The signature of the fixture's models, by the shape of one row of their output.
fn signature_of(shape: &[usize]) -> Signature {
    let fixed = |name: &str, dims: &[usize]| Port {
        name: name.to_owned(),
        element: ElementType::F32,
        dims: dims.iter().map(|&size| Dim::Fixed(size)).collect(),
    };
    let (width, height) = match shape {
        [_, 8400] | [25200, _] => (640, 640),
        [_, 6300] => (640, 480),
        other => {
            assert_eq!(other, [3549, 85]);
            (416, 416)
        }
    };
    let (inputs, outputs) =
        (vec![fixed("images", &[1, 3, height, width])], vec![fixed("output0", &[1, shape[0], shape[1]])]);
    Signature { inputs, outputs, ..Signature::default() }
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
        model: case["model"].as_str().unwrap().to_owned(),
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

/// Those frames; none of them, with a line that says so, where there is no ffmpeg.
pub(crate) fn video_frames(path: &Path, wanted: &[usize]) -> BTreeMap<usize, Picture> {
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
