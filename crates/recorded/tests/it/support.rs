//! A real detector on the built-in engine, and videos to work through with it.

use samovar_engine_api::Precision;
use samovar_engines::{Locations, present};
use samovar_media::{FfmpegProgram, Frame, VideoInfo, VideoInput, VideoLimits};
use samovar_models::{DetectOptions, Detector, FamilyHints, binder};
use samovar_pipelines::VideoBounds;
use samovar_recorded::{
    Export, FrameChoice, FrameRecord, FrameWatch, Journal, JournalHeader, JournalReader, RecordedError, ResultFormat,
    VideoWork, WorkEnd, export,
};
use samovar_runtime::{DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, StreamKey};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// A file that ships with Samovar.
pub fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

/// A file of the real models and media; none, with a line that says so, where they are absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let folder = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder.join(path));
    }
    assert!(!is_ci(), "the test models are absent");
    println!("skipped: the test models are absent; set SAMOVAR_TEST_MODELS to their folder");
    None
}

fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// FFmpeg; none, with a line that says so, where it is absent.
pub fn ffmpeg() -> Option<FfmpegProgram> {
    let program = FfmpegProgram::find().ok();
    assert!(program.is_some() || !is_ci(), "FFmpeg is absent");
    if program.is_none() {
        println!("skipped: FFmpeg is absent");
    }
    program
}

/// A detector that serves, a program that decodes, and a folder for what is written.
pub struct Bench {
    registry: Registry,
    pub program: FfmpegProgram,
    pub folder: tempfile::TempDir,
}

/// What a work's watcher has seen.
#[derive(Default)]
pub struct Seen {
    pub expected: Option<u64>,
    pub frames: u64,
    /// Cancels when so many frames have come.
    pub cancel_at: Option<(u64, CancellationToken)>,
    pub cancelled: Option<Instant>,
}

impl Seen {
    /// What it cancels.
    pub fn token(&self) -> CancellationToken {
        self.cancel_at.as_ref().map_or_else(CancellationToken::new, |(_, token)| token.clone())
    }
}

impl FrameWatch for Seen {
    fn opened(&mut self, _: &VideoInfo, frames: Option<u64>) {
        self.expected = frames;
    }

    fn frame(&mut self, _: &Arc<Frame>, _: &FrameRecord) -> Result<(), RecordedError> {
        self.frames += 1;
        if let Some((at, token)) = &self.cancel_at
            && self.frames >= *at
        {
            self.cancelled.get_or_insert_with(Instant::now);
            token.cancel();
        }
        Ok(())
    }
}

impl Bench {
    /// The detector that ships with Samovar; none where FFmpeg is absent.
    pub async fn starter() -> Option<Self> {
        Some(Self::with(&starter("models/starter-detect.onnx"), ffmpeg()?).await)
    }

    /// The detector in that file.
    pub async fn with(model: &Path, program: FfmpegProgram) -> Self {
        let engines = present(&Locations::default()).into_iter();
        let engines = engines.filter(|engine| engine.info().name == "rten").collect();
        let options = RegistryOptions {
            device: DeviceOptions { slots: 2, ..DeviceOptions::default() },
            ..RegistryOptions::new(engines)
        };
        let spec = ModelSpec {
            precision: PrecisionChoice::Fixed(Precision::F32),
            ..ModelSpec::new("person", ModelSource::file(model), binder(FamilyHints::default()))
        };
        let registry = Registry::start(options, vec![spec]).unwrap();
        registry.model("person").unwrap().open().await.unwrap();
        Self { registry, program, folder: tempfile::tempdir().unwrap() }
    }

    pub fn detector(&self) -> Detector {
        Detector::new(self.registry.model("person").unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn header(&self, choice: &FrameChoice) -> JournalHeader {
        let generation = self.detector().handle().generation().unwrap();
        JournalHeader {
            input: "street.mp4".to_owned(),
            source: Some((1, 2)),
            model: generation.name.to_string(),
            fingerprint: "ab".to_owned(),
            engine: generation.engine.to_owned(),
            precision: generation.precision.name().to_owned(),
            labels: self.detector().model().unwrap().labels().iter().map(str::to_owned).collect(),
            options: json!({ "score_min": 0.25_f32 }),
            choice: choice.clone(),
        }
    }

    pub fn work(&self, choice: &FrameChoice) -> VideoWork {
        VideoWork {
            detector: self.detector(),
            options: DetectOptions::default(),
            choice: choice.clone(),
            bounds: VideoBounds::default(),
            stream: StreamKey(1),
            only_port: None,
            program: self.program.clone(),
            limits: VideoLimits::default(),
        }
    }

    /// Works a video through, or goes on with it.
    pub async fn go_on(&self, video: &Path, choice: &FrameChoice, journal: &Path) -> Result<WorkEnd, RecordedError> {
        self.watched(video, choice, journal, &mut Seen::default()).await
    }

    pub async fn watched(
        &self,
        video: &Path,
        choice: &FrameChoice,
        journal: &Path,
        seen: &mut Seen,
    ) -> Result<WorkEnd, RecordedError> {
        let header = self.header(choice);
        let journal = match Journal::resume(journal, &header)? {
            Some(journal) => journal,
            None => Journal::create(journal, &header)?,
        };
        let cancelled = seen.token();
        self.work(choice).run(VideoInput::File(video.to_owned()), journal, seen, &cancelled).await
    }

    /// Exports one journal, and reads the file.
    pub fn exported(&self, journal: &Path, format: ResultFormat, track: bool) -> Vec<u8> {
        let out = self.path(&format!("out.{}", format.extension()));
        export(&[journal.to_owned()], &Export { format, track }, &out).unwrap();
        std::fs::read(&out).unwrap()
    }
}

/// What a journal says, but for what was measured: timings and performance.
pub fn facts(journal: &Path) -> Vec<Value> {
    let mut reader = JournalReader::open(journal).unwrap();
    let mut facts = vec![serde_json::to_value(reader.header()).unwrap()];
    while let Some(record) = reader.next_frame().unwrap() {
        facts.push(serde_json::to_value(FrameRecord { timings: None, ..record }).unwrap());
    }
    if let Some(end) = reader.end() {
        let mut end = serde_json::to_value(end).unwrap();
        end.as_object_mut().unwrap().remove("performance").unwrap();
        facts.push(end);
    }
    facts
}

pub fn first(frames: u64) -> FrameChoice {
    FrameChoice { frames_max: Some(frames), ..FrameChoice::default() }
}

/// The end of a video that was worked through.
pub fn finished(end: WorkEnd) -> samovar_recorded::JournalEnd {
    match end {
        WorkEnd::Finished(end) => *end,
        WorkEnd::Cancelled => panic!("nobody cancelled it"),
    }
}
