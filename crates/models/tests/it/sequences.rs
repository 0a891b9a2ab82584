//! The same windows and scores as STG-NF's own preparation and ONNX Runtime give (`tools/reference/sequences.py`).

use crate::engines::each_engine;
use crate::files::{resolve, shared, starter};
use crate::recognition::{port, signature};
use crate::serving::{Serving, call};
use crate::through_runtime::grey;
use samovar_engine_api::{Engine, Signature};
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Rten};
use samovar_models::{FamilyHints, FamilyKind, PoseWindow, SequenceModel, WindowError, recognise};
use samovar_runtime::{FailureKind, RunErrorKind};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// Of a score, beside the reference's: engines sum in different orders, and points in a fixture are rounded like the reference's.
const SCORE: f32 = 2e-4;

/// Of a prepared value; values lie within ±5 or so.
const PREPARED: f32 = 2e-6;

#[test]
fn windows_are_prepared_as_the_paper_does() {
    let model = SequenceModel::bind(&stg_nf(&[0, 2, 24, 18]), &FamilyHints::default()).unwrap();
    let mut count = 0;
    for case in cases() {
        let Some(expected) = case.get("prepared") else { continue };
        let mut row = vec![f32::NAN; model.row_len()];
        model.prepare(&window(&case), &mut row).unwrap();
        let furthest = row.iter().zip(numbers(expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{}: {furthest:e}", case["name"]);
        assert!(furthest <= PREPARED, "{}: {furthest}", case["name"]);
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn the_published_network_scores_as_in_onnx_runtime_on_every_engine() {
    if shared().is_some() {
        each_engine(|engine| compare("shared:stg-nf/stg_nf_shanghaitech.onnx", engine));
    }
}

#[test]
fn the_starter_network_scores_as_in_onnx_runtime_on_every_engine() {
    each_engine(|engine| compare("starter:models/starter-stg-nf.onnx", engine));
}

fn compare(model: &str, engine: Arc<dyn Engine>) {
    let serving = Serving::start(engine, resolve(&model.into()).unwrap(), 1).unwrap();
    assert_eq!(serving.scorer().window_frames().unwrap(), 24);
    for case in cases() {
        let (score, expected) = (serving.score(window(&case)).unwrap(), case["nll"][model].as_f64().unwrap() as f32);
        println!("{model} {}: {score} for {expected}", case["name"]);
        assert!((score - expected).abs() <= SCORE * expected.abs().max(1.0), "{}: {score} {expected}", case["name"]);
    }
}

/// What an anomaly model is for.
#[test]
fn somebody_who_lies_is_more_unusual_than_who_walks() {
    let serving = Serving::start(Arc::new(Rten), starter("models/starter-stg-nf.onnx"), 1).unwrap();
    let score = |name: &str| serving.score(window(&cases().find(|case| case["name"] == name).unwrap())).unwrap();
    let (lying, walking) = (score("first person, lying"), score("first person"));
    assert!(lying > walking + 5.0, "{lying} {walking}");
}

#[test]
fn a_window_in_a_batch_gives_bit_for_bit_what_it_gives_alone() {
    each_engine(|engine| {
        let serving = Serving::start(engine, starter("models/starter-stg-nf.onnx"), 8).unwrap();
        let windows: Vec<PoseWindow> = cases().map(|case| window(&case)).collect();
        let alone: Vec<f32> = windows.iter().map(|window| serving.score(window.clone()).unwrap()).collect();
        let scorer = serving.scorer();
        let together = serving
            .together(windows.len(), |key, call| scorer.score(windows[key].clone(), call.following_up()).unwrap());
        assert!(together.iter().any(|(_, rows)| *rows > 1), "some of them shared a run");
        let together: Vec<u32> = together.iter().map(|(score, _)| score.to_bits()).collect();
        assert_eq!(together, alone.iter().map(|score| score.to_bits()).collect::<Vec<_>>());
    });
}

#[test]
fn sequences_are_recognised_and_nothing_else_is_taken_for_one() {
    let family = |signature: &Signature| recognise(signature, &FamilyHints::default()).map(|family| family.name());
    assert_eq!(family(&stg_nf(&[0, 2, 24, 18])).unwrap(), "stg-nf");
    assert_eq!(family(&stg_nf(&[1, 3, 16, 17])).unwrap(), "stg-nf");
    // Pictures, however narrow, stay what they were.
    let picture = |input: &[usize], output: &[usize]| family(&signature(input, &[output], &[]));
    assert_eq!(picture(&[0, 3, 32, 32], &[0, 84, 21]).unwrap(), "yolo");
    assert_eq!(picture(&[0, 3, 24, 18], &[0, 5, 24, 18]).unwrap(), "segmentation");
    assert!(picture(&[0, 3, 24, 18], &[0, 10]).is_err(), "ten numbers are no score");
    let hints = FamilyHints { family: Some(FamilyKind::StgNf), ..FamilyHints::default() };
    let refused = recognise(&signature(&[0, 3, 640, 640], &[&[0, 84, 8400]], &[]), &hints).err().unwrap();
    assert!(refused.0.contains("scores no sequences") && refused.0.contains("images FP32"), "{refused}");
}

#[test]
fn a_third_channel_holds_full_confidence() {
    let model = SequenceModel::bind(&stg_nf(&[0, 3, 24, 17]), &FamilyHints::default()).unwrap();
    let mut row = vec![0.0; model.row_len()];
    model.prepare(&window(&cases().next().unwrap()), &mut row).unwrap();
    assert_eq!((row.len(), &row[2 * 24 * 17..]), (3 * 24 * 17, &[1.0; 24 * 17][..]));
}

#[test]
fn windows_that_cannot_be_scored_are_refused_before_anything_is_queued() {
    let fake = FakeModel::new(stg_nf(&[0, 2, 24, 18]));
    let serving = start(&fake).unwrap();
    let runs = fake.counts().runs;
    let good = window(&cases().next().unwrap());
    let mut broken = good.clone();
    broken.poses[7][16][0] = f32::NAN;
    let cases = [
        (PoseWindow { poses: good.poses[..23].to_vec(), ..good.clone() }, "23 poses, the model takes 24"),
        (PoseWindow { poses: Vec::new(), ..good.clone() }, "0 poses"),
        (PoseWindow { poses: vec![[[0.0; 2]; 17]; 100_000], ..good.clone() }, "100000 poses"),
        (PoseWindow { frame_size: (0, 0), ..good.clone() }, "no size"),
        (broken, "not a finite number"),
    ];
    for (window, expected) in cases {
        let error = serving.score(window).unwrap_err();
        assert_eq!(error.kind(), RunErrorKind::Input { code: "invalid_window" });
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(fake.counts().runs, runs);
    let waited = serving.block_on(async { serving.scorer().score_waiting(good, call(1)).await?.await });
    assert!(waited.unwrap().output.is_finite());
    assert_eq!(WindowError::NoSize.code(), "invalid_window");
}

#[test]
fn a_score_that_is_no_number_is_an_error_and_the_next_one_is_served() {
    let fake = FakeModel::new(stg_nf(&[0, 2, 24, 18]));
    let serving = start(&fake).unwrap();
    let window = window(&cases().next().unwrap());
    fake.fail_every_run(Some(FakeFault::Nan));
    assert_eq!(serving.score(window.clone()).unwrap_err().kind(), RunErrorKind::Internal);
    assert_eq!(start(&fake).err().unwrap().kind, FailureKind::WarmUp);
    fake.fail_every_run(None);
    assert!(serving.score(window).is_ok());
}

#[test]
fn families_are_not_taken_for_each_other() {
    let scorer = Serving::start(Arc::new(Rten), starter("models/starter-stg-nf.onnx"), 1).unwrap();
    let detector = Serving::start(Arc::new(Rten), starter("models/starter-detect.onnx"), 1).unwrap();
    let wrong = RunErrorKind::Input { code: "wrong_family" };
    assert_eq!(scorer.detect(&grey(64, 64)).unwrap_err().kind(), wrong);
    assert_eq!(detector.score(window(&cases().next().unwrap())).unwrap_err().kind(), wrong);
    assert_eq!(detector.scorer().window_frames().unwrap_err().kind(), wrong);
}

/// STG-NF's signature with this input.
fn stg_nf(input: &[usize]) -> Signature {
    let outputs = vec![port("nll", &input[..1]), port("z", input)];
    Signature { inputs: vec![port("pose", input)], outputs, ..Signature::default() }
}

fn start(fake: &FakeModel) -> Result<Serving, samovar_runtime::Failure> {
    let engine = FakeEngine::new().with("model.onnx", fake);
    Serving::start(Arc::new(engine), PathBuf::from("model.onnx"), 4)
}

fn cases() -> impl Iterator<Item = Value> {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/sequences.json")).unwrap();
    fixture["cases"].as_array().unwrap().clone().into_iter()
}

fn window(case: &Value) -> PoseWindow {
    let points = numbers(&case["points"]);
    let pose = |values: &[f32]| std::array::from_fn(|joint| [values[2 * joint], values[2 * joint + 1]]);
    let side = |index: usize| case["size"][index].as_u64().unwrap() as u32;
    PoseWindow { frame_size: (side(0), side(1)), poses: points.chunks_exact(34).map(pose).collect() }
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}
