//! `samovar bench detect`: measurements of each kind in turn, so that a noisy machine disturbs all of them alike.

use super::detect_report::{CpuPerFrame, Figures, Path as Measurement};
use super::media::{Clip, picture};
use super::statistics::median;
use super::{stages, throughput};
use crate::arguments::{BenchDetectArguments, ModelChoices};
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::run::{self, LoadedModel};
use crate::{here, stderr, stdout};
use samovar_engine_api::{Device, LoadOptions, LoadedModel as Weights, ModelFiles};
use samovar_media::{FfmpegProgram, Frame, FramePool, Picture};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Runs the command.
///
/// # Errors
/// The model, the picture, the clip, or a measurement that fails.
pub fn detect(arguments: &BenchDetectArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let figures = runtime.block_on(async {
        let model = run::load(&arguments.model, &arguments.choices, &file).await?;
        let bench = Bench::new(arguments, &file, model)?;
        bench.run().await
    })?;
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

struct Bench<'a> {
    arguments: &'a BenchDetectArguments,
    model: LoadedModel,
    /// A second copy of the weights, for the engine alone.
    weights: Arc<dyn Weights>,
    /// One shape for each input.
    shapes: Vec<Vec<usize>>,
    /// Width and height of the model's input.
    size: (u32, u32),
    picture: Picture,
    video: Option<Video>,
    time: Duration,
}

struct Video {
    program: FfmpegProgram,
    clip: Clip,
    frame: Frame,
}

/// All measurements, by kind.
#[derive(Default)]
struct Samples {
    engine: Vec<f64>,
    jpeg: Vec<f64>,
    video: Vec<f64>,
    decode_jpeg: Vec<f64>,
    decode_video: Vec<f64>,
    prepare_rgb: Vec<f64>,
    prepare_yuv: Vec<f64>,
    infer: Vec<f64>,
    finish: Vec<f64>,
    /// CPU-seconds of a frame while the whole path ran.
    cpu_jpeg: Vec<f64>,
    cpu_video: Vec<f64>,
}

/// Warm-up of each kind before anything counts.
const WARM_UP: Duration = Duration::from_millis(500);

impl<'a> Bench<'a> {
    fn new(arguments: &'a BenchDetectArguments, file: &ConfigFile, model: LoadedModel) -> Result<Self, CliError> {
        let picture = picture(arguments.image.as_deref())?;
        let bound = model.detector.model()?;
        let size = bound.size_for(picture.size());
        let shapes = shapes(&model, size);
        let weights = weights(&model, &arguments.model, &arguments.choices, file, &shapes)?;
        let video = match here::ffmpeg(&file.config) {
            Ok(program) => Some(Video::new(arguments.video.as_deref(), program)?),
            Err(error) => {
                stderr::line(&format!("without video: {error}"));
                None
            }
        };
        let time = Duration::from_secs(arguments.seconds.max(1));
        Ok(Self { arguments, model, weights, shapes, size, picture, video, time })
    }

    async fn run(&self) -> Result<Figures, CliError> {
        let mut discarded = Samples::default();
        self.round(&mut discarded, WARM_UP).await?;
        let mut samples = Samples::default();
        for repetition in 1..=self.arguments.repetitions.max(1) {
            stderr::line(&format!("repetition {repetition} of {}", self.arguments.repetitions.max(1)));
            self.round(&mut samples, self.time).await?;
        }
        Ok(self.figures(&samples))
    }

    /// One measurement of each kind.
    async fn round(&self, samples: &mut Samples, time: Duration) -> Result<(), CliError> {
        let generation = &self.model.generation;
        let places = (generation.slots, generation.threads);
        samples.engine.push(throughput::engine_alone(&self.weights, &self.shapes, places, time)?);
        let jpeg = throughput::from_jpeg(&self.model, &self.picture, time).await?;
        samples.jpeg.push(jpeg.frames_per_second);
        samples.finish.push(jpeg.finish.as_secs_f64());
        samples.cpu_jpeg.push(jpeg.cpu_s);
        if let Some(Video { program, clip, frame }) = &self.video {
            let video = throughput::from_video(&self.model, clip, program, time).await?;
            samples.video.push(video.frames_per_second);
            samples.cpu_video.push(video.cpu_s);
            samples.decode_video.push(stages::decode_video(clip, program)?);
            samples.prepare_yuv.push(stages::prepare(frame, self.size, time / 4)?);
        }
        let frame = self.picture.frame(&FramePool::new(1))?;
        samples.decode_jpeg.push(stages::decode_jpeg(&self.picture, time / 4)?);
        samples.prepare_rgb.push(stages::prepare(&frame, self.size, time / 4)?);
        let mut runner = throughput::runner(&self.weights, &self.shapes, 1)?;
        samples.infer.push(stages::infer(runner.as_mut(), time / 2)?);
        Ok(())
    }

    fn figures(&self, samples: &Samples) -> Figures {
        let generation = &self.model.generation;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let stage = |decode: &[f64], prepare: &[f64], used: &[f64]| CpuPerFrame {
            used_ms: median(used) * 1e3,
            decode_ms: median(decode) * 1e3,
            prepare_ms: median(prepare) * 1e3,
            infer_ms: median(&samples.infer) * 1e3,
            finish_ms: median(&samples.finish) * 1e3,
        };
        let alone = median(&samples.engine);
        let path = |fps: &[f64], cpu: CpuPerFrame| Measurement::new(median(fps), alone, cores, cpu);
        Figures {
            command: std::env::args().collect::<Vec<_>>().join(" "),
            model: generation.name.to_string(),
            engine: format!("{} {}", generation.engine, generation.engine_version),
            precision: generation.precision.name(),
            input: format!("{}×{}", self.size.0, self.size.1),
            cores,
            slots: generation.slots,
            threads: generation.threads,
            repetitions: samples.engine.len(),
            engine_frames_per_second: alone,
            jpeg: path(&samples.jpeg, stage(&samples.decode_jpeg, &samples.prepare_rgb, &samples.cpu_jpeg)),
            h264: self
                .video
                .is_some()
                .then(|| path(&samples.video, stage(&samples.decode_video, &samples.prepare_yuv, &samples.cpu_video))),
        }
    }
}

impl Video {
    fn new(path: Option<&Path>, program: FfmpegProgram) -> Result<Self, CliError> {
        let clip = Clip::new(path, &program)?;
        let frame = throughput::open(&clip, &program, 1)?.next_frame()?;
        let frame = frame.ok_or_else(|| CliError::new("corrupt_media", "the video holds no frame"))?;
        Ok(Self { program, clip, frame })
    }
}

/// Frames a second of the engine alone, on as many slots as the runtime would use, on pictures of `size` (width, height).
///
/// # Errors
/// The model, or what the engine says.
pub async fn engine_alone(
    text: &str,
    choices: &ModelChoices,
    file: &ConfigFile,
    size: (u32, u32),
    time: Duration,
) -> Result<f64, CliError> {
    let model = run::load(text, choices, file).await?;
    let shapes = shapes(&model, model.detector.model()?.size_for(size));
    let weights = weights(&model, text, choices, file, &shapes)?;
    let places = (model.generation.slots, model.generation.threads);
    throughput::engine_alone(&weights, &shapes, places, WARM_UP)?;
    throughput::engine_alone(&weights, &shapes, places, time)
}

/// The shapes that a picture of this input size runs at, one row.
pub(super) fn shapes(model: &LoadedModel, size: (u32, u32)) -> Vec<Vec<usize>> {
    let sides = [size.1 as usize, size.0 as usize];
    let lanes = model.generation.family.lanes();
    let fits = |shapes: &Vec<Vec<usize>>| shapes.iter().any(|shape| shape.ends_with(&sides));
    lanes.iter().map(|lane| lane.full(1)).find(fits).unwrap_or_default()
}

/// The model once more, loaded as the runtime has loaded it.
pub(super) fn weights(
    model: &LoadedModel,
    text: &str,
    choices: &ModelChoices,
    file: &ConfigFile,
    shapes: &[Vec<usize>],
) -> Result<Arc<dyn Weights>, CliError> {
    let generation = &model.generation;
    let (_, section) = crate::model_choice::file_or_name(text, &file.config, choices)?;
    let engines = here::engines(&file.config);
    let engine = engines.into_iter().find(|engine| engine.info().name == generation.engine);
    let engine = engine.ok_or_else(|| CliError::new("engine_unavailable", "the engine went away while measuring"))?;
    let options = LoadOptions {
        precision: generation.precision,
        device: Device::Cpu,
        slots: generation.slots,
        threads: generation.threads,
        shapes: shapes.to_vec(),
        ..LoadOptions::default()
    };
    engine.load(&ModelFiles { path: section.path }, &options).map_err(|error| throughput::engine_failed(&error))
}
