//! A video of ten hours beside one of a minute: the same memory, and an end within a second.

use super::arguments::BenchVideoArguments;
use super::{clips, contender};
use crate::bench::workplace::Workplace;
use crate::failure::CliError;
use crate::stderr;
use samovar_media::FfmpegProgram;
use serde::Serialize;

/// What length costs.
#[derive(Debug, Serialize)]
pub struct Long {
    pub minute_peak_bytes: u64,
    pub ten_hours_peak_bytes: u64,
    pub minute_decoder_bytes: u64,
    pub ten_hours_decoder_bytes: u64,
    /// Frames of the ten hours that were looked at.
    pub frames: u64,
    /// From being told to end to the end, in the midst of the ten hours.
    pub cancel_s: f64,
}

/// Ten hours, one frame a second.
const LONG_S: u32 = 36_000;

/// Measures both.
///
/// # Errors
/// Where one of them fails.
pub fn long(arguments: &BenchVideoArguments, workplace: &Workplace, program: &FfmpegProgram) -> Result<Long, CliError> {
    stderr::line("ten hours of video beside one minute");
    let (minute, hours) = (clips::tiny(workplace, program, 60)?, clips::tiny(workplace, program, LONG_S)?);
    let model = arguments.rectangular.as_ref().unwrap_or(&arguments.model);
    let unbounded = BenchVideoArguments { frames_max: None, ..arguments.clone() };
    let short = contender::own(&unbounded, model, &minute, &[])?;
    let whole = contender::own(&unbounded, model, &hours, &[])?;
    let cut = contender::own(&unbounded, model, &hours, &["--cancel-after", "200"])?;
    Ok(Long {
        minute_peak_bytes: short.peak_bytes,
        ten_hours_peak_bytes: whole.peak_bytes,
        minute_decoder_bytes: short.decoders_peak_bytes,
        ten_hours_decoder_bytes: whole.decoders_peak_bytes,
        frames: whole.frames,
        cancel_s: cut.cancel_s.unwrap_or(f64::NAN),
    })
}
