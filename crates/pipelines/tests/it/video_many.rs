//! The same detections however frames share runs: in batches, or with those of other videos.

use crate::video::clip;
use futures_util::future::join_all;
use samovar_engine_api::Precision;
use samovar_engines::Rten;
use samovar_media::{FfmpegProgram, FramePool, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use samovar_models::{DetectOptions, Detections, Detector, FamilyHints, binder};
use samovar_pipelines::{DetectVideo, VideoBounds, VideoFigures};
use samovar_runtime::{DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, StreamKey};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The detector that ships with Samovar on the engine that is built in, and a clip that it finds people in.
struct Street {
    registry: Registry,
    clip: PathBuf,
    program: FfmpegProgram,
}

impl Street {
    async fn open((clip, program): (PathBuf, FfmpegProgram), slots: usize, batch_max: usize) -> Self {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/models/starter-detect.onnx");
        let spec = ModelSpec {
            precision: PrecisionChoice::Fixed(Precision::F32),
            batch_max: Some(batch_max),
            ..ModelSpec::new("m", ModelSource::file(model), binder(FamilyHints::default()))
        };
        let device = DeviceOptions { slots, threads: 1, ..DeviceOptions::default() };
        let options = RegistryOptions { device, ..RegistryOptions::new(vec![Arc::new(Rten)]) };
        let registry = Registry::start(options, vec![spec]).unwrap();
        registry.model("m").unwrap().open().await.unwrap();
        Self { registry, clip, program }
    }

    /// What is found on `frames` frames from the `number`th second on, and the figures.
    async fn detect(&self, number: u64, frames: u64, bounds: VideoBounds) -> (Vec<Detections>, VideoFigures) {
        let options = VideoOptions {
            frame_count_max: Some(frames),
            start: Duration::from_millis(250 * number),
            ..VideoOptions::new(self.program.clone())
        };
        let input = VideoInput::File(self.clip.clone());
        let pool = FramePool::new(bounds.buffers(16, 0));
        let decoder = VideoDecoder::open(input, options, &VideoLimits::default(), pool.clone()).unwrap();
        let video = DetectVideo { options: DetectOptions::default(), stream: StreamKey(number), bounds };
        let mut video = video.start(Detector::new(self.registry.model("m").unwrap()), decoder);
        let mut found = Vec::new();
        while let Some(outcome) = video.next().await {
            found.push(outcome.unwrap().completed.output.clone());
        }
        let (end, figures) = video.end_with_figures();
        end.unwrap();
        assert_eq!((pool.stats().in_use, pool.stats().misses), (0, 0), "{:?}", pool.stats());
        assert_eq!((figures.detections.in_use, figures.detections.misses), (0, 0), "{:?}", figures.detections);
        (found, figures)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_give_bit_for_bit_what_frames_alone_give() {
    let Some(clip) = clip() else { return };
    const FRAMES: u64 = 30;
    let alone = Street::open(clip.clone(), 1, 1).await;
    let (expected, figures) = alone.detect(0, FRAMES, VideoBounds::default()).await;
    assert_eq!((figures.frames, figures.batch_rows_max), (FRAMES, 1));
    assert!(expected.iter().any(|found| !found.items.is_empty()), "people are on the street");
    let together = Street::open(clip, 1, 4).await;
    let bounds = VideoBounds { batch_size: Some(4), ..VideoBounds::default() };
    let (found, figures) = together.detect(0, FRAMES, bounds).await;
    assert_eq!(found, expected);
    // 30 frames are no whole number of batches: the last one did not wait to be full.
    assert_eq!((figures.frames, figures.batch_rows_max, figures.in_flight_limit), (FRAMES, 4, 8));
    assert!(figures.in_flight_max <= 8, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_videos_at_once_give_bit_for_bit_what_each_gives_alone() {
    let Some(clip) = clip() else { return };
    const FRAMES: u64 = 6;
    let street = Street::open(clip, 2, 1).await;
    let mut alone = Vec::new();
    for number in 0..16 {
        alone.push(street.detect(number, FRAMES, VideoBounds::default()).await.0);
    }
    let at_once = join_all((0..16).map(|number| street.detect(number, FRAMES, VideoBounds::default()))).await;
    assert_ne!(alone[0], alone[15], "the videos differ");
    for (alone, (at_once, figures)) in alone.iter().zip(&at_once) {
        assert_eq!(at_once, alone);
        assert_eq!(figures.frames, FRAMES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_videos_in_shared_batches_give_bit_for_bit_what_each_gives_alone() {
    let Some(clip) = clip() else { return };
    const FRAMES: u64 = 12;
    let (single, shared) = (Street::open(clip.clone(), 2, 1).await, Street::open(clip, 1, 4).await);
    let at_once = join_all((0..5).map(|number| shared.detect(number, FRAMES, VideoBounds::default()))).await;
    for (number, (found, _)) in (0..).zip(&at_once) {
        assert_eq!(*found, single.detect(number, FRAMES, VideoBounds::default()).await.0);
    }
    assert!(at_once.iter().any(|(_, figures)| figures.batch_rows_max > 1), "rows shared runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_smaller_than_the_queue_keeps_the_decoder_waiting_and_nothing_else() {
    let Some(clip) = clip() else { return };
    let street = Street::open(clip, 2, 1).await;
    let bounds = VideoBounds { batch_size: None, max_queue_size: Some(64), buffer_pool_size: Some(7) };
    bounds.validate().unwrap();
    let (found, figures) = street.detect(0, 20, bounds).await;
    assert_eq!((found.len(), figures.in_flight_limit, figures.in_flight_max), (20, 1, 1));
}
