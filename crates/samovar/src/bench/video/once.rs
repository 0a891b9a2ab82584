//! One measurement in a process of its own: a model, a video, figures as JSON on stdout.

use super::arguments::VideoOnceArguments;
use super::meter::Meter;
use crate::bench::detect::{shapes, weights};
use crate::bench::media::Clip;
use crate::bench::statistics::median;
use crate::bench::workplace::Workplace;
use crate::bench::{stages, throughput};
use crate::config::ConfigFile;
use crate::counting_heap::count_allocations;
use crate::cpu_time::CpuTime;
use crate::failure::{CliError, Exit};
use crate::run::{self, LoadHints, LoadedModel, video_sizes};
use crate::{here, stdout};
use futures_util::stream::{self, StreamExt};
use samovar_media::{FfmpegProgram, VideoInput, VideoLimits};
use samovar_models::DetectOptions;
use samovar_monitor::Monitor;
use samovar_pipelines::VideoBounds;
use samovar_recorded::{FrameChoice, Journal, JournalHeader, VideoWork, WorkEnd};
use samovar_runtime::StreamKey;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// What one measurement gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Once {
    pub engine: String,
    pub precision: String,
    /// Width × height of the model's input.
    pub input: String,
    pub slots: usize,
    pub frames: u64,
    pub seconds: f64,
    /// Of this process and its children, in seconds.
    pub cpu_s: f64,
    pub detections: u64,
    /// Of this process.
    pub peak_bytes: u64,
    pub decoders_peak_bytes: u64,
    pub load_s: f64,
    /// From the opening of the video to its hundredth frame.
    pub hundred_frames_s: Option<f64>,
    pub allocations_per_frame: Option<f64>,
    pub allocated_bytes_per_frame: Option<f64>,
    /// What was found, one digest for each copy.
    pub digests: Vec<String>,
    /// From being told to the end.
    pub cancel_s: Option<f64>,
    /// What the work itself tells: pools, stages.
    pub performance: serde_json::Value,
    /// CPU-seconds of each stage of one frame, measured alone.
    pub stages: Option<Stages>,
}

/// CPU-seconds of each stage of one frame, measured alone on one thread.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Stages {
    pub decode_s: f64,
    pub prepare_s: f64,
    pub infer_s: f64,
    pub finish_s: f64,
}

impl Stages {
    /// All of them.
    pub fn sum_s(&self) -> f64 {
        self.decode_s + self.prepare_s + self.infer_s + self.finish_s
    }
}

/// Frames that are gone through before anything counts, as the baselines do.
const WARM_UP_FRAMES: u64 = 5;
/// Of each stage measured alone.
const STAGE_TIME: Duration = Duration::from_secs(2);

/// Runs the hidden command.
///
/// # Errors
/// The model, the video, or what measuring came to.
pub fn video_once(arguments: &VideoOnceArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let figures = runtime.block_on(measure(arguments, &file))?;
    stdout::print_json(&figures)?;
    Ok(Exit::Ok)
}

struct Measuring<'a> {
    arguments: &'a VideoOnceArguments,
    model: LoadedModel,
    program: FfmpegProgram,
    monitor: Arc<Monitor>,
    workplace: Workplace,
}

async fn measure(arguments: &VideoOnceArguments, file: &ConfigFile) -> Result<Once, CliError> {
    let began = Instant::now();
    let program = here::ffmpeg(&file.config)?;
    let hints = LoadHints { pictures: video_sizes(&[&arguments.video], &program), ..LoadHints::default() };
    let model = run::load_for(&arguments.model.to_string_lossy(), &arguments.choices, file, &hints).await?;
    let measuring =
        Measuring { arguments, model, program, monitor: Arc::new(Monitor::new()), workplace: Workplace::new("video")? };
    let warm_up = FrameChoice { frames_max: Some(WARM_UP_FRAMES), ..FrameChoice::default() };
    measuring.work(usize::MAX, warm_up, None).await?;
    let load_s = began.elapsed().as_secs_f64();
    let mut figures = measuring.copies().await?;
    figures.load_s = load_s;
    // Before the stages are measured alone, which takes a second copy of the model.
    figures.peak_bytes = measuring.monitor.sample().process.resident_max_bytes;
    if arguments.stages {
        figures.stages = Some(measuring.stages(file, &mut figures)?);
    }
    Ok(figures)
}

impl Measuring<'_> {
    /// Every copy of the video, as many at once as was asked for.
    async fn copies(&self) -> Result<Once, CliError> {
        let choice = FrameChoice {
            every: NonZeroU32::new(self.arguments.every).unwrap_or(NonZeroU32::MIN),
            frames_max: self.arguments.frames_max,
            ..FrameChoice::default()
        };
        let (started, before) = (Instant::now(), CpuTime::now());
        count_allocations(true);
        let works = (0..self.arguments.copies.max(1)).map(|copy| self.work(copy, choice.clone(), self.cancel()));
        let mut done = stream::iter(works).buffered(self.arguments.at_once.max(1));
        let mut figures = Once::default();
        while let Some(outcome) = done.next().await {
            figures.add(&outcome?);
        }
        count_allocations(false);
        figures.seconds = started.elapsed().as_secs_f64();
        figures.cpu_s = CpuTime::now().since(before).as_secs_f64();
        let generation = &self.model.generation;
        figures.engine = format!("{} {}", generation.engine, generation.engine_version);
        figures.precision = generation.precision.name().to_owned();
        figures.slots = generation.slots;
        Ok(figures)
    }

    fn cancel(&self) -> Option<(u64, CancellationToken)> {
        self.arguments.cancel_after.map(|after| (after, CancellationToken::new()))
    }

    async fn work(
        &self,
        copy: usize,
        choice: FrameChoice,
        cancel: Option<(u64, CancellationToken)>,
    ) -> Result<(Meter, Option<f64>, serde_json::Value), CliError> {
        let token = cancel.as_ref().map_or_else(CancellationToken::new, |(_, token)| token.clone());
        let mut meter = Meter::new(Arc::clone(&self.monitor), cancel);
        let journal = Journal::create(&self.workplace.path().join(format!("{copy}.jsonl")), &self.header(&choice))?;
        let work = VideoWork {
            detector: self.model.detector.clone(),
            options: DetectOptions::default(),
            choice,
            bounds: VideoBounds { max_queue_size: self.arguments.queue, ..VideoBounds::default() },
            stream: StreamKey(copy as u64),
            program: self.program.clone(),
            limits: VideoLimits { duration: DURATION_MAX, ..VideoLimits::default() },
            only_port: None,
        };
        let input = VideoInput::File(self.arguments.video.clone());
        let end = work.run(input, journal, &mut meter, &token).await?;
        let cancel_s = meter.cancelled_at.map(|at| at.elapsed().as_secs_f64());
        let performance = match end {
            WorkEnd::Finished(end) => end.performance,
            WorkEnd::Cancelled => serde_json::Value::Null,
        };
        Ok((meter, cancel_s, performance))
    }

    fn header(&self, choice: &FrameChoice) -> JournalHeader {
        let generation = &self.model.generation;
        JournalHeader {
            input: self.arguments.video.display().to_string(),
            source: None,
            model: generation.name.to_string(),
            fingerprint: String::new(),
            engine: generation.engine.to_owned(),
            precision: generation.precision.name().to_owned(),
            labels: Vec::new(),
            options: serde_json::Value::Null,
            choice: choice.clone(),
        }
    }

    fn stages(&self, file: &ConfigFile, figures: &mut Once) -> Result<Stages, CliError> {
        let clip = Clip::new(Some(&self.arguments.video), &self.program)?;
        let frame = throughput::open(&clip, &self.program, 1)?.next_frame()?;
        let frame = frame.ok_or_else(|| CliError::new("corrupt_media", "the video holds no frame"))?;
        let size = self.model.detector.model()?.size_for((frame.width(), frame.height()));
        figures.input = format!("{}×{}", size.0, size.1);
        let shapes = shapes(&self.model, size);
        let model = self.arguments.model.to_string_lossy();
        let weights = weights(&self.model, &model, &self.arguments.choices, file, &shapes)?;
        let mut runner = throughput::runner(&weights, &shapes, 1)?;
        let performance = figures.performance["finish_ms"].as_f64();
        Ok(Stages {
            decode_s: stages::decode_video(&clip, &self.program)?,
            prepare_s: stages::prepare(&frame, size, STAGE_TIME / 2)?,
            infer_s: stages::infer(runner.as_mut(), STAGE_TIME)?,
            finish_s: performance.unwrap_or(0.0) / 1e3,
        })
    }
}

/// Longer than any video that is made here.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

impl Once {
    fn add(&mut self, (meter, cancel_s, performance): &(Meter, Option<f64>, serde_json::Value)) {
        self.frames += meter.frames;
        self.detections += meter.detections;
        self.digests.push(meter.digest());
        self.decoders_peak_bytes = self.decoders_peak_bytes.max(meter.decoders_bytes);
        self.hundred_frames_s = self.hundred_frames_s.or(meter.hundredth_s());
        self.cancel_s = self.cancel_s.or(*cancel_s);
        self.allocations_per_frame = self.allocations_per_frame.or(meter.per_frame().map(|(count, _)| count));
        self.allocated_bytes_per_frame = self.allocated_bytes_per_frame.or(meter.per_frame().map(|(_, bytes)| bytes));
        self.performance = performance.clone();
        if let Some(object) = self.performance.as_object_mut() {
            object.insert("finish_ms".to_owned(), median(&meter.finish_ms).into());
        }
    }
}
