//! Anomalies in recordings, with real models: streams do not see each other, real walkers are no anomaly, and lying ones are.

use samovar_engine_api::{Engine, Precision};
use samovar_engines::{Locations, Rten, present};
use samovar_media::{
    FfmpegProgram, Frame, FramePool, Picture, PixelFormat, VideoDecoder, VideoInput, VideoLimits, VideoOptions,
};
use samovar_models::{AppearanceEncoder, FamilyHints, PoseEstimator, SequenceScorer, binder};
use samovar_pipelines::{
    AnomalyModels, AnomalyOptions, AnomalyOutput, AnomalyStream, AnomalyVideo, FrameEvent, SceneEvent, SceneEventKind,
    SceneFrame, ScenePerson, VideoBounds, WindowScore,
};
use samovar_runtime::{DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, StreamKey};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// What one clip gave: of each frame its people and scores, and all events.
#[derive(Debug, Default, PartialEq)]
struct Told {
    frames: Vec<(Vec<ScenePerson>, Vec<WindowScore>)>,
    events: Vec<SceneEvent>,
}

impl Told {
    fn add(&mut self, scene: SceneFrame, events: impl IntoIterator<Item = SceneEvent>) {
        assert_eq!(scene.windows_dropped, 0);
        self.frames.push((scene.persons, scene.windows));
        self.events.extend(events);
    }

    fn count(&self, kind: SceneEventKind) -> usize {
        self.events.iter().filter(|event| event.kind == kind).count()
    }

    fn scores(&self) -> Vec<f32> {
        self.frames.iter().flat_map(|(_, windows)| windows).map(|window| window.score).collect()
    }

    fn score_max(&self) -> f32 {
        let smoothed = self.frames.iter().flat_map(|(persons, _)| persons).filter_map(|person| person.anomaly_score);
        smoothed.fold(f32::NEG_INFINITY, f32::max)
    }
}

/// The program and the folder of the test models; none, with a line that says so, where one is absent.
fn test_models() -> Option<(FfmpegProgram, PathBuf)> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let folder = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(default, PathBuf::from);
    found(folder.join("MANIFEST.md").exists(), "the test models are absent; set SAMOVAR_TEST_MODELS")?;
    Some((ffmpeg()?, folder))
}

fn ffmpeg() -> Option<FfmpegProgram> {
    let program = FfmpegProgram::find().ok();
    found(program.is_some(), "FFmpeg is absent")?;
    program
}

fn found(is_there: bool, otherwise: &str) -> Option<()> {
    let may_skip = std::env::var_os("CI").is_none_or(|ci| ci != "true");
    assert!(is_there || may_skip, "{otherwise}");
    if !is_there {
        println!("skipped: {otherwise}");
    }
    is_there.then_some(())
}

fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

/// The models by their files, warm: pose, sequence, and one that tells people apart by their looks.
async fn warm(
    engines: Vec<Arc<dyn Engine>>,
    pose: &Path,
    sequence: &Path,
    looks: Option<&Path>,
) -> (Registry, AnomalyModels) {
    let spec = |name: &str, path: &Path| ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        ..ModelSpec::new(name, ModelSource::file(path), binder(FamilyHints::default()))
    };
    let options = RegistryOptions {
        device: DeviceOptions { slots: 2, ..DeviceOptions::default() },
        ..RegistryOptions::new(engines)
    };
    let files = [("pose", Some(pose)), ("sequence", Some(sequence)), ("looks", looks)];
    let specs: Vec<_> = files.iter().filter_map(|(name, path)| Some(spec(name, (*path)?))).collect();
    let names: Vec<_> = specs.iter().map(|spec| spec.name.clone()).collect();
    let registry = Registry::start(options, specs).unwrap();
    for name in names {
        registry.model(&name).unwrap().open().await.unwrap();
    }
    let models = AnomalyModels {
        detector: None,
        pose: PoseEstimator::new(registry.model("pose").unwrap()),
        sequence: SequenceScorer::new(registry.model("sequence").unwrap()),
        appearance: looks.map(|_| AppearanceEncoder::new(registry.model("looks").unwrap())),
    };
    (registry, models)
}

fn decoder(program: FfmpegProgram, path: &Path, start: Duration, frames: u64) -> VideoDecoder {
    let options = VideoOptions { start, frame_count_max: Some(frames), ..VideoOptions::new(program) };
    let pool = FramePool::new(16);
    VideoDecoder::open(VideoInput::File(path.into()), options, &VideoLimits::default(), pool).unwrap()
}

/// A part of the drawn street: the `clip`th begins a second after the one before.
fn street(program: &FfmpegProgram, clip: u32, frames: u64) -> VideoDecoder {
    decoder(program.clone(), &starter("samples/street.mp4"), Duration::from_secs(1) * clip, frames)
}

async fn recorded(models: AnomalyModels, decoder: VideoDecoder, clip: u32) -> Told {
    let stream = StreamKey(u64::from(clip));
    let video =
        AnomalyVideo { options: AnomalyOptions::default(), stream, bounds: VideoBounds::default(), recorded_at: None };
    let mut scenes = video.start(models, decoder);
    let mut told = Told::default();
    while let Some(outcome) = scenes.next().await {
        let outcome = outcome.unwrap();
        assert_eq!(outcome.index, told.frames.len() as u64);
        told.add(outcome.scene, outcome.events);
    }
    told.events.extend(scenes.finish_events());
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_clips_at_once_give_what_each_gives_alone() {
    let Some(program) = ffmpeg() else { return };
    let (pose, sequence) = (starter("models/starter-pose.onnx"), starter("models/starter-stg-nf.onnx"));
    let (_registry, models) = warm(vec![Arc::new(Rten)], &pose, &sequence, None).await;
    let play = |clip: u32| recorded(models.clone(), street(&program, clip, 30), clip);
    let clips: Vec<_> = (0..16).map(|clip| tokio::spawn(play(clip))).collect();
    let mut scores = 0;
    for (clip, told) in (0..16).zip(clips) {
        let together = told.await.unwrap();
        let alone = play(clip).await;
        assert_eq!(together.frames.len(), 30);
        assert!(together == alone, "clip {clip} is not what it is alone");
        scores += together.scores().len();
    }
    println!("{scores} windows were scored");
    assert!(scores > 16 * 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_gives_what_the_live_stream_gave_and_tells_of_the_one_who_fell() {
    let Some(program) = ffmpeg() else { return };
    let (pose, sequence) = (starter("models/starter-pose.onnx"), starter("models/starter-stg-nf.onnx"));
    let (_registry, models) = warm(vec![Arc::new(Rten)], &pose, &sequence, None).await;
    // The second half of the clip: 120 frames in which somebody falls and stays down.
    let recording = recorded(models.clone(), street(&program, 10, 120), 0).await;
    let live = live(models, street(&program, 10, 120), false).await;
    assert!(recording == live);
    let fallen = recording.count(SceneEventKind::AnomalyStarted);
    assert_eq!(fallen, 1, "{:?}", recording.events);
}

/// Every frame of a clip as a live stream, each told before the next comes, so that nothing is dropped; `turned` by a quarter.
async fn live(models: AnomalyModels, mut decoder: VideoDecoder, turned: bool) -> Told {
    let mut stream = AnomalyStream::new(models, AnomalyOptions::default(), StreamKey(1), NonZeroU16::MIN);
    let (pool, mut told, mut number) = (FramePool::new(4), Told::default(), 0);
    while let Some(frame) = decoder.next_frame().unwrap() {
        let time = frame.timestamp();
        let frame = if turned { quarter_turn(&frame, &pool) } else { frame };
        stream.push(number, time, UNIX_EPOCH + time, Picture::from(frame));
        number += 1;
        while !stream.is_idle() {
            match stream.next().await {
                AnomalyOutput::Frame(FrameEvent::Result { completed, .. }) => told.add(completed.output, []),
                AnomalyOutput::Event(event) => told.events.push(event),
                AnomalyOutput::Frame(other) => unreachable!("{other:?}"),
            }
        }
    }
    told.events.extend(stream.end());
    told
}

/// The frame turned clockwise: what stands lies.
fn quarter_turn(frame: &Frame, pool: &FramePool) -> Frame {
    assert!(matches!(frame.format(), PixelFormat::Yuv420 { .. }));
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut turned = pool.take(frame.pixels().len());
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let planes = [(width, height), (half_width, half_height), (half_width, half_height)];
    let mut at = 0;
    for (width, height) in planes {
        let (from, to) = (&frame.pixels()[at..at + width * height], &mut turned[at..at + width * height]);
        for (index, value) in to.iter_mut().enumerate() {
            let (x, y) = (index % height, index / height);
            *value = from[(height - 1 - x) * width + y];
        }
        at += width * height;
    }
    Frame::new(frame.height(), frame.width(), frame.format(), frame.timestamp(), turned)
}

#[tokio::test(flavor = "multi_thread")]
async fn real_walkers_are_no_anomaly_and_the_same_lying_are() {
    let Some((program, folder)) = test_models() else { return };
    let (pose, sequence) =
        (folder.join("yolov8n-pose/yolov8n-pose.onnx"), folder.join("stg-nf/stg_nf_shanghaitech.onnx"));
    let looks = folder.join("osnet-x0.25/osnet_x0_25_msmt17.onnx");
    let (_registry, models) = warm(present(&Locations::from_environment()), &pose, &sequence, Some(&looks)).await;
    let clip = folder.join("media/one-by-one-person-detection.mp4");
    // Somebody walks through whom the pose model finds lying as well.
    let part = || decoder(program.clone(), &clip, Duration::from_secs(23), 80);
    let upright = live(models.clone(), part(), false).await;
    println!("upright: {} windows, smoothed at most {}", upright.scores().len(), upright.score_max());
    assert!(upright.scores().len() > 40 && upright.count(SceneEventKind::PersonAppeared) > 0);
    assert_eq!(upright.count(SceneEventKind::AnomalyStarted), 0);
    let lying = live(models, part(), true).await;
    println!("lying: {} windows, smoothed at most {}", lying.scores().len(), lying.score_max());
    assert!(lying.count(SceneEventKind::AnomalyStarted) > 0);
}
