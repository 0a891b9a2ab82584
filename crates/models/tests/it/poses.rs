//! The same people and key points as ultralytics' own code finds (`tools/reference/poses.py`), and what COCO's labels say of
//! them.

use crate::engines::each_engine;
use crate::files::{resolve, shared, starter};
use crate::recognition::signature;
use crate::reference::still;
use crate::serving::Serving;
use crate::through_runtime::grey;
use half::f16;
use proptest::prelude::*;
use samovar_engine_api::TensorRef;
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Rten};
use samovar_media::Letterbox;
use samovar_models::{
    BoundingBox, DetectOptions, DetectionModel, FamilyHints, FamilyKind, Keypoint, PersonPose, Poses,
};
use samovar_runtime::{RunErrorKind, Scratch};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What may differ: edges of boxes and key points in pixels of the source or of the model's input, whichever are coarser, and scores.
struct Tolerance {
    edge_px: f32,
    point_px: f32,
    score: f32,
}

/// A person above this score, and a key point above this visibility, is a sure one.
const SURE: f32 = 0.5;

/// Of sure key points of sure people, on stills. JPEG decoders and OpenCV's scaled pixels round to bytes, and a key point is held by less than
/// a box is: noise of one grey level in these pictures moves the reference's own key points by up to 3.4 px and its scores by 0.018.
const STILLS: Tolerance = Tolerance { edge_px: 1.0, point_px: 3.0, score: 0.02 };

/// Of the same key points on average over a picture: what noise does to single points does not add up, but a shift would.
const MEAN_POINT_PX: f32 = 0.4;

/// The same of people the model is not sure of.
const WEAK: Tolerance = Tolerance { edge_px: 5.0, point_px: 12.0, score: 0.05 };
/// Decoding alone, on the very output that the reference had; the fixture is rounded to 0.01 px.
const REPLAYED: Tolerance = Tolerance { edge_px: 0.02, point_px: 0.02, score: 0.0001 };

#[test]
fn yolov8n_pose_finds_who_and_what_ultralytics_finds() {
    assert_eq!(compare("shared:", Arc::new(Rten)), if shared().is_some() { 5 } else { 0 });
}

#[test]
fn the_starter_pose_model_is_read_as_ultralytics_reads_it_on_every_engine() {
    each_engine(|engine| assert_eq!(compare("starter:", engine), 3));
}

#[test]
fn real_outputs_are_decoded_as_ultralytics_does() {
    let fixture = fixture();
    let case = fixture["cases"].as_array().unwrap().iter().find(|case| case.get("output").is_some()).unwrap();
    let (shape, data) = replayed(&case["output"]);
    let model = DetectionModel::bind(&signature(&[1, 3, 640, 640], &[&[1, 56, 8400]], &[]), &FamilyHints::default());
    let model = model.unwrap();
    let letterbox = model.letterbox_for(size(case));
    let decode = |row: &TensorRef<'_>| {
        model.decode_poses(row, &letterbox, &DetectOptions::default(), &mut Scratch::default()).unwrap()
    };
    let poses = decode(&TensorRef::from((&shape[..], &data[..])));
    let found = people(&case["found"]);
    assert_eq!(poses.items.len(), found.len());
    for (ours, theirs) in poses.items.iter().zip(&found) {
        let difference = Difference::between(ours, theirs, size(case));
        assert!(difference.within(&REPLAYED, 1.0), "{difference:?}");
    }
    // The same numbers in 16 bits and in 32 are the same people.
    let halves: Vec<f16> = data.iter().map(|value| f16::from_f32(*value)).collect();
    let rounded: Vec<f32> = halves.iter().map(|value| value.to_f32()).collect();
    assert_eq!(
        decode(&TensorRef::from((&shape[..], &halves[..]))),
        decode(&TensorRef::from((&shape[..], &rounded[..])))
    );
}

/// What the test set's manifest says.
#[test]
fn yolov8n_pose_finds_the_four_people_of_the_street() {
    let Some(folder) = shared() else { return };
    let serving = serve(Arc::new(Rten), folder.join("yolov8n-pose/yolov8n-pose.onnx"));
    let poses = serving.poses(&still(&folder.join("media/bus.jpg"))).unwrap();
    let scores: Vec<f32> = poses.items.iter().map(|person| person.score).collect();
    for (score, expected) in scores.iter().zip([0.88, 0.88, 0.87, 0.35]) {
        assert!((score - expected).abs() < 0.01, "{scores:?}");
    }
    let left = poses.items.iter().min_by(|a, b| a.keypoints[0].x.total_cmp(&b.keypoints[0].x)).unwrap();
    println!("scores {scores:?}, nose of the leftmost {:?}", left.keypoints[0]);
    assert_eq!((poses.width, poses.height, scores.len(), poses.not_finite), (810, 1080, 4, 0));
    let man = poses.items.iter().find(|person| (person.keypoints[0].x - 143.0).abs() < 3.0).unwrap();
    assert!((man.keypoints[0].y - 442.0).abs() < 3.0);
    assert!([15, 16].iter().all(|&ankle| (845.0..880.0).contains(&man.keypoints[ankle].y)), "{man:?}");
}

/// COCO's object key point similarity with the labelled people: the area of a person is 0.53 of its box.
#[test]
fn yolov8n_pose_agrees_with_the_labels_of_coco() {
    let Some(folder) = shared() else { return };
    let serving = serve(Arc::new(Rten), folder.join("yolov8n-pose/yolov8n-pose.onnx"));
    let found = |name: &str| serving.poses(&still(&folder.join(format!("media/pose/{name}.jpg")))).unwrap();
    let crowd = found("000000000110");
    let labelled = labels(&folder.join("media/pose/000000000110.txt"), (crowd.width, crowd.height));
    println!("000000000110: {} found, {} labelled", crowd.items.len(), labelled.len());
    let found_as: BTreeSet<usize> = labelled.iter().filter_map(|label| found_as(label, &crowd)).collect();
    assert_eq!((crowd.items.len(), labelled.len(), found_as.len()), (8, 8, 8), "each label has a find of its own");
    let few = found("000000000113");
    let labelled = labels(&folder.join("media/pose/000000000113.txt"), (few.width, few.height));
    let best: Vec<f64> = labelled.iter().map(|label| best_similarity(label, &few)).collect();
    println!("000000000113: {best:.3?}");
    for (similarity, expected) in best.iter().zip([0.86, 0.57, 0.95]) {
        assert!((similarity - expected).abs() < 0.02, "{best:?}");
    }
    assert_eq!((few.items.len(), best.len()), (3, 3));
}

#[test]
fn a_picture_in_a_batch_gives_bit_for_bit_what_it_gives_alone() {
    let serving = Serving::start(Arc::new(Rten), starter("models/starter-pose.onnx"), 3).unwrap();
    let pictures: Vec<_> = (1..=3).map(|number| still(&starter(&format!("samples/still-{number}.jpg")))).collect();
    let alone: Vec<Poses> = pictures.iter().map(|picture| serving.poses(picture).unwrap()).collect();
    let estimator = serving.pose_estimator();
    let together = serving
        .together(3, |key, call| estimator.estimate(pictures[key].clone(), DetectOptions::default(), call).unwrap());
    assert!(together.iter().any(|(_, rows)| *rows > 1), "some of them shared a run");
    for (alone, (together, _)) in alone.iter().zip(&together) {
        assert!(!alone.items.is_empty());
        assert_eq!(alone, together);
    }
}

#[test]
fn a_pose_model_still_gives_boxes() {
    let serving = serve(Arc::new(Rten), starter("models/starter-pose.onnx"));
    let picture = still(&starter("samples/still-1.jpg"));
    let (boxes, poses) = (serving.detect(&picture).unwrap(), serving.poses(&picture).unwrap());
    assert_eq!(serving.pose_estimator().model().unwrap().keypoint_count(), Some(17));
    assert!(!poses.items.is_empty());
    let of_poses: Vec<(BoundingBox, f32)> = poses.items.iter().map(|person| (person.bbox, person.score)).collect();
    assert_eq!(boxes.items.iter().map(|item| (item.bbox, item.score)).collect::<Vec<_>>(), of_poses);
}

#[test]
fn a_detector_is_told_to_find_no_key_points() {
    let detector = serve(Arc::new(Rten), starter("models/starter-detect.onnx"));
    let yolo = FamilyHints { family: Some(FamilyKind::Yolo), ..FamilyHints::default() };
    let pose = starter("models/starter-pose.onnx");
    let configured = Serving::start_hinted(Arc::new(Rten), pose, 1, yolo).unwrap();
    let score = serve(Arc::new(Rten), starter("models/starter-stg-nf.onnx"));
    for serving in [detector, configured, score] {
        let error = serving.poses(&grey(64, 64)).unwrap_err();
        assert_eq!(error.kind(), RunErrorKind::Input { code: "wrong_family" });
        assert!(error.to_string().contains("finds no key points"), "{error}");
    }
}

#[test]
fn any_number_of_key_points_is_read() {
    // Two points of two values on an input of 21 anchors; the thing lies in the third.
    let hands = [("names", "{0: 'hand', 1: 'paw'}"), ("kpt_shape", "[2, 2]")];
    let model = DetectionModel::bind(&signature(&[1, 3, 32, 32], &[&[1, 21, 10]], &hands), &FamilyHints::default());
    let model = model.unwrap();
    let mut data = vec![0.0_f32; 210];
    data[20..30].copy_from_slice(&[16.0, 16.0, 8.0, 8.0, 0.1, 0.9, 14.0, 15.0, 40.0, -4.0]);
    let poses = decode(&model, &[21, 10], &data);
    assert_eq!((model.kind(), model.keypoint_count(), model.labels().len()), (FamilyKind::YoloPose, Some(2), 2));
    let points: Vec<(f32, f32, f32)> = poses.items[0].keypoints.iter().map(|at| (at.x, at.y, at.score)).collect();
    assert_eq!(points, [(14.0, 15.0, 1.0), (40.0, -4.0, 1.0)], "points outside the picture stay there");
    // Without metadata the configured family says that there are points, of three values each.
    let bare = signature(&[1, 3, 32, 32], &[&[1, 5 + 3 * 21, 21]], &[]);
    let hints = FamilyHints { family: Some(FamilyKind::YoloPose), ..FamilyHints::default() };
    assert_eq!(DetectionModel::bind(&bare, &hints).unwrap().keypoint_count(), Some(21));
}

#[test]
fn who_has_a_point_that_is_no_number_is_left_out_and_counted() {
    let model = DetectionModel::bind(&signature(&[1, 3, 32, 32], &[&[1, 56, 21]], &[]), &FamilyHints::default());
    let model = model.unwrap();
    let mut data = vec![0.0_f32; 56 * 21];
    let mut person = |anchor: usize, x: f32, spoilt: Option<(usize, f32)>| {
        for (channel, value) in [x, 16.0, 4.0, 8.0, 0.9].into_iter().enumerate() {
            data[channel * 21 + anchor] = value;
        }
        if let Some((channel, value)) = spoilt {
            data[channel * 21 + anchor] = value;
        }
    };
    person(0, 4.0, None);
    person(1, 12.0, Some((5 + 50, f32::NAN)));
    person(2, 20.0, Some((5, f32::INFINITY)));
    person(3, 28.0, Some((5 + 2, 7.0)));
    let poses = decode(&model, &[56, 21], &data);
    assert_eq!((poses.items.len(), poses.not_finite), (2, 2));
    assert_eq!(poses.items[1].keypoints[0].score, 1.0, "no visibility above 1");
    assert!(
        model
            .decode_poses(&TensorRef::from((&[21, 56][..], &data[..])), &square(), &all(), &mut Scratch::default())
            .is_err()
    );
}

proptest! {
    /// Whatever an output holds, what is given is people in the picture with finite key points, or an error.
    #[test]
    fn any_output_gives_people_of_numbers_or_an_error(
        mut data in prop::collection::vec(prop_oneof![any::<f32>(), 0.0_f32..64.0], 14 * 21),
        scores in prop::collection::vec(0.0_f32..1.0, 21),
    ) {
        let shape = [("kpt_shape", "[3, 3]")];
        let model = DetectionModel::bind(&signature(&[1, 3, 32, 32], &[&[1, 14, 21]], &shape), &FamilyHints::default());
        let model = model.unwrap();
        data[4 * 21..5 * 21].copy_from_slice(&scores);
        let row = TensorRef::from((&[14, 21][..], &data[..]));
        let Ok(poses) = model.decode_poses(&row, &square(), &all(), &mut Scratch::default()) else { return Ok(()) };
        prop_assert!(poses.items.len() + poses.not_finite as usize <= 21);
        for person in &poses.items {
            let BoundingBox { x1, y1, x2, y2 } = person.bbox;
            prop_assert!(0.0 <= x1 && x1 < x2 && x2 <= 32.0 && 0.0 <= y1 && y1 < y2 && y2 <= 32.0);
            let sound = |at: &Keypoint| at.x.is_finite() && at.y.is_finite() && (0.0..=1.0).contains(&at.score);
            prop_assert!(person.keypoints.len() == 3 && person.keypoints.iter().all(sound));
        }
    }
}

#[test]
fn a_model_whose_key_points_are_no_numbers_does_not_come_into_service() {
    let fake = FakeModel::new(signature(&[0, 3, 32, 32], &[&[0, 56, 21]], &[]));
    let engine = Arc::new(FakeEngine::new().with("model.onnx", &fake));
    let serving = serve(engine.clone(), PathBuf::from("model.onnx"));
    fake.fail_every_run(Some(FakeFault::Nan));
    assert_eq!(serving.poses(&grey(8, 8)).unwrap_err().kind(), RunErrorKind::Internal);
    assert!(Serving::start(engine, PathBuf::from("model.onnx"), 1).is_err());
    fake.fail_every_run(None);
    assert!(serving.poses(&grey(8, 8)).is_ok(), "the next one is served");
}

#[test]
fn options_limit_people_as_they_limit_boxes() {
    let serving = serve(Arc::new(Rten), starter("models/starter-pose.onnx"));
    let picture = still(&starter("samples/still-3.jpg"));
    let poses = |options| serving.poses_with(&picture, options);
    let all = poses(DetectOptions::default()).unwrap().items;
    let two = poses(DetectOptions { detections_max: 2, ..DetectOptions::default() }).unwrap().items;
    let sure = poses(DetectOptions { score_min: 0.8, ..DetectOptions::default() }).unwrap().items;
    assert!(all.len() > 3 && two == all[..2] && sure == all[..sure.len()] && sure.len() < all.len());
    let refused = poses(DetectOptions { classes: Some(Arc::new([1])), ..DetectOptions::default() }).unwrap_err();
    assert_eq!(refused.kind(), RunErrorKind::Input { code: "unknown_class" });
}

fn decode(model: &DetectionModel, shape: &[usize], data: &[f32]) -> Poses {
    model.decode_poses(&TensorRef::from((shape, data)), &square(), &all(), &mut Scratch::default()).unwrap()
}

fn square() -> Letterbox {
    Letterbox::centered((32, 32), (32, 32))
}

fn all() -> DetectOptions {
    DetectOptions::default()
}

fn serve(engine: Arc<dyn samovar_engine_api::Engine>, model: PathBuf) -> Serving {
    Serving::start(engine, model, 1).unwrap()
}

/// Runs the fixture's cases of one folder; how many there were.
fn compare(folder: &str, engine: Arc<dyn samovar_engine_api::Engine>) -> usize {
    let fixture = fixture();
    let cases: Vec<_> = fixture["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["model"].as_str().unwrap().starts_with(folder))
        .collect();
    let Some(model) = cases.first().and_then(|case| resolve(&case["model"])) else { return 0 };
    let serving = serve(engine, model);
    for case in &cases {
        let poses = serving.poses(&still(&resolve(&case["picture"]).unwrap())).unwrap();
        assert_eq!(((poses.width, poses.height), poses.not_finite), (size(case), 0));
        check(case, &poses);
    }
    cases.len()
}

fn check(case: &Value, poses: &Poses) {
    let name = case["picture"].as_str().unwrap();
    let side = if name.starts_with("starter") { 512.0 } else { 640.0 };
    let pixel = (poses.width.max(poses.height) as f32 / side).max(1.0);
    let mut rest: Vec<&PersonPose> = poses.items.iter().collect();
    let (mut sure, mut weak) = (Difference::default(), Difference::default());
    for theirs in people(&case["found"]) {
        let closest =
            (0..rest.len()).max_by(|a, b| rest[*a].bbox.iou(&theirs.bbox).total_cmp(&rest[*b].bbox.iou(&theirs.bbox)));
        let ours = closest.filter(|index| rest[*index].bbox.iou(&theirs.bbox) > 0.5);
        let Some(ours) = ours else {
            assert!(theirs.score < 0.25 + WEAK.score, "{name}: missing {theirs:?}");
            continue;
        };
        let difference = Difference::between(rest.swap_remove(ours), &theirs, (poses.width, poses.height));
        let worst = if theirs.score > SURE { &mut sure } else { &mut weak };
        worst.widen(&difference);
    }
    assert!(rest.iter().all(|ours| ours.score < 0.25 + WEAK.score), "{name}: surplus {rest:?}");
    let mean = sure.mean_point_px() / pixel;
    println!("{name}: {} people, sure {sure:.3?}, mean {mean:.3}, weak {weak:.3?}", poses.items.len());
    assert!(mean <= MEAN_POINT_PX, "{name}: {mean}");
    assert!(sure.within(&STILLS, pixel) && weak.within(&WEAK, pixel), "{name}: sure {sure:?}, weak {weak:?}");
}

/// The largest differences of two people.
#[derive(Clone, Copy, Debug, Default)]
struct Difference {
    edge_px: f32,
    /// Of key points that are seen, clipped to the picture as ultralytics does it.
    point_px: f32,
    /// Of those key points together, and how many they are.
    points_px: (f32, usize),
    /// Of the person and of its key points.
    score: f32,
}

impl Difference {
    fn between(ours: &PersonPose, theirs: &PersonPose, (width, height): (u32, u32)) -> Self {
        let edges = |b: &BoundingBox| [b.x1, b.y1, b.x2, b.y2];
        let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
        let (a, b) = (edges(&ours.bbox), edges(&theirs.bbox));
        let edge_px = largest(&mut a.iter().zip(&b).map(|(a, b)| (a - b).abs()));
        let clipped = |value: f32, limit: u32| value.clamp(0.0, limit as f32);
        let points = || ours.keypoints.iter().zip(&theirs.keypoints).filter(|(_, theirs)| theirs.score > SURE);
        let distances: Vec<f32> = points()
            .map(|(a, b)| {
                (clipped(a.x, width) - b.x.clamp(0.0, width as f32))
                    .hypot(clipped(a.y, height) - b.y.clamp(0.0, height as f32))
            })
            .collect();
        let scores = points().map(|(a, b)| (a.score - b.score).abs());
        let score = largest(&mut scores.chain(std::iter::once((ours.score - theirs.score).abs())));
        let points_px = (distances.iter().sum(), distances.len());
        Self { edge_px, point_px: distances.into_iter().fold(0.0, f32::max), points_px, score }
    }

    fn widen(&mut self, other: &Self) {
        self.edge_px = self.edge_px.max(other.edge_px);
        self.point_px = self.point_px.max(other.point_px);
        self.points_px = (self.points_px.0 + other.points_px.0, self.points_px.1 + other.points_px.1);
        self.score = self.score.max(other.score);
    }

    fn mean_point_px(&self) -> f32 {
        self.points_px.0 / self.points_px.1.max(1) as f32
    }

    fn within(&self, tolerance: &Tolerance, pixel: f32) -> bool {
        self.edge_px <= tolerance.edge_px * pixel
            && self.point_px <= tolerance.point_px * pixel
            && self.score <= tolerance.score
    }
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/poses.json")).unwrap()
}

fn size(case: &Value) -> (u32, u32) {
    let side = |key: &str| case[key].as_u64().unwrap() as u32;
    (side("width"), side("height"))
}

fn people(found: &Value) -> Vec<PersonPose> {
    found.as_array().unwrap().iter().map(person).collect()
}

fn person(found: &Value) -> PersonPose {
    let [x1, y1, x2, y2] = numbers(&found["bbox"])[..] else { panic!("four edges") };
    let point = |point: &Value| {
        let values = numbers(point);
        Keypoint { x: values[0], y: values[1], score: values[2] }
    };
    PersonPose {
        score: found["score"].as_f64().unwrap() as f32,
        bbox: [x1, y1, x2, y2].into(),
        keypoints: found["keypoints"].as_array().unwrap().iter().map(point).collect(),
    }
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

/// The output of a replay, all zero but for the anchors that it names.
fn replayed(output: &Value) -> (Vec<usize>, Vec<f32>) {
    let shape: Vec<usize> = numbers(&output["shape"]).iter().map(|size| *size as usize).collect();
    let mut data = vec![0.0; shape[0] * shape[1]];
    for entry in output["anchors"].as_array().unwrap() {
        for (channel, value) in numbers(&entry[1]).into_iter().enumerate() {
            data[channel * shape[1] + entry[0].as_u64().unwrap() as usize] = value;
        }
    }
    (shape, data)
}

/// The find that overlaps the labelled box by more than half.
fn found_as(label: &Label, poses: &Poses) -> Option<usize> {
    poses.items.iter().position(|person| person.bbox.iou(&label.bbox) > 0.5)
}

/// One labelled person: box and area in pixels, and (x, y) of the labelled points by index.
struct Label {
    bbox: BoundingBox,
    area: f64,
    points: Vec<(usize, f64, f64)>,
}

/// YOLO's text format: class, box, 17 × (x, y, visibility), as shares of the picture.
fn labels(path: &std::path::Path, (width, height): (u32, u32)) -> Vec<Label> {
    let (width, height) = (f64::from(width), f64::from(height));
    let line = |line: &str| {
        let values: Vec<f64> = line.split_whitespace().map(|value| value.parse().unwrap()).collect();
        let points = values[5..].chunks_exact(3).enumerate().filter(|(_, point)| point[2] > 0.0);
        let [x, y] = [values[1] * width, values[2] * height];
        let [half_width, half_height] = [values[3] * width / 2.0, values[4] * height / 2.0];
        Label {
            bbox: [x - half_width, y - half_height, x + half_width, y + half_height].map(|edge| edge as f32).into(),
            area: 0.53 * values[3] * width * values[4] * height,
            points: points.map(|(index, point)| (index, point[0] * width, point[1] * height)).collect(),
        }
    };
    std::fs::read_to_string(path).unwrap().lines().map(line).collect()
}

/// COCO's falloff of each key point.
const SIGMAS: [f64; 17] = [
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
];

fn best_similarity(label: &Label, poses: &Poses) -> f64 {
    let of = |person: &PersonPose| {
        let each = label.points.iter().map(|&(index, x, y)| {
            let point = person.keypoints[index];
            let distance = (f64::from(point.x) - x).powi(2) + (f64::from(point.y) - y).powi(2);
            (-distance / (2.0 * label.area * (2.0 * SIGMAS[index]).powi(2))).exp()
        });
        each.sum::<f64>() / label.points.len() as f64
    };
    poses.items.iter().map(of).fold(0.0, f64::max)
}
