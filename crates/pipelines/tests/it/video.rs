//! Recorded video: every frame gets its result, in order, within bounds.

use crate::support::Bench;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_media::{FfmpegProgram, FramePool, VideoDecoder, VideoEnd, VideoInput, VideoLimits, VideoOptions};
use samovar_models::DetectOptions;
use samovar_pipelines::{DetectVideo, VideoBounds, VideoDetections};
use samovar_runtime::{RunErrorKind, StreamKey};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The clip that ships with Samovar; none, with a line that says so, where FFmpeg is absent.
pub fn clip() -> Option<(PathBuf, FfmpegProgram)> {
    let program = FfmpegProgram::find().ok();
    assert!(program.is_some() || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "FFmpeg is absent");
    if program.is_none() {
        println!("skipped: FFmpeg is absent");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/samples/street.mp4");
    program.map(|program| (path, program))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_gets_its_result_in_order() {
    let Some((path, program)) = clip() else { return };
    let bench = Bench::warm(2).await;
    let pool = FramePool::new(16);
    let options = VideoOptions { frame_count_max: Some(120), ..VideoOptions::new(program) };
    let decoder = VideoDecoder::open(VideoInput::File(path), options, &VideoLimits::default(), pool.clone()).unwrap();
    let video = DetectVideo {
        options: DetectOptions::default(),
        stream: StreamKey(1),
        bounds: VideoBounds { max_queue_size: Some(4), ..VideoBounds::default() },
    };
    let mut detections = video.start(bench.detector(), decoder);
    let (mut count, mut last) = (0, Duration::ZERO);
    while let Some(outcome) = detections.next().await {
        let outcome = outcome.unwrap();
        assert_eq!(outcome.index, count);
        assert!(count == 0 || outcome.frame.timestamp() > last, "timestamps rise");
        assert_eq!((outcome.completed.output.width, outcome.completed.output.height), (640, 360));
        (count, last) = (count + 1, outcome.frame.timestamp());
    }
    assert_eq!(count, 120);
    assert!(matches!(detections.end().unwrap(), Some(VideoEnd::Truncated(_))));
    assert!(pool.stats().in_use_max <= 16, "{:?}", pool.stats());
    assert_eq!(pool.stats().in_use, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_given_up_stops_reading() {
    let Some((path, program)) = clip() else { return };
    let bench = Bench::warm(1).await;
    let pool = FramePool::new(16);
    let input = VideoInput::File(path);
    let decoder = VideoDecoder::open(input, VideoOptions::new(program), &VideoLimits::default(), pool.clone()).unwrap();
    let video = DetectVideo {
        options: DetectOptions::default(),
        stream: StreamKey(1),
        bounds: VideoBounds { max_queue_size: Some(2), ..VideoBounds::default() },
    };
    let mut detections = video.start(bench.detector(), decoder);
    assert_eq!(detections.next().await.unwrap().unwrap().index, 0);
    assert_eq!(detections.end().unwrap(), None);
    assert_eq!(pool.stats().in_use, 0, "every frame went back");
    assert!(pool.stats().allocations < 20, "the video was not read to its end");
}

/// The clip from its beginning, with two frames in flight.
fn start(bench: &Bench, (path, program): (PathBuf, FfmpegProgram), pool: &FramePool) -> VideoDetections {
    let (input, options) = (VideoInput::File(path), VideoOptions::new(program));
    let decoder = VideoDecoder::open(input, options, &VideoLimits::default(), pool.clone()).unwrap();
    let video = DetectVideo {
        options: DetectOptions::default(),
        stream: StreamKey(1),
        bounds: VideoBounds { max_queue_size: Some(2), ..VideoBounds::default() },
    };
    video.start(bench.detector(), decoder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_frame_that_is_given_up_loses_no_frame() {
    let Some(clip) = clip() else { return };
    let bench = Bench::warm(1).await;
    let gate = Gate::closed();
    bench.model.hold_runs(&gate);
    let mut detections = start(&bench, clip, &FramePool::new(16));
    gate.wait_for(1);
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_millis(20), detections.next()).await;
        assert!(waited.is_err(), "the run is held");
    }
    gate.open();
    for index in 0..5 {
        assert_eq!(detections.next().await.unwrap().unwrap().index, index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_fails_ends_the_video() {
    let Some(clip) = clip() else { return };
    let bench = Bench::warm(1).await;
    bench.model.fail_every_run(Some(FakeFault::Error(EngineErrorKind::Run)));
    let pool = FramePool::new(16);
    let mut detections = start(&bench, clip, &pool);
    let failed = detections.next().await.unwrap().err().unwrap();
    assert_eq!(failed.kind(), RunErrorKind::Internal);
    assert!(detections.next().await.is_none(), "nothing comes after a failure");
    assert_eq!(detections.end().unwrap(), None);
    bench.registry.unload("m").await.unwrap();
    assert_eq!(pool.stats().in_use, 0, "every frame went back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_dropped_lets_its_model_and_its_frames_go() {
    let Some(clip) = clip() else { return };
    let bench = Bench::warm(1).await;
    let pool = FramePool::new(16);
    let mut detections = start(&bench, clip, &pool);
    detections.next().await.unwrap().unwrap();
    drop(detections);
    bench.registry.unload("m").await.unwrap();
    while pool.stats().in_use > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(bench.model.counts().loaded_alive, 0);
}

/// Nothing but the drop can end it: the child stands still in the middle of a video, and the stall limit is hours away.
#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_dropped_ends_a_child_that_decodes_or_hangs() {
    let Some((path, program)) = clip() else { return };
    let bench = Bench::warm(1).await;
    let pool = FramePool::new(16);
    let limits = VideoLimits { stall: Duration::from_secs(24 * 3600), ..VideoLimits::default() };
    let decoder =
        VideoDecoder::open(VideoInput::File(path), VideoOptions::new(program), &limits, pool.clone()).unwrap();
    let child = decoder.process_id();
    let bounds = VideoBounds { max_queue_size: Some(2), ..VideoBounds::default() };
    let video = DetectVideo { options: DetectOptions::default(), stream: StreamKey(1), bounds };
    let mut detections = video.start(bench.detector(), decoder);
    detections.next().await.unwrap().unwrap();
    assert!(is_there(child));
    let stopped = std::process::Command::new("kill").args(["-STOP", &child.to_string()]).status().unwrap();
    assert!(stopped.success());
    // What the child had written is read, and then the feeder waits for more.
    while tokio::time::timeout(Duration::from_millis(300), detections.next()).await.is_ok() {}
    drop(detections);
    while is_there(child) || pool.stats().in_use > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process of that number exists.
fn is_there(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}
