//! What a camera sees: H.264 access units, or JPEG pictures, made by the `ffmpeg` program.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is to be seen.
#[derive(Clone, Debug)]
pub struct FootageSpec<'a> {
    /// The program that makes it; it must have libx264.
    pub ffmpeg: &'a Path,
    /// A video; FFmpeg's test picture where none.
    pub video: Option<&'a Path>,
    /// Width and height in pixels, both even.
    pub size: (u32, u32),
    /// Pictures per second.
    pub rate: u32,
    /// Length, after which it begins again.
    pub seconds: u32,
    /// Pictures from one key frame to the next.
    pub key_distance: u32,
}

impl<'a> FootageSpec<'a> {
    /// Four seconds of the test picture, 320×240, ten pictures a second, a key frame each second.
    pub const fn new(ffmpeg: &'a Path) -> Self {
        Self { ffmpeg, video: None, size: (320, 240), rate: 10, seconds: 4, key_distance: 10 }
    }
}

/// H.264 in access units, each a list of NAL units without start codes.
#[derive(Clone, Debug)]
pub struct Footage {
    pub(crate) units: Vec<Vec<Vec<u8>>>,
    pub(crate) rate: u32,
}

impl Footage {
    /// Makes it.
    ///
    /// # Errors
    /// Where the program does not run or makes nothing.
    pub fn make(spec: &FootageSpec<'_>) -> io::Result<Self> {
        let coding = format!(
            "-c:v libx264 -preset ultrafast -tune zerolatency -bf 0 -g {} -threads 1 -pix_fmt yuv420p -bsf:v dump_extra -f h264",
            spec.key_distance
        );
        let units = split(&run(spec, &coding)?);
        if units.is_empty() {
            return Err(io::Error::other("the program made no access unit"));
        }
        Ok(Self { units, rate: spec.rate })
    }

    /// Access units in Annex B form, as a client sends them over a WebSocket.
    pub fn annex_b(&self) -> Vec<Vec<u8>> {
        let join = |unit: &Vec<Vec<u8>>| unit.iter().flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat()).collect();
        self.units.iter().map(join).collect()
    }

    /// Whether access unit `index` is a key frame.
    pub fn is_key(&self, index: usize) -> bool {
        self.units[index].iter().any(|nal| kind(nal) == IDR)
    }

    /// The first parameter set of a kind.
    pub(crate) fn parameter_set(&self, wanted: u8) -> &[u8] {
        self.units.iter().flatten().find(|nal| kind(nal) == wanted).map_or(&[], |nal| nal)
    }
}

/// JPEG pictures of `spec`.
///
/// # Errors
/// As [`Footage::make`].
pub fn jpegs(spec: &FootageSpec<'_>) -> io::Result<Vec<Vec<u8>>> {
    let bytes = run(spec, "-c:v mjpeg -q:v 4 -pix_fmt yuvj420p -f image2pipe")?;
    let starts = bytes.windows(3).enumerate().filter(|(_, window)| *window == [0xFF, 0xD8, 0xFF]);
    let mut starts: Vec<usize> = starts.map(|(at, _)| at).collect();
    starts.push(bytes.len());
    Ok(starts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect())
}

fn run(spec: &FootageSpec<'_>, coding: &str) -> io::Result<Vec<u8>> {
    let (width, height) = spec.size;
    let mut command = Command::new(spec.ffmpeg);
    command.args(["-nostdin", "-v", "error"]);
    match spec.video {
        Some(video) => command.arg("-i").arg(video),
        None => command.args(["-f", "lavfi", "-i", &format!("testsrc2=s={width}x{height}:r={}", spec.rate)]),
    };
    let length = format!("-t {} -vf scale={width}:{height} -r {} -an", spec.seconds, spec.rate);
    let output = command.args(length.split(' ')).args(coding.split(' ')).arg("pipe:1").stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Kinds of NAL units.
pub(crate) const IDR: u8 = 5;
pub(crate) const SPS: u8 = 7;
pub(crate) const PPS: u8 = 8;

pub(crate) fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |head| head & 31)
}

/// Access units of an Annex B stream: one begins with what stands before a picture, or with a picture's first slice.
fn split(stream: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut units: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut has_slice = true;
    for nal in nals(stream) {
        let is_slice = matches!(kind(nal), 1..=5);
        // A first macroblock of zero is coded as a single bit.
        let is_first_slice = is_slice && nal.get(1).is_some_and(|byte| byte & 0x80 != 0);
        if has_slice && (is_first_slice || !is_slice) {
            units.push(Vec::new());
            has_slice = false;
        }
        has_slice |= is_slice;
        if let Some(unit) = units.last_mut() {
            unit.push(nal.to_vec());
        }
    }
    units
}

/// NAL units between start codes.
fn nals(stream: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        stream.windows(3).enumerate().filter(|(_, code)| *code == [0, 0, 1]).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    let trim = |nal: &[u8]| nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let cut = |(start, end): (&usize, usize)| {
        let nal = &stream[start + 3..end];
        &nal[..trim(nal)]
    };
    starts.iter().zip(ends).map(cut).filter(|nal| !nal.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_units_are_told_apart() {
        let stream = [
            &[0, 0, 0, 1, 0x67, 1][..],
            &[0, 0, 0, 1, 0x68, 2],
            &[0, 0, 1, 0x65, 0x88, 3],
            &[0, 0, 1, 0x65, 0x10, 4],
            &[0, 0, 0, 1, 0x41, 0x9A, 5],
            &[0, 0, 0, 1, 0x67, 1],
            &[0, 0, 1, 0x65, 0x88, 6],
        ];
        let units = split(&stream.concat());
        assert_eq!(units.iter().map(Vec::len).collect::<Vec<_>>(), [4, 1, 2]);
        assert_eq!(units[0][3], [0x65, 0x10, 4]);
    }
}
