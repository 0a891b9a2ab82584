//! Faces brought upright as OpenCV warps them, and what a network of ArcFace's layout says of them in ONNX Runtime
//! (`tools/reference/faces.py`).

use crate::engines::each_engine;
use crate::faces::{drawn, fixture, fixtures, numbers, pair, points};
use crate::recognition::signature;
use crate::serving::{Serving, call};
use crate::through_runtime::grey;
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Rten};
use samovar_media::{FramePool, Picture};
use samovar_models::{Appearance, FaceEncoder, FamilyHints, FamilyKind, Landmarks, aligned_face, alignment, recognise};
use samovar_runtime::RunErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

/// Grey levels: `cv2.warpAffine` rounds places to 1/32 of a pixel, and the waves have slopes of up to 16 levels a pixel.
const LEVELS: f32 = 2.0;

/// Cosine with the reference's vector: what is left over is that rounding.
const SIMILARITY_MIN: f32 = 0.9999;

#[test]
fn faces_are_brought_upright_as_opencv_does() {
    let fixture = fixture();
    let frame = drawn(pair(&fixture["drawn"]));
    for case in fixture["aligned"].as_array().unwrap() {
        let landmarks = points(&case["points"]);
        let crop = alignment(&landmarks, 112).unwrap();
        let matrix: Vec<Vec<f64>> = serde_json::from_value(case["matrix"].clone()).unwrap();
        for (x, y) in [(0.0, 0.0), (111.0, 0.0), (55.5, 111.0)] {
            let (u, v) = crop.to_frame((x, y));
            let back = |row: &[f64]| row[0] * u + row[1] * v + row[2];
            // Their points are whole numbers of 64 bits, ours of 32.
            assert!((back(&matrix[0]) - x).abs() < 1e-3 && (back(&matrix[1]) - y).abs() < 1e-3, "{landmarks:?}");
        }
        let upright = aligned_face(&frame, &landmarks, 112, &FramePool::new(0)).unwrap();
        let sampled = (3..112).step_by(7).flat_map(|y| (3..112).step_by(7).map(move |x| (y * 112 + x) * 3));
        let expected = case["pixels"].as_array().unwrap().iter().map(numbers);
        let mut furthest = 0.0_f32;
        for (at, expected) in sampled.zip(expected) {
            let ours = upright.pixels()[at..at + 3].iter().map(|level| f32::from(*level));
            furthest = ours.zip(expected).map(|(a, b)| (a - b).abs()).fold(furthest, f32::max);
        }
        println!("{landmarks:?}: within {furthest} levels");
        assert!(furthest <= LEVELS, "{landmarks:?}: {furthest}");
    }
}

#[test]
fn faces_have_the_vectors_of_the_reference_on_every_engine() {
    let fixture = fixture();
    let picture: Picture = drawn(pair(&fixture["drawn"])).into();
    let cases = fixture["aligned"].as_array().unwrap();
    each_engine(|engine| {
        let serving = Serving::start(engine, fixtures("face_random.onnx"), cases.len()).unwrap();
        let encoder = FaceEncoder::new(serving.handle());
        let model = encoder.model().unwrap();
        assert_eq!((model.kind().name(), model.input_side(), model.numbers()), ("face-embedding", 112, 128));
        let vectors = serving.together(cases.len(), |key, call| {
            encoder.encode(picture.clone(), &points(&cases[key]["points"]), call).unwrap()
        });
        for ((vector, rows), case) in vectors.iter().zip(cases) {
            let similarity = vector.similarity(&Appearance::unit(numbers(&case["vector"])).unwrap());
            println!("{}: {similarity:.6}, {rows} rows", case["points"]);
            assert!(similarity >= SIMILARITY_MIN, "{}: {similarity}", case["points"]);
        }
    });
}

#[test]
fn both_sides_of_insightface_have_their_template() {
    let upright: Landmarks =
        [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)];
    let origin = |side| alignment(&upright, side).unwrap().to_frame((0.0, 0.0));
    let close = |found: (f64, f64), wanted: (f64, f64)| (found.0 - wanted.0).hypot(found.1 - wanted.1) < 1e-4;
    assert!(close(origin(112), (0.0, 0.0)) && close(origin(224), (0.0, 0.0)));
    assert!(close(origin(128), (-8.0, 0.0)) && close(origin(256), (-8.0, 0.0)));
    for side in [0, 100, 113] {
        assert_eq!(alignment(&upright, side), None);
    }
}

#[test]
fn points_that_are_no_face_are_refused_before_anything_is_queued() {
    let (fake, serving) = fake();
    let runs = fake.counts().runs;
    let encoder = FaceEncoder::new(serving.handle());
    for landmarks in [[(5.0, 5.0); 5], [(f32::NAN, 1.0), (2.0, 1.0), (1.5, 2.0), (1.0, 3.0), (2.0, 3.0)]] {
        let error = encoder.encode(grey(64, 64), &landmarks, call(0)).err().unwrap();
        assert_eq!(error.kind(), RunErrorKind::Input { code: "invalid_landmarks" });
    }
    assert_eq!(fake.counts().runs, runs);
    // Far outside, of a hair's breadth, as large as can be: padding, one pixel, everything.
    for (scale, shift) in [(1.0, 1e9), (1e-6, 10.0), (1e12, -1e12)] {
        let landmarks = [(0.0, 0.0), (2.0, 0.0), (1.0, 1.0), (0.0, 2.0), (2.0, 2.0)];
        let landmarks = landmarks.map(|(x, y): (f32, f32)| (x * scale + shift, y * scale + shift));
        if let Ok(pending) = encoder.encode(grey(64, 64), &landmarks, call(0)) {
            assert!(serving.block_on(pending).is_ok(), "{landmarks:?}");
        }
    }
    let face = [(20.0, 20.0), (40.0, 20.0), (30.0, 30.0), (22.0, 42.0), (38.0, 42.0)];
    let waited = serving.block_on(async { encoder.encode_waiting(grey(64, 64), &face, call(1)).await?.await });
    let length: f32 = waited.unwrap().output.0.iter().map(|value| value * value).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
    fake.fail_every_run(Some(FakeFault::Nan));
    let broken = serving.block_on(encoder.encode(grey(64, 64), &face, call(0)).unwrap());
    assert_eq!(broken.unwrap_err().kind(), RunErrorKind::Internal);
}

#[test]
fn what_could_classify_as_well_needs_the_configured_family() {
    let family = |input: &[usize], output: &[usize], metadata: &[(&str, &str)], family: Option<FamilyKind>| {
        let hints = FamilyHints { family, ..FamilyHints::default() };
        recognise(&signature(input, &[output], metadata), &hints).map(|family| family.name()).map_err(|error| error.0)
    };
    let configured = Some(FamilyKind::FaceEmbedding);
    // InsightFace's exports name a batch of one for the output alone.
    assert_eq!(family(&[0, 3, 112, 112], &[1, 512], &[], None).unwrap(), "face-embedding");
    let named = [("names", "{0: 'cat', 1: 'dog'}")];
    for (input, output, metadata) in [
        (&[1, 3, 128, 128], &[1, 512], &[][..]),
        (&[0, 3, 112, 112], &[0, 1000], &[]),
        (&[0, 3, 112, 112], &[0, 512], &named),
        (&[0, 3, 0, 0], &[0, 512], &[]),
    ] {
        assert_ne!(family(input, output, metadata, None).ok(), Some("face-embedding"), "{input:?} {output:?}");
        assert_eq!(family(input, output, metadata, configured).unwrap(), "face-embedding", "{input:?} {output:?}");
    }
    for (input, output, said) in [
        (&[0, 3, 112, 96], &[0, 512], "no square"),
        (&[0, 3, 100, 100], &[0, 512], "no square"),
        (&[0, 3, 112, 112], &[0, 8], "one vector for each row"),
    ] {
        let refused = family(input, output, &[], configured).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
    let half = [("mean", "[127.5, 127.5, 127.5]")];
    assert!(family(&[0, 3, 112, 112], &[0, 512], &half, configured).unwrap_err().contains("`std`"));
}

fn fake() -> (FakeModel, Serving) {
    let fake = FakeModel::new(signature(&[0, 3, 112, 112], &[&[0, 128]], &[]));
    let engine = FakeEngine::new().with("model.onnx", &fake);
    (fake, Serving::start(Arc::new(engine), PathBuf::from("model.onnx"), 4).unwrap())
}

#[test]
fn who_shares_a_run_does_not_matter() {
    let fixture = fixture();
    let picture: Picture = drawn(pair(&fixture["drawn"])).into();
    let cases = fixture["aligned"].as_array().unwrap();
    let serving = Serving::start(Arc::new(Rten), fixtures("face_random.onnx"), cases.len()).unwrap();
    let encoder = FaceEncoder::new(serving.handle());
    let turned = |turn: usize| {
        let of = |key: usize| points(&cases[(key + turn) % cases.len()]["points"]);
        let mut vectors =
            serving.together(cases.len(), |key, call| encoder.encode(picture.clone(), &of(key), call).unwrap());
        vectors.rotate_right(turn);
        vectors
    };
    assert_eq!(turned(0), turned(1));
    assert_eq!(turned(0), turned(4));
}
