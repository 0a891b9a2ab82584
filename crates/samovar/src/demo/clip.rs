//! The clip: decoded once, each frame compressed once, shared by all streams.

use crate::failure::CliError;
use bytes::Bytes;
use samovar_media::{
    FfmpegProgram, Frame, FramePool, ImageEncoding, MediaError, VideoDecoder, VideoInput, VideoLimits, VideoOptions,
    encode_image,
};
use std::path::Path;
use std::time::Duration;

/// A clip as a camera would send it.
#[derive(Debug)]
pub struct Clip {
    /// JPEG pictures in their order.
    pub pictures: Vec<Bytes>,
    /// Pictures in a second.
    pub frames_per_second: f64,
    /// Width of the pictures, in pixels.
    pub width: u32,
    /// Height of the pictures, in pixels.
    pub height: u32,
}

/// What is kept of a longer clip; it is played in a loop anyway.
const FRAMES_MAX: u64 = 1_500;
/// Bytes of pictures that are kept.
const BYTES_MAX: usize = 128 << 20;
/// As cameras set it.
const JPEG: ImageEncoding = ImageEncoding::Jpeg { quality: 85 };
/// Where the clip does not tell.
const FRAMES_PER_SECOND: f64 = 25.0;

impl Clip {
    /// Decodes and compresses the clip, or as much of its beginning as is kept.
    ///
    /// # Errors
    /// What is wrong with the file, or with a rate that no camera has.
    pub fn read(path: &Path, program: FfmpegProgram) -> Result<Self, CliError> {
        let mut options = VideoOptions::new(program);
        options.frame_count_max = Some(FRAMES_MAX);
        let pool = FramePool::new(options.frames_ahead.get() as usize + 2);
        let input = VideoInput::File(path.to_path_buf());
        let mut decoder = VideoDecoder::open(input, options, &VideoLimits::default(), pool.clone())?;
        let (pictures, last) = pictures(&mut decoder, &pool)?;
        let info = decoder.info();
        let frames_per_second = info.declared_frames_per_second.unwrap_or_else(|| rate(pictures.len(), last));
        if pictures.is_empty() || !(0.1..=240.0).contains(&frames_per_second) {
            let message = format!("{} cannot be played as a camera would send it", path.display());
            return Err(CliError::new("clip_unusable", message).cure("give a clip of 0.1 to 240 frames a second"));
        }
        Ok(Self { pictures, frames_per_second, width: info.width, height: info.height })
    }

    /// The picture of a frame that a stream sends; the clip begins again at its end.
    pub fn picture(&self, frame: u64) -> &Bytes {
        &self.pictures[(frame % self.pictures.len() as u64) as usize]
    }

    /// From one frame to the next.
    pub fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.frames_per_second)
    }
}

/// The pictures, and the time of the last.
fn pictures(decoder: &mut VideoDecoder, pool: &FramePool) -> Result<(Vec<Bytes>, Duration), MediaError> {
    let (mut pictures, mut bytes, mut last) = (Vec::new(), 0, Duration::ZERO);
    while bytes < BYTES_MAX
        && let Some(frame) = decoder.next_frame()?
    {
        let picture = compress(&frame, pool)?;
        (bytes, last) = (bytes + picture.len(), frame.timestamp());
        pictures.push(picture);
    }
    Ok((pictures, last))
}

fn compress(frame: &Frame, pool: &FramePool) -> Result<Bytes, MediaError> {
    let mut picture = encode_image(frame, JPEG, pool)?;
    picture.shrink_to_fit();
    Ok(picture.into())
}

fn rate(pictures: usize, last: Duration) -> f64 {
    if last.is_zero() { FRAMES_PER_SECOND } else { (pictures - 1) as f64 / last.as_secs_f64() }
}
