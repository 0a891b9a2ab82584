//! What a recorded video allocates: no more for its later frames than for its earlier ones, and nothing that stays.
//!
//! A binary of its own, because the heap's counters are those of the whole process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use samovar_engine_api::{Dim, ElementType, Port, Precision, Signature};
use samovar_engines::{FakeEngine, FakeModel};
use samovar_media::{FfmpegProgram, FramePool, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use samovar_models::{DetectOptions, Detector, FamilyHints, binder};
use samovar_pipelines::{DetectVideo, VideoBounds, VideoDetections};
use samovar_runtime::{DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, StreamKey};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// Frames until queues, pools and scratch have found their sizes.
const SETTLING: u64 = 100;
/// Frames of each portion that is counted.
const PORTION: u64 = 100;
/// Portions of each half: what the busiest moment of the first half takes, some moment of the second takes too.
const PORTIONS: u64 = 4;

/// What was allocated over a number of frames, and what was held at their end.
#[derive(Debug)]
struct Portion {
    blocks: u64,
    bytes: u64,
    held_blocks: usize,
    held_bytes: usize,
}

#[test]
fn later_frames_allocate_no_more_than_earlier_ones_and_nothing_stays() {
    let Some(program) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.mp4");
    make_clip(&program, &clip);
    let profiler = dhat::Profiler::builder().testing().build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let registry = registry();
        let model = registry.model("m").unwrap();
        model.open().await.unwrap();
        let bounds = VideoBounds::default();
        let pool = FramePool::new(bounds.buffers(bounds.in_flight_of(&model.generation().unwrap()), 0));
        let (input, options) = (VideoInput::File(clip), VideoOptions::new(program));
        let decoder = VideoDecoder::open(input, options, &VideoLimits::default(), pool.clone()).unwrap();
        let video = DetectVideo { options: DetectOptions::default(), stream: StreamKey(1), bounds };
        let mut detections = video.start(Detector::new(model), decoder);
        over(&mut detections, SETTLING).await;
        let (first, second) = (half(&mut detections).await, half(&mut detections).await);
        let figures = detections.figures();
        // How often threads wait for each other, and how many frames are in flight, differ from moment to moment; what
        // grows with every frame makes the least of the second half more than the most of the first.
        grows_not(&first, &second, "blocks", |portion| portion.blocks);
        grows_not(&first, &second, "bytes", |portion| portion.bytes);
        grows_not(&first, &second, "held blocks", |portion| portion.held_blocks as u64);
        grows_not(&first, &second, "held bytes", |portion| portion.held_bytes as u64);
        assert!(first.iter().all(|portion| portion.blocks < 64 * PORTION), "{first:?}");
        assert_eq!((pool.stats().misses, figures.detections.misses), (0, 0));
        assert!(pool.stats().allocations <= pool.stats().capacity as u64, "{:?}", pool.stats());
        assert!(figures.detections.allocations <= figures.detections.capacity as u64, "{:?}", figures.detections);
    });
    drop(profiler);
}

/// Fails where every portion of the second half has more of something than any of the first.
fn grows_not(first: &[Portion], second: &[Portion], name: &str, of: impl Fn(&Portion) -> u64) {
    let (most, least) = (first.iter().map(&of).max(), second.iter().map(&of).min());
    assert!(least <= most, "{name}: from {most:?} to {least:?} in {first:?} {second:?}");
}

async fn half(detections: &mut VideoDetections) -> Vec<Portion> {
    let mut portions = Vec::with_capacity(PORTIONS as usize);
    for _ in 0..PORTIONS {
        portions.push(over(detections, PORTION).await);
    }
    portions
}

/// Goes through `frames` more frames.
async fn over(detections: &mut VideoDetections, frames: u64) -> Portion {
    let before = dhat::HeapStats::get();
    for _ in 0..frames {
        detections.next().await.unwrap().unwrap();
    }
    let after = dhat::HeapStats::get();
    Portion {
        blocks: after.total_blocks - before.total_blocks,
        bytes: after.total_bytes - before.total_bytes,
        held_blocks: after.curr_blocks,
        held_bytes: after.curr_bytes,
    }
}

fn ffmpeg() -> Option<FfmpegProgram> {
    let program = FfmpegProgram::find().ok();
    assert!(program.is_some() || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "FFmpeg is absent");
    if program.is_none() {
        println!("skipped: FFmpeg is absent");
    }
    program
}

/// Small frames, more than are looked at.
fn make_clip(program: &FfmpegProgram, clip: &Path) {
    let frames = (SETTLING + 2 * PORTIONS * PORTION + 100).to_string();
    let source = "testsrc2=size=96x64:rate=25";
    let made = Command::new(program.path())
        .args(["-v", "error", "-f", "lavfi", "-i", source, "-frames:v", &frames, "-pix_fmt", "yuv420p"])
        .arg(clip)
        .status();
    assert!(made.unwrap().success());
}

/// A tiny detector on the fake engine: 64×64 in, 84 anchors of 2 classes out, and something is found on every frame.
fn registry() -> Registry {
    let port = |name: &str, dims: &[usize]| {
        let batch = std::iter::once(Dim::Dynamic(Some("batch".to_owned())));
        let dims = batch.chain(dims.iter().map(|&size| Dim::Fixed(size))).collect();
        Port { name: name.to_owned(), element: ElementType::F32, dims }
    };
    let names = ("names".to_owned(), "{0: 'cup', 1: 'kettle'}".to_owned());
    let model = FakeModel::new(Signature {
        inputs: vec![port("images", &[3, 64, 64])],
        outputs: vec![port("output0", &[6, 84])],
        metadata: [names].into_iter().collect(),
    });
    let spec = ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        ..ModelSpec::new("m", ModelSource::file("m"), binder(FamilyHints::default()))
    };
    let device = DeviceOptions { slots: 2, threads: 1, ..DeviceOptions::default() };
    let engine = Arc::new(FakeEngine::new().with("m", &model));
    Registry::start(RegistryOptions { device, ..RegistryOptions::new(vec![engine]) }, vec![spec]).unwrap()
}
