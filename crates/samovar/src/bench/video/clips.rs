//! What is measured with where no video is given, and what shows that length costs no memory.

use crate::bench::workplace::Workplace;
use crate::failure::CliError;
use samovar_media::FfmpegProgram;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Seconds of a clip that is made here: long enough that starting the decoder does not count.
const CLIP_S: u32 = 20;
/// Frames a second of it.
const CLIP_FPS: u32 = 30;

/// A 720p and a 1080p clip.
///
/// # Errors
/// Where ffmpeg cannot make them.
pub fn usual(workplace: &Workplace, program: &FfmpegProgram) -> Result<Vec<PathBuf>, CliError> {
    [("720p", "1280x720"), ("1080p", "1920x1080")]
        .into_iter()
        .map(|(name, size)| {
            let source = format!("testsrc2=size={size}:rate={CLIP_FPS}:duration={CLIP_S}");
            make(workplace, program, &format!("{name}.mp4"), &source)
        })
        .collect()
}

/// A video of tiny frames, one a second.
///
/// # Errors
/// Where ffmpeg cannot make it.
pub fn tiny(workplace: &Workplace, program: &FfmpegProgram, seconds: u32) -> Result<PathBuf, CliError> {
    let source = format!("testsrc2=size=128x96:rate=1:duration={seconds}");
    make(workplace, program, &format!("tiny-{seconds}.mp4"), &source)
}

fn make(workplace: &Workplace, program: &FfmpegProgram, name: &str, source: &str) -> Result<PathBuf, CliError> {
    let path = workplace.path().join(name);
    let made = Command::new(program.path())
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-pix_fmt", "yuv420p"])
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output();
    match made {
        Ok(output) if output.status.success() => Ok(path),
        _ => Err(CliError::new("decoder_failed", "ffmpeg could not make a clip to measure with")
            .cure("give one: --video FILE")),
    }
}
