//! The same appearances as OSNet gives in ONNX Runtime on crops by OpenCV (`tools/reference/appearances.py`).

use crate::engines::each_engine;
use crate::files::{resolve, shared};
use crate::recognition::signature;
use crate::reference::{still, video_frames};
use crate::serving::{Serving, call};
use crate::through_runtime::grey;
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Rten};
use samovar_models::{Appearance, BoundingBox, FamilyHints, FamilyKind, recognise};
use samovar_runtime::{FailureKind, RunErrorKind};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

const MODEL: &str = "shared:osnet-x0.25/osnet_x0_25_msmt17.onnx";

/// Cosine with the reference's vector, on stills: what is left over is the rounding of JPEG decoders and of OpenCV's crops.
const STILL_MIN: f32 = 0.998;

/// Of the similarity of two people in video: both sides resize the planes of a crop and mix them then. (Another way to take the
/// colour between the samples moves the same similarities by up to 0.07: this network sees it.)
const VIDEO_TOLERANCE: f32 = 0.005;

#[test]
fn people_look_as_they_do_to_osnet_on_every_engine() {
    let Some(folder) = shared() else { return };
    each_engine(|engine| {
        let serving = Serving::start(engine, resolve(&MODEL.into()).unwrap(), 1).unwrap();
        let model = serving.encoder().model().unwrap();
        assert_eq!((model.kind().name(), model.input_size(), model.numbers()), ("re-identification", (128, 256), 512));
        for case in fixture()["stills"].as_array().unwrap() {
            let picture = still(&folder.join("media").join(case["media"].as_str().unwrap()));
            for (bbox, vector) in boxes(&case["boxes"]).into_iter().zip(case["vectors"].as_array().unwrap()) {
                let ours = serving.appearance(&picture, bbox).unwrap();
                let similarity = ours.similarity(&Appearance::unit(numbers(vector)).unwrap());
                println!("{} {bbox:?}: {similarity:.5}", case["media"]);
                assert!(similarity >= STILL_MIN, "{} {bbox:?}: {similarity}", case["media"]);
            }
        }
    });
}

/// One second of a street: how alike everybody in one frame is to everybody in the other.
#[test]
fn people_are_as_alike_as_they_are_to_osnet() {
    let Some(folder) = shared() else { return };
    let video = &fixture()["video"];
    let indices: Vec<usize> = numbers(&video["frames"]).iter().map(|frame| *frame as usize).collect();
    let frames = video_frames(&folder.join("media/vtest.mp4"), &indices);
    if frames.is_empty() {
        return;
    }
    let serving = Serving::start(Arc::new(Rten), resolve(&MODEL.into()).unwrap(), 1).unwrap();
    let looks = |frame: usize| -> Vec<Appearance> {
        let boxes = boxes(&video["boxes"][frame]).into_iter();
        boxes.map(|bbox| serving.appearance(&frames[&indices[frame]], bbox).unwrap()).collect()
    };
    let (before, after) = (looks(0), looks(1));
    let mut furthest = 0.0_f32;
    for (one, row) in before.iter().zip(video["similarity"].as_array().unwrap()) {
        for (other, expected) in after.iter().zip(numbers(row)) {
            furthest = furthest.max((one.similarity(other) - expected).abs());
        }
    }
    println!("{} people, then {}: similarities within {furthest:.4}", before.len(), after.len());
    assert!(furthest <= VIDEO_TOLERANCE, "{furthest}");
}

/// Who shares its run does not matter, bit for bit. Alone it may differ in the last bit: engines multiply a single row by
/// another kernel, and this network ends in such a product.
#[test]
fn a_crop_does_not_depend_on_who_shares_its_run() {
    let Some(folder) = shared() else { return };
    let serving = Serving::start(Arc::new(Rten), resolve(&MODEL.into()).unwrap(), 3).unwrap();
    let picture = still(&folder.join("media/bus.jpg"));
    let boxes = boxes(&fixture()["stills"][0]["boxes"]);
    let encoder = serving.encoder();
    let turned = |turn: usize| {
        let of = |key: usize| (key + turn) % boxes.len();
        let mut looks =
            serving.together(boxes.len(), |key, call| encoder.encode(picture.clone(), boxes[of(key)], call).unwrap());
        assert!(looks.iter().all(|(_, rows)| *rows == boxes.len()), "all of them shared one run");
        looks.rotate_right(turn);
        looks.into_iter().map(|(look, _)| look).collect::<Vec<_>>()
    };
    let together = turned(0);
    assert_eq!(together, turned(1));
    assert_eq!(together, turned(2));
    for (together, bbox) in together.iter().zip(&boxes) {
        let alone = serving.appearance(&picture, *bbox).unwrap();
        let furthest = together.0.iter().zip(&alone.0).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest <= 1e-6, "{furthest}");
    }
}

#[test]
fn what_could_classify_as_well_needs_the_configured_family() {
    let family = |input: &[usize], output: &[usize], metadata: &[(&str, &str)], family: Option<FamilyKind>| {
        let hints = FamilyHints { family, ..FamilyHints::default() };
        recognise(&signature(input, &[output], metadata), &hints).map(|family| family.name()).map_err(|error| error.0)
    };
    let configured = Some(FamilyKind::ReIdentification);
    assert_eq!(family(&[0, 3, 256, 128], &[0, 512], &[], None).unwrap(), "re-identification");
    let named = [("names", "{0: 'cat', 1: 'dog'}")];
    for (input, output, metadata) in [
        (&[0, 3, 224, 224], &[0, 512], &[][..]),
        (&[0, 3, 256, 128], &[0, 1000], &[]),
        (&[0, 3, 256, 128], &[0, 512], &named),
        (&[0, 3, 0, 0], &[0, 512], &[]),
    ] {
        assert!(family(input, output, metadata, None).is_err(), "{input:?} {output:?}");
        assert_eq!(family(input, output, metadata, configured).unwrap(), "re-identification", "{input:?} {output:?}");
    }
    for output in [&[0, 8][..], &[0, 0], &[0, 512, 1], &[0, 1 << 20]] {
        let refused = family(&[0, 3, 256, 128], output, &[], configured).unwrap_err();
        assert!(refused.contains("one vector for each row"), "{refused}");
    }
}

#[test]
fn boxes_without_a_pixel_are_refused_before_anything_is_queued() {
    let (fake, serving) = fake();
    let runs = fake.counts().runs;
    for bbox in [
        [100.0, 0.0, 120.0, 20.0],
        [5.0, 5.0, 5.0, 9.0],
        [9.0, 5.0, 5.0, 9.0],
        [f32::NAN, 0.0, 5.0, 5.0],
        [-9.0, -9.0, -1.0, -1.0],
    ] {
        let error = serving.appearance(&grey(64, 64), bbox.into()).unwrap_err();
        assert_eq!(error.kind(), RunErrorKind::Input { code: "invalid_box" }, "{bbox:?}");
    }
    assert_eq!(fake.counts().runs, runs);
    for bbox in [[-1e30, -1e30, 1e30, 1e30], [63.0, 63.0, 63.5, 63.5], [0.0, 0.0, 1.0, 64.0]] {
        assert!(serving.appearance(&grey(64, 64), bbox.into()).is_ok(), "{bbox:?}");
    }
    let encoder = serving.encoder();
    let waited = serving
        .block_on(async { encoder.encode_waiting(grey(9, 9), [0.0, 0.0, 9.0, 9.0].into(), call(1)).await?.await });
    let length: f32 = waited.unwrap().output.0.iter().map(|value| value * value).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
}

#[test]
fn a_vector_of_no_numbers_is_an_error_and_the_next_one_is_served() {
    let (fake, serving) = fake();
    let whole = [0.0, 0.0, 64.0, 64.0].into();
    fake.fail_every_run(Some(FakeFault::Nan));
    assert_eq!(serving.appearance(&grey(64, 64), whole).unwrap_err().kind(), RunErrorKind::Internal);
    assert_eq!(start(&fake).err().unwrap().kind, FailureKind::WarmUp);
    fake.fail_every_run(None);
    assert!(serving.appearance(&grey(64, 64), whole).is_ok());
    let wrong = RunErrorKind::Input { code: "wrong_family" };
    assert_eq!(serving.detect(&grey(64, 64)).unwrap_err().kind(), wrong);
}

fn fake() -> (FakeModel, Serving) {
    let fake = FakeModel::new(signature(&[0, 3, 32, 16], &[&[0, 128]], &[]));
    let serving = start(&fake).unwrap();
    (fake, serving)
}

fn start(fake: &FakeModel) -> Result<Serving, samovar_runtime::Failure> {
    let engine = FakeEngine::new().with("model.onnx", fake);
    Serving::start(Arc::new(engine), PathBuf::from("model.onnx"), 4)
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/appearances.json")).unwrap()
}

fn boxes(list: &Value) -> Vec<BoundingBox> {
    let bbox = |edges: &Value| -> BoundingBox { <[f32; 4]>::try_from(numbers(edges)).unwrap().into() };
    list.as_array().unwrap().iter().map(bbox).collect()
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}
