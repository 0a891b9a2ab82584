//! CPU-seconds of each stage of one frame, measured alone on one thread: what the cores would allow if nothing were lost.

use super::media::Clip;
use super::throughput;
use crate::cpu_time::CpuTime;
use crate::failure::CliError;
use samovar_engine_api::Runner;
use samovar_media::{FfmpegProgram, Frame, FramePool, Letterbox, Picture, Row, RowFormat, RowScratch, write_row};
use std::time::{Duration, Instant};

/// Decoding of one JPEG.
///
/// # Errors
/// What the decoder says.
pub fn decode_jpeg(picture: &Picture, time: Duration) -> Result<f64, CliError> {
    let pool = FramePool::new(1);
    per_round(time, || picture.frame(&pool).map(drop).map_err(CliError::from))
}

/// Decoding of one frame of a clip: the child that decodes, and the reading of its pipe.
///
/// # Errors
/// What the decoder says.
pub fn decode_video(clip: &Clip, program: &FfmpegProgram) -> Result<f64, CliError> {
    let before = CpuTime::now();
    let mut decoder = throughput::open(clip, program, 1)?;
    let mut frames = 0_u32;
    while decoder.next_frame()?.is_some() {
        frames += 1;
    }
    drop(decoder);
    Ok(CpuTime::now().since(before).as_secs_f64() / f64::from(frames.max(1)))
}

/// Letterbox, colour and normalisation of one frame into a row of that size.
///
/// # Errors
/// What the pass says.
pub fn prepare(frame: &Frame, size: (u32, u32), time: Duration) -> Result<f64, CliError> {
    let letterbox = Letterbox::centered((frame.width(), frame.height()), size);
    let mut row = vec![0.0_f32; 3 * size.0 as usize * size.1 as usize];
    let mut scratch = RowScratch::default();
    per_round(time, || {
        write_row(frame, &letterbox, &RowFormat::UNIT, Row::F32(&mut row), &mut scratch).map_err(CliError::from)
    })
}

/// One run of the engine.
///
/// # Errors
/// What the engine says.
pub fn infer(runner: &mut dyn Runner, time: Duration) -> Result<f64, CliError> {
    per_round(time, || runner.run().map_err(|error| throughput::engine_failed(&error)))
}

/// CPU-seconds of one round; all threads of this process count, and nothing else runs in it.
fn per_round(time: Duration, mut round: impl FnMut() -> Result<(), CliError>) -> Result<f64, CliError> {
    round()?;
    let (started, before) = (Instant::now(), CpuTime::now());
    let mut rounds = 0_u32;
    while started.elapsed() < time {
        round()?;
        rounds += 1;
    }
    Ok(CpuTime::now().since(before).as_secs_f64() / f64::from(rounds.max(1)))
}
