//! Video through the `ffmpeg` program: which one is told by the environment, as in production.

mod access_units;
mod child;
mod clip;
mod decode;
mod encode;
mod live;
mod refuse;
mod resume;

use samovar_media::{FfmpegProgram, Frame, FramePool, MediaError, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The program, or a word that the test is skipped.
pub(crate) fn program() -> Option<FfmpegProgram> {
    match FfmpegProgram::find() {
        Ok(program) => Some(program),
        Err(error) => skipped(&error.to_string()),
    }
}

/// A real video, or a word that the test is skipped.
pub(crate) fn media(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SAMOVAR_TEST_MODELS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models"), PathBuf::from);
    let path = root.join("media").join(name);
    if path.exists() { Some(path) } else { skipped("the test videos are absent") }
}

fn skipped<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
    eprintln!("skipped: {why}");
    None
}

/// Everything about one run of a decoder.
pub(crate) struct Opening {
    input: VideoInput,
    pub(crate) options: VideoOptions,
    limits: VideoLimits,
    pool: FramePool,
}

impl Opening {
    pub(crate) fn file(program: &FfmpegProgram, path: &Path) -> Self {
        Self {
            input: VideoInput::File(path.to_owned()),
            options: VideoOptions::new(program.clone()),
            limits: VideoLimits::default(),
            pool: FramePool::new(8),
        }
    }

    pub(crate) fn open(self) -> Result<VideoDecoder, MediaError> {
        VideoDecoder::open(self.input, self.options, &self.limits, self.pool)
    }

    /// Times of all frames, and the decoder at its end.
    fn times(self) -> Result<(Vec<Duration>, VideoDecoder), MediaError> {
        let mut decoder = self.open()?;
        let mut times = Vec::new();
        while let Some(frame) = decoder.next_frame()? {
            times.push(frame.timestamp());
        }
        Ok((times, decoder))
    }
}

/// A folder with a video that FFmpeg makes out of `arguments`, and the video's path.
fn generate(program: &FfmpegProgram, arguments: &str, name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let codec = if program.has_x264() { "libx264" } else { "mpeg4" };
    let arguments = arguments.replace("H264", codec);
    ffmpeg(program, arguments.split(' ').map(str::to_owned).chain([path.to_string_lossy().into_owned()]));
    (folder, path)
}

/// Runs the program as it is, unconfined, to make what the tests need.
fn ffmpeg(program: &FfmpegProgram, arguments: impl IntoIterator<Item = String>) {
    let made = Command::new(program.path()).args(["-v", "error", "-nostdin", "-y"]).args(arguments).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The first frame's pixels in RGB, by FFmpeg itself.
fn reference_rgb(program: &FfmpegProgram, path: &Path, filter: &str) -> Vec<u8> {
    let output = Command::new(program.path())
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-frames:v", "1", "-vf", filter, "-sws_flags", "accurate_rnd+full_chroma_int"])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Mean absolute difference of a frame, converted pixel by pixel, from RGB bytes.
fn difference(frame: &Frame, rgb: &[u8]) -> f64 {
    let own = samovar_media::to_rgb(frame, &FramePool::new(0));
    assert_eq!(own.pixels().len(), rgb.len());
    own.pixels().iter().zip(rgb).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / rgb.len() as f64
}
