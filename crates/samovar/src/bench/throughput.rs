//! Frames a second: the engine alone on every slot, and the whole path from JPEG and from H.264.

use super::media::Clip;
use crate::cpu_time::CpuTime;
use crate::failure::CliError;
use crate::run::LoadedModel;
use samovar_engine_api::{LoadedModel as Weights, Runner, RunnerOptions};
use samovar_media::{FfmpegProgram, FramePool, Picture, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use samovar_models::{DetectOptions, Detections};
use samovar_pipelines::{DetectVideo, VideoBounds};
use samovar_runtime::{Call, Class, Completed, Pending, StreamKey};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One measurement of the whole path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Frames a second.
    pub frames_per_second: f64,
    /// Median of reading the outputs of one frame.
    pub finish: Duration,
    /// CPU-seconds that one frame took of all processes together: tells what was lost even on a machine that others use too.
    pub cpu_s: f64,
}

/// Runs one runner on each slot, over and over, on input that was written once.
///
/// # Errors
/// What the engine says.
pub fn engine_alone(
    weights: &Arc<dyn Weights>,
    shape: &[Vec<usize>],
    (slots, threads): (usize, usize),
    time: Duration,
) -> Result<f64, CliError> {
    let mut runners = (0..slots).map(|_| runner(weights, shape, threads)).collect::<Result<Vec<_>, _>>()?;
    let (stop, runs) = (AtomicBool::new(false), AtomicU64::new(0));
    let started = Instant::now();
    let failed = std::thread::scope(|scope| {
        let spin = |runner: &mut Box<dyn Runner>| {
            while !stop.load(Ordering::Relaxed) {
                runner.run()?;
                runs.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let threads: Vec<_> = runners.iter_mut().map(|runner| scope.spawn(move || spin(runner))).collect();
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join()).find_map(|joined| match joined {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(engine_failed(&error)),
            Err(_) => Some(CliError::new("internal", "a measuring thread panicked")),
        })
    });
    failed.map_or_else(|| Ok(runs.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()), Err)
}

/// A runner that has its input and has run once.
///
/// # Errors
/// What the engine says.
pub fn runner(weights: &Arc<dyn Weights>, shapes: &[Vec<usize>], threads: usize) -> Result<Box<dyn Runner>, CliError> {
    let mut runner = weights.runner(&RunnerOptions { threads }).map_err(|error| engine_failed(&error))?;
    for (index, shape) in shapes.iter().enumerate() {
        let input = runner.input(index, shape).map_err(|error| engine_failed(&error))?;
        // Tokens and their masks: a text of nothing but padding would be no work.
        if let Ok(tokens) = input.into_slice::<i64>() {
            tokens.fill(1);
        }
    }
    runner.run().map_err(|error| engine_failed(&error))?;
    Ok(runner)
}

/// An engine's failure as a command's.
pub fn engine_failed(error: &samovar_engine_api::EngineError) -> CliError {
    CliError::new("engine_failed", error.to_string()).cure("try another engine: --engine rten")
}

/// The whole path from the bytes of a JPEG, twice as many in flight as there are slots.
///
/// # Errors
/// What the runtime says.
pub async fn from_jpeg(model: &LoadedModel, picture: &Picture, time: Duration) -> Result<Measured, CliError> {
    let in_flight = 2 * model.generation.slots;
    let mut pending = VecDeque::new();
    let mut finish = Vec::new();
    for _ in 0..in_flight {
        pending.push_back(submit(model, picture).await?);
    }
    let (started, before) = (Instant::now(), CpuTime::now());
    while started.elapsed() < time {
        let Some(oldest) = pending.pop_front() else { break };
        finish.push(finished(&oldest.await?));
        pending.push_back(submit(model, picture).await?);
    }
    let took = started.elapsed();
    let counted = finish.len();
    // What is still on its way takes CPU time too, so it is waited for.
    for late in pending {
        finish.push(finished(&late.await?));
    }
    Ok(Measured::new(&finish, counted as f64 / took.as_secs_f64(), before))
}

async fn submit(model: &LoadedModel, picture: &Picture) -> Result<Pending<Detections>, CliError> {
    let call = Call::new(Class::Job, StreamKey(0));
    Ok(model.detector.detect_waiting(picture.clone(), DetectOptions::default(), call).await?)
}

/// The whole path from a clip, begun anew when it is through.
///
/// # Errors
/// What the decoder or the runtime says.
pub async fn from_video(
    model: &LoadedModel,
    clip: &Clip,
    program: &FfmpegProgram,
    time: Duration,
) -> Result<Measured, CliError> {
    let bounds = VideoBounds::default();
    let in_flight = bounds.in_flight_of(&model.generation);
    let before = CpuTime::now();
    let (mut spent, mut finish) = (Duration::ZERO, Vec::new());
    while spent < time {
        let decoder = open(clip, program, in_flight)?;
        let video = DetectVideo { options: DetectOptions::default(), stream: StreamKey(0), bounds };
        let mut detections = video.start(model.detector.clone(), decoder);
        // The clock starts at the first result: starting a program is not what is measured.
        let Some(first) = detections.next().await else { break };
        first?;
        let started = Instant::now();
        while spent + started.elapsed() < time {
            let Some(outcome) = detections.next().await else { break };
            finish.push(finished(&outcome?.completed));
        }
        spent += started.elapsed();
        // Its child counts once it was waited for.
        detections.end()?;
    }
    Ok(Measured::new(&finish, finish.len() as f64 / spent.as_secs_f64().max(1e-9), before))
}

/// A decoder as `samovar run detect` uses it.
///
/// # Errors
/// What the decoder says.
pub fn open(clip: &Clip, program: &FfmpegProgram, in_flight: usize) -> Result<VideoDecoder, CliError> {
    let options = VideoOptions::new(program.clone());
    let pool = FramePool::new(VideoBounds::default().buffers(in_flight, 0));
    let input = VideoInput::File(clip.path().to_path_buf());
    Ok(VideoDecoder::open(input, options, &VideoLimits::default(), pool)?)
}

fn finished(completed: &Completed<Detections>) -> f64 {
    completed.timings.read.as_secs_f64()
}

impl Measured {
    fn new(finish: &[f64], frames_per_second: f64, before: CpuTime) -> Self {
        Self {
            cpu_s: CpuTime::now().since(before).as_secs_f64() / finish.len().max(1) as f64,
            frames_per_second,
            finish: Duration::from_secs_f64(super::statistics::median(finish)),
        }
    }
}
