//! What is measured with: a 720p JPEG and a 720p H.264 clip, made here where none is given.

use crate::failure::CliError;
use samovar_media::{FfmpegProgram, Frame, FramePool, ImageEncoding, ImageLimits, Picture, PixelFormat, encode_image};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Size of what is made here.
const SIZE: (u32, u32) = (1_280, 720);
/// Length of the clip: long enough that starting the decoder does not count.
const CLIP_S: u32 = 20;

/// The picture of `path`, or one made here.
///
/// # Errors
/// A file that is no picture.
pub fn picture(path: Option<&Path>) -> Result<Picture, CliError> {
    let bytes = match path {
        Some(path) => std::fs::read(path)
            .map_err(|error| CliError::new("media_unreadable", format!("{}: {error}", path.display())))?,
        None => encode_image(&scene(), ImageEncoding::Jpeg { quality: 90 }, &FramePool::new(1))?,
    };
    Ok(Picture::encoded(bytes.into(), ImageLimits::default())?)
}

/// Soft shapes with a little noise: about as many bytes as a photograph of that size.
fn scene() -> Frame {
    let (width, height) = SIZE;
    let pool = FramePool::new(1);
    let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
    let mut noise = 1_u32;
    for (index, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = ((index as u32 % width) as f32, (index as u32 / width) as f32);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (noise >> 28) as f32;
        let wave = |period: f32, phase: f32| ((x / period + phase).sin() * (y / period).cos() + 1.0) * 110.0;
        *pixel = [wave(37.0, 0.0), wave(61.0, 1.0), wave(23.0, 2.0)].map(|value| (value + grain) as u8);
    }
    Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels)
}

/// A clip on disk; one that was made here is removed at the end.
#[derive(Debug)]
pub struct Clip {
    path: PathBuf,
    made_here: bool,
}

impl Clip {
    /// The video of `path`, or one made by ffmpeg from its test picture.
    ///
    /// # Errors
    /// Where ffmpeg cannot make it.
    pub fn new(path: Option<&Path>, program: &FfmpegProgram) -> Result<Self, CliError> {
        if let Some(path) = path {
            return Ok(Self { path: path.to_path_buf(), made_here: false });
        }
        let path = std::env::temp_dir().join(format!("samovar-bench-{}.mp4", std::process::id()));
        let clip = Self { path, made_here: true };
        let source = format!("testsrc2=size={}x{}:rate=30:duration={CLIP_S}", SIZE.0, SIZE.1);
        let made = Command::new(program.path())
            .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", &source])
            .args(["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-pix_fmt", "yuv420p"])
            .arg(&clip.path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output();
        match made {
            Ok(output) if output.status.success() => Ok(clip),
            _ => Err(CliError::new("decoder_failed", "ffmpeg could not make a clip to measure with")
                .cure("give one: --video FILE")),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        if self.made_here {
            // A file left behind in the temporary folder harms nobody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
