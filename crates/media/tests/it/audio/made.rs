//! Audio that tests make: tones, and WAV files of any shape around them.

use samovar_media::{AudioError, AudioInput, AudioLimits, AudioOptions, AudioReader, ChannelChoice, FfmpegProgram};
use std::f64::consts::TAU;
use std::path::Path;
use std::process::{Command, Stdio};

/// A tone of one second times `seconds`, in ±`level`.
pub(crate) fn tone(rate_hz: u32, hz: f64, level: f64, seconds: f64) -> Vec<f64> {
    let count = (f64::from(rate_hz) * seconds) as usize;
    (0..count).map(|at| level * (TAU * hz * at as f64 / f64::from(rate_hz)).sin()).collect()
}

/// A small generator of noise: xorshift.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

pub(crate) fn pcm16(samples: &[f64]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| ((sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes())
        .collect()
}

/// The chunk `fmt ` of plain samples.
pub(crate) fn format(tag: u16, channels: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let align = channels * bits.div_ceil(8);
    let mut chunk = Vec::new();
    chunk.extend(tag.to_le_bytes());
    chunk.extend(channels.to_le_bytes());
    chunk.extend(rate_hz.to_le_bytes());
    chunk.extend((rate_hz * u32::from(align)).to_le_bytes());
    chunk.extend(align.to_le_bytes());
    chunk.extend(bits.to_le_bytes());
    chunk
}

/// A WAV file of these chunks, padded as they should be.
pub(crate) fn wav_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVE".to_vec();
    for (mark, content) in chunks {
        bytes.extend(*mark);
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(*content);
        if content.len() % 2 == 1 {
            bytes.push(0);
        }
    }
    let len = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    bytes
}

/// A WAV file of 16-bit samples, interleaved.
pub(crate) fn wav16(rate_hz: u32, channels: u16, samples: &[f64]) -> Vec<u8> {
    wav_of(&[(b"fmt ", &format(1, channels, rate_hz, 16)), (b"data", &pcm16(samples))])
}

pub(crate) fn open(bytes: Vec<u8>) -> Result<AudioReader, AudioError> {
    AudioReader::open(AudioInput::Bytes(bytes.into()), &AudioOptions::default(), &AudioLimits::default())
}

pub(crate) fn open_with(bytes: Vec<u8>, program: &FfmpegProgram) -> Result<AudioReader, AudioError> {
    let options = AudioOptions { program: Some(program.clone()), ..AudioOptions::default() };
    AudioReader::open(AudioInput::Bytes(bytes.into()), &options, &AudioLimits::default())
}

/// All samples, mono at 16 kHz, of what needs no child.
pub(crate) fn read(bytes: Vec<u8>) -> Vec<f32> {
    open(bytes).unwrap().read_to_end(usize::MAX).unwrap()
}

/// Every track of a recording.
pub(crate) fn tracks(bytes: Vec<u8>, channels: ChannelChoice) -> Result<Vec<Vec<f32>>, AudioError> {
    let options = AudioOptions { channels, program: None };
    let mut reader = AudioReader::open(AudioInput::Bytes(bytes.into()), &options, &AudioLimits::default())?;
    let mut tracks: Vec<Vec<f32>> = Vec::new();
    while let Some(block) = reader.next_block()? {
        assert_eq!(block.start, tracks.first().map_or(0, Vec::len) as u64);
        tracks.resize_with(block.tracks.len(), Vec::new);
        tracks.iter_mut().zip(block.tracks).for_each(|(track, part)| track.extend(part));
    }
    Ok(tracks)
}

/// What FFmpeg makes of `input` with `arguments`, by a pipe.
pub(crate) fn ffmpeg(program: &FfmpegProgram, input: &Path, arguments: &str) -> Vec<u8> {
    ffmpeg_to(program, input, arguments, Path::new("pipe:1"))
}

/// Has FFmpeg write `output`; what it writes to standard output.
pub(crate) fn ffmpeg_to(program: &FfmpegProgram, input: &Path, arguments: &str, output: &Path) -> Vec<u8> {
    let made = Command::new(program.path())
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(input)
        .args(arguments.split(' '))
        .arg(output)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(made.status.success(), "{arguments}");
    made.stdout
}

/// 32-bit floats as FFmpeg writes them.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|part| f32::from_le_bytes(*part)).collect()
}

/// The largest difference, of as many as both have.
pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
