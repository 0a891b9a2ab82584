//! The drawn street whose truth is known: how well people are followed with the boxes of the detector that ships with Samovar.

use samovar_engine_api::Precision;
use samovar_engines::Rten;
use samovar_media::{FfmpegProgram, FramePool, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use samovar_models::{BoundingBox, DetectOptions, Detections, Detector, FamilyHints, binder};
use samovar_pipelines::{DetectVideo, Seen, TrackFigures, TrackJudge, Tracker, TrackerOptions, VideoBounds};
use samovar_runtime::{ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, StreamKey};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who is hidden more than this is nobody that has to be found.
const VISIBLE_MIN: f64 = 0.25;

/// A file that ships with Samovar.
fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

fn ffmpeg() -> Option<FfmpegProgram> {
    let program = FfmpegProgram::find().ok();
    assert!(program.is_some() || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "FFmpeg is absent");
    if program.is_none() {
        println!("skipped: FFmpeg is absent");
    }
    program
}

/// What the starter detector sees on every frame of the street.
async fn detections(program: FfmpegProgram) -> Vec<Detections> {
    let spec = ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        ..ModelSpec::new("m", ModelSource::file(starter("models/starter-detect.onnx")), binder(FamilyHints::default()))
    };
    let registry = Registry::start(RegistryOptions::new(vec![Arc::new(Rten)]), vec![spec]).unwrap();
    let model = registry.model("m").unwrap();
    model.open().await.unwrap();
    let (input, pool) = (VideoInput::File(starter("samples/street.mp4")), FramePool::new(16));
    let decoder = VideoDecoder::open(input, VideoOptions::new(program), &VideoLimits::default(), pool).unwrap();
    let options = DetectOptions { score_min: 0.1, ..DetectOptions::default() };
    let mut video = DetectVideo { options, stream: StreamKey(1), bounds: VideoBounds::default() }
        .start(Detector::new(model), decoder);
    let mut detections = Vec::new();
    while let Some(outcome) = video.next().await {
        detections.push(outcome.unwrap().completed.output);
    }
    detections
}

/// Ids and boxes of who is to be found on every frame.
fn truth() -> Vec<Vec<(u64, BoundingBox)>> {
    let truth: Value = serde_json::from_slice(&std::fs::read(starter("samples/street.json")).unwrap()).unwrap();
    let unit = truth["unit"].as_f64().unwrap();
    // The fields are in the order that the file's own `person` gives.
    let read = |person: &Value| {
        let edge = |at: usize| (person[1][at].as_f64().unwrap() * unit) as f32;
        let is_visible = person[4].as_f64().unwrap() >= VISIBLE_MIN;
        is_visible.then(|| (person[0].as_u64().unwrap(), [edge(0), edge(1), edge(2), edge(3)].into()))
    };
    let people = |frame: &Value| frame.as_array().unwrap().iter().filter_map(read).collect();
    truth["frames"].as_array().unwrap().iter().map(people).collect()
}

/// Follows the people of every frame, or of each `every`th.
fn judged(detections: &[Detections], every: usize) -> TrackFigures {
    let (mut tracker, mut judge) = (Tracker::new(TrackerOptions::default()), TrackJudge::new(0.5));
    for (frame, (there, found)) in truth().iter().zip(detections).enumerate().step_by(every) {
        tracker.skip(if frame > 0 { every as u64 - 1 } else { 0 });
        let seen = found.items.iter().map(|item| Seen { bbox: item.bbox, score: item.score, appearance: None });
        let tracked = tracker.update(&seen.collect::<Vec<_>>());
        judge.frame(there, &tracked.iter().map(|tracked| (tracked.id, tracked.bbox)).collect::<Vec<_>>());
    }
    judge.figures()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_on_the_street_are_followed() {
    let Some(program) = ffmpeg() else { return };
    let detections = detections(program).await;
    assert_eq!(detections.len(), truth().len());
    for (every, mota_min, idf1_min) in [(1, 0.74, 0.78), (2, 0.74, 0.8), (3, 0.71, 0.71)] {
        let figures = judged(&detections, every);
        let (mota, idf1) = (figures.mota(), figures.idf1());
        println!("one frame of {every}: MOTA {mota:.3}, IDF1 {idf1:.3}, {figures:?}");
        assert!(mota >= mota_min && idf1 >= idf1_min, "MOTA {mota:.3}, IDF1 {idf1:.3}, {figures:?}");
    }
}
