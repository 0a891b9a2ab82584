//! The same faces as OpenCV's `FaceDetectorYN` finds (`tools/reference/faces.py`).

use crate::engines::each_engine;
use crate::files::{resolve, shared};
use crate::recognition::{port, signature};
use crate::reference::still;
use crate::serving::{Serving, call};
use crate::through_runtime::grey;
use bytes::Bytes;
use samovar_engine_api::Signature;
use samovar_engines::{FakeEngine, FakeModel, Rten};
use samovar_media::{Frame, FramePool, ImageEncoding, ImageLimits, Picture, PixelFormat, encode_image};
use samovar_models::{FACES_MAX, Face, FaceDetector, FaceOptions, Faces, FamilyHints, FamilyKind, recognise};
use samovar_runtime::{FailureKind, RunError, RunErrorKind};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const MODEL: &str = "shared:yunet/face_detection_yunet_2023mar.onnx";

/// Of edges and landmarks, in pixels of pictures that are scaled by up to 2, and of scores: what is left over is the rounding of JPEG
/// decoders and of OpenCV's scaled pixels. Where the pixels are the same, see `any_size_is_taken`.
const STILL: (f32, f32) = (1.0, 0.005);

/// On the same pixels: the fixture is rounded to 0.001 px.
const EXACT: (f32, f32) = (0.01, 1e-4);

#[test]
fn faces_are_those_of_opencv_on_every_engine() {
    let Some(folder) = shared() else { return };
    each_engine(|engine| {
        let serving = Serving::start(engine, resolve(&MODEL.into()).unwrap(), 1).unwrap();
        let model = FaceDetector::new(serving.handle()).model().unwrap();
        assert_eq!((model.kind().name(), model.input_sizes()), ("yunet", [(640, 640)].as_slice()));
        for case in fixture()["stills"].as_array().unwrap() {
            let found = find(&serving, &still(&folder.join("media").join(case["media"].as_str().unwrap()))).unwrap();
            let expected = listed(&case["faces"]);
            let (points, scores) = furthest(&found.items, &expected);
            println!("{}: {} faces within {points:.3} px, {scores:.5}", case["media"], found.items.len());
            assert_eq!((found.items.len(), found.not_finite), (expected.len(), 0), "{}", case["media"]);
            assert!(points <= STILL.0 && scores <= STILL.1, "{}: {points} px, {scores}", case["media"]);
            // What OpenCV finds in the picture at its own size are the same faces.
            for (face, whole) in found.items.iter().zip(listed(&case["whole"])) {
                assert!(face.bbox.iou(&whole.bbox) > 0.7, "{}: {face:?}", case["media"]);
            }
        }
    });
}

/// Graphs with dynamic height and width get the rectangle that holds the picture; boxes, points and scores are then OpenCV's on the
/// very same pixels.
#[test]
fn any_size_is_taken() {
    let serving = Serving::start(Arc::new(Rten), fixtures("yunet_random.onnx"), 2).unwrap();
    let detector = FaceDetector::new(serving.handle());
    assert_eq!(detector.model().unwrap().input_sizes().len(), 5);
    for case in fixture()["any_size"].as_array().unwrap() {
        let (size, input) = (pair(&case["size"]), pair(&case["input"]));
        assert_eq!(detector.model().unwrap().letterbox_for(size).target, input);
        let picture: Picture = drawn(size).into();
        let (score_min, iou_max) = (number(&case["score_min"]), number(&case["iou_max"]));
        let options = FaceOptions { score_min, iou_max, ..FaceOptions::default() };
        let together = serving.together(2, |_, call| detector.detect(picture.clone(), options, call).unwrap());
        let expected = listed(&case["faces"]);
        for (found, rows) in together {
            assert_eq!((rows, found.items.len()), (2, expected.len()));
            let (points, scores) = furthest(&found.items, &expected);
            println!("{size:?}: {} faces within {points:.4} px, {scores:.6}", found.items.len());
            assert!(points <= EXACT.0 && scores <= EXACT.1, "{points} px, {scores}");
        }
    }
}

#[test]
fn a_picture_without_faces_has_none_whatever_its_size() {
    if shared().is_none() {
        return;
    }
    let serving = yunet();
    for (width, height) in [(1, 1), (1, 8192), (8192, 1), (640, 640), (4096, 4096), (7, 3000)] {
        let found = find(&serving, &grey(width, height)).unwrap();
        assert_eq!((found.width, found.height, found.items.len()), (width, height, 0));
    }
}

/// Small pictures are not scaled up, and faces at their edge are clipped to them.
#[test]
fn a_cutout_of_a_face_is_found() {
    let Some(folder) = shared() else { return };
    let serving = yunet();
    let whole = still(&folder.join("media/two_people.jpg"));
    let frame = whole.frame(&FramePool::new(0)).unwrap();
    let face = find(&serving, &whole).unwrap().items[0];
    let (x, y) = (face.bbox.x1 as u32 - 4, face.bbox.y1 as u32 + 12);
    let cut = cutout(&frame, (x, y), (170, 200));
    let found = find(&serving, &cut.into()).unwrap();
    let again = found.items[0];
    println!("{face:?} {again:?}");
    assert!(again.bbox.x1 >= 0.0 && again.bbox.y1 >= 0.0 && again.bbox.x2 <= 170.0 && again.bbox.y2 <= 200.0);
    for (before, after) in face.landmarks.iter().zip(again.landmarks) {
        let (dx, dy) = (before.0 - x as f32 - after.0, before.1 - y as f32 - after.1);
        // A tenth of the face: what is cut off was seen before.
        assert!(dx.hypot(dy) < 0.1 * face.bbox.width(), "{dx} {dy}");
    }
}

/// Faces are told in the picture as people see it: standing upright.
#[test]
fn a_picture_that_lies_on_its_side_is_turned_first() {
    let Some(folder) = shared() else { return };
    let serving = yunet();
    let picture = still(&folder.join("media/zidane.jpg"));
    let upright = find(&serving, &picture).unwrap();
    let lying = quarter_turn(&picture.frame(&FramePool::new(0)).unwrap());
    let jpeg = encode_image(&lying, ImageEncoding::Jpeg { quality: 100 }, &FramePool::new(0)).unwrap();
    let turned = Picture::encoded(with_orientation(&jpeg, 6), ImageLimits::default()).unwrap();
    assert_eq!(turned.size(), picture.size());
    let found = find(&serving, &turned).unwrap();
    assert_eq!((found.width, found.height, found.items.len()), (1280, 720, upright.items.len()));
    let (points, scores) = furthest(&found.items, &upright.items);
    assert!(points < 3.0 && scores < 0.02, "{points} px, {scores}");
}

#[test]
fn options_out_of_bounds_are_refused_before_anything_is_queued() {
    if shared().is_none() {
        return;
    }
    let serving = yunet();
    let detector = FaceDetector::new(serving.handle());
    let default = FaceOptions::default();
    for options in [
        FaceOptions { score_min: f32::NAN, ..default },
        FaceOptions { score_min: -1.0, ..default },
        FaceOptions { iou_max: 2.0, ..default },
        FaceOptions { faces_max: 0, ..default },
        FaceOptions { faces_max: FACES_MAX + 1, ..default },
    ] {
        let error = detector.detect(grey(64, 64), options, call(0)).err().unwrap();
        assert_eq!(error.kind(), RunErrorKind::Input { code: "invalid_option" }, "{options:?}");
    }
    let wrong = RunErrorKind::Input { code: "wrong_family" };
    assert_eq!(serving.detect(&grey(64, 64)).unwrap_err().kind(), wrong);
    let waited = serving
        .block_on(async { detector.detect_waiting(grey(9, 9), FaceOptions::default(), call(1)).await?.await })
        .unwrap();
    assert_eq!(waited.output.items, []);
}

#[test]
fn the_limit_keeps_the_best() {
    let serving = Serving::start(Arc::new(Rten), fixtures("yunet_random.onnx"), 1).unwrap();
    let picture: Picture = drawn((320, 240)).into();
    let best = |faces_max, score_min| {
        let options = FaceOptions { faces_max, score_min, ..FaceOptions::default() };
        let pending = FaceDetector::new(serving.handle()).detect(picture.clone(), options, call(0)).unwrap();
        serving.block_on(pending).unwrap().output.items
    };
    let (few, many) = (best(5, 0.9), best(300, 0.9));
    assert_eq!((few.len(), few.as_slice()), (5, &many[..5]));
    assert!(many.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert_eq!(best(1_000, 1.0), []);
}

#[test]
fn other_signatures_are_told_what_is_missing() {
    let outputs = |cells: [usize; 3]| {
        let level = |(stride, cells): (usize, usize)| {
            [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)]
                .map(|(name, values)| port(&format!("{name}_{stride}"), &[0, cells, values]))
        };
        [8, 16, 32].into_iter().zip(cells).flat_map(level).collect::<Vec<_>>()
    };
    let made = |input: &[usize], outputs| Signature { outputs, ..signature(input, &[], &[]) };
    let family = |signature: &Signature, family| {
        let hints = FamilyHints { family, ..FamilyHints::default() };
        recognise(signature, &hints).map(|family| family.name()).map_err(|error| error.0)
    };
    assert_eq!(family(&made(&[1, 3, 320, 320], outputs([1600, 400, 100])), None).unwrap(), "yunet");
    assert_eq!(family(&made(&[0, 3, 0, 0], outputs([0, 0, 0])), None).unwrap(), "yunet");
    let configured = Some(FamilyKind::Yunet);
    for (signature, said) in [
        (made(&[1, 3, 640, 640], outputs([1600, 400, 100])), "`cls_8` is missing or does not fit"),
        (made(&[1, 3, 320, 320], outputs([1600, 400, 100])[..11].to_vec()), "`kps_32` is missing"),
        (made(&[1, 3, 330, 330], outputs([0, 0, 0])), "multiples of 32"),
        (made(&[1, 1, 320, 320], outputs([1600, 400, 100])), "[batch, 3, height, width]"),
    ] {
        let refused = family(&signature, configured).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}

/// What a signature does not tell is found out by the warm-up.
#[test]
fn outputs_that_do_not_fit_fail_the_load() {
    let outputs: Vec<_> = [8, 16, 32]
        .into_iter()
        .flat_map(|stride| {
            [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)]
                .map(|(name, values)| port(&format!("{name}_{stride}"), &[0, 0, values]))
        })
        .collect();
    let fake = FakeModel::new(Signature { outputs, ..signature(&[0, 3, 64, 64], &[], &[]) });
    let engine = FakeEngine::new().with("model.onnx", &fake);
    let failure = Serving::start(Arc::new(engine), PathBuf::from("model.onnx"), 1).err().unwrap();
    assert_eq!(failure.kind, FailureKind::WarmUp);
}

fn yunet() -> Serving {
    Serving::start(Arc::new(Rten), resolve(&MODEL.into()).unwrap(), 1).unwrap()
}

fn find(serving: &Serving, picture: &Picture) -> Result<Faces, RunError> {
    let detector = FaceDetector::new(serving.handle());
    let pending = detector.detect(picture.clone(), FaceOptions::default(), call(0))?;
    serving.block_on(pending).map(|completed| completed.output)
}

/// How far in pixels the edges and landmarks of what was expected are from those found that are nearest, and its score.
fn furthest(found: &[Face], expected: &[Face]) -> (f32, f32) {
    let mut furthest = (0.0_f32, 0.0_f32);
    for expected in expected {
        let apart = found.iter().map(|found| (apart(found, expected), (found.score - expected.score).abs()));
        let (points, score) = apart.min_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
        furthest = (furthest.0.max(points), furthest.1.max(score));
    }
    furthest
}

/// The largest difference of an edge or a landmark.
fn apart(one: &Face, other: &Face) -> f32 {
    let (a, b) = (one.bbox, other.bbox);
    let edges = [a.x1 - b.x1, a.y1 - b.y1, a.x2 - b.x2, a.y2 - b.y2];
    let points = one.landmarks.iter().zip(other.landmarks).flat_map(|(a, b)| [a.0 - b.0, a.1 - b.1]);
    edges.into_iter().chain(points).map(f32::abs).fold(0.0, f32::max)
}

pub(crate) fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/faces.json")).unwrap()
}

pub(crate) fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn listed(faces: &Value) -> Vec<Face> {
    let face = |face: &Value| Face {
        bbox: <[f32; 4]>::try_from(numbers(&face["box"])).unwrap().into(),
        score: number(&face["score"]),
        landmarks: points(&face["points"]),
    };
    faces.as_array().unwrap().iter().map(face).collect()
}

pub(crate) fn points(list: &Value) -> [(f32, f32); 5] {
    let point = |point: &Value| (number(&point[0]), number(&point[1]));
    list.as_array().unwrap().iter().map(point).collect::<Vec<_>>().try_into().unwrap()
}

pub(crate) fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(number).collect()
}

fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

pub(crate) fn pair(list: &Value) -> (u32, u32) {
    (list[0].as_u64().unwrap() as u32, list[1].as_u64().unwrap() as u32)
}

/// The picture that `faces.py` draws: waves of another length in each channel.
pub(crate) fn drawn((width, height): (u32, u32)) -> Frame {
    let wave = |x: u32, y: u32, channel: u32| {
        let (x, y, c) = (f64::from(x), f64::from(y), f64::from(channel));
        (128.0 + 60.0 * (x / (7.0 + c)).sin() + 60.0 * (y / (9.0 - c) + x * y / 9_000.0).cos()).floor() as u8
    };
    frame_of((width, height), |x, y| [0, 1, 2].map(|channel| wave(x, y, channel)))
}

fn cutout(frame: &Frame, (left, top): (u32, u32), size: (u32, u32)) -> Frame {
    frame_of(size, |x, y| pixel(frame, left + x, top + y))
}

/// Turned left by a quarter: what a camera stores that was held on its side.
fn quarter_turn(frame: &Frame) -> Frame {
    let (width, height) = (frame.width(), frame.height());
    frame_of((height, width), |x, y| pixel(frame, width - 1 - y, x))
}

fn pixel(frame: &Frame, x: u32, y: u32) -> [u8; 3] {
    let at = (y * frame.width() + x) as usize * 3;
    frame.pixels()[at..at + 3].try_into().unwrap()
}

fn frame_of((width, height): (u32, u32), pixel: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
    let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(width, height));
    let mut frame = Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels);
    for (index, rgb) in frame.pixels_mut().chunks_exact_mut(3).enumerate() {
        rgb.copy_from_slice(&pixel(index as u32 % width, index as u32 / width));
    }
    frame
}

/// The same JPEG with an EXIF segment that holds the orientation alone.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Bytes {
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    exif.extend(entry);
    exif.extend([0; 4]);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes.into()
}
