//! Anomalies in recorded video over the fake engine: every frame, in order, within bounds, and its ends.

use crate::anomaly_support::AnomalyBench;
use crate::video::clip;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_media::{
    FfmpegProgram, FramePool, Truncation, VideoDecoder, VideoEnd, VideoInput, VideoLimits, VideoOptions,
};
use samovar_pipelines::{AnomalyOptions, AnomalyScenes, AnomalyVideo, VideoBounds};
use samovar_runtime::{RunErrorKind, StreamKey};
use std::path::PathBuf;
use std::time::Duration;

/// Sixty frames of the clip, two on their way to their poses and two to their scores.
fn start(bench: &AnomalyBench, (path, program): (PathBuf, FfmpegProgram), pool: &FramePool) -> AnomalyScenes {
    let options = VideoOptions { frame_count_max: Some(60), ..VideoOptions::new(program) };
    let decoder = VideoDecoder::open(VideoInput::File(path), options, &VideoLimits::default(), pool.clone()).unwrap();
    let options = AnomalyOptions::default();
    let video = AnomalyVideo {
        options,
        stream: StreamKey(1),
        bounds: VideoBounds { max_queue_size: Some(2), ..VideoBounds::default() },
        recorded_at: None,
    };
    video.start(bench.models_with_detector(), decoder)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_is_told_in_order() {
    let Some(clip) = clip() else { return };
    let (bench, pool) = (AnomalyBench::warm(2).await, FramePool::new(16));
    let mut scenes = start(&bench, clip, &pool);
    let mut count = 0;
    while let Some(outcome) = scenes.next().await {
        let outcome = outcome.unwrap();
        assert_eq!((outcome.index, outcome.scene.time), (count, outcome.frame.timestamp()));
        count += 1;
    }
    assert_eq!(count, 60);
    assert_eq!(scenes.end().unwrap(), Some(VideoEnd::Truncated(Truncation::FrameCount)));
    assert!(pool.stats().in_use_max <= 16, "{:?}", pool.stats());
    assert_eq!(pool.stats().in_use, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_given_up_loses_no_frame() {
    let Some(clip) = clip() else { return };
    let bench = AnomalyBench::warm(2).await;
    let gate = Gate::closed();
    bench.pose.hold_runs(&gate);
    let mut scenes = start(&bench, clip, &FramePool::new(16));
    gate.wait_for(1);
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_millis(20), scenes.next()).await;
        assert!(waited.is_err(), "the run is held");
    }
    gate.open();
    for index in 0..5 {
        assert_eq!(scenes.next().await.unwrap().unwrap().index, index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_fails_ends_the_video_after_those_before_it() {
    let Some(clip) = clip() else { return };
    let (bench, pool) = (AnomalyBench::warm(1).await, FramePool::new(16));
    bench.pose.fail_run(bench.pose.counts().runs + 4, FakeFault::Error(EngineErrorKind::Run));
    let mut scenes = start(&bench, clip, &pool);
    for index in 0..3 {
        assert_eq!(scenes.next().await.unwrap().unwrap().index, index);
    }
    let failed = scenes.next().await.unwrap().err().unwrap();
    assert_eq!(failed.kind(), RunErrorKind::Internal);
    assert!(scenes.next().await.is_none(), "nothing comes after a failure");
    assert_eq!(scenes.end().unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_dropped_lets_its_models_and_its_frames_go() {
    let Some(clip) = clip() else { return };
    let (bench, pool) = (AnomalyBench::warm(1).await, FramePool::new(16));
    let mut scenes = start(&bench, clip, &pool);
    scenes.next().await.unwrap().unwrap();
    drop(scenes);
    for name in ["pose", "sequence", "detect"] {
        bench.registry.unload(name).await.unwrap();
    }
    while pool.stats().in_use > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(bench.registry.list().iter().all(|status| status.holds == 0));
}
