//! Recordings: a file or bytes in, blocks of samples at 16 kHz out, in memory that does not grow with their length.

use super::child_source::ChildSource;
use super::conform::{AudioBlock, Conform};
use super::input::OpenAudio;
use super::packet_source::PacketSource;
use super::sniff::{Sniffed, sniff};
use super::source::{PcmBlock, PcmSource};
use super::wav::{self, Wav};
use super::{AUDIO_RATE_HZ, AudioError, AudioErrorKind, AudioInfo, AudioInput, AudioLimits, ChannelChoice};
use crate::FfmpegProgram;
use std::time::Duration;

/// Samples that a block has at least, but for the last one: a second.
const BLOCK_SAMPLES: usize = AUDIO_RATE_HZ as usize;

/// How a recording is read.
#[derive(Clone, Debug, Default)]
pub struct AudioOptions {
    /// Which channels become which tracks.
    pub channels: ChannelChoice,
    /// Decodes what is not read in this process: M4A, Opus, WebM, AMR, and the sound of videos.
    pub program: Option<FfmpegProgram>,
}

/// A recording that is being read, from its beginning to its end.
///
/// WAV, FLAC, MP3, AAC and Vorbis are decoded on the thread that asks; the rest by a child, a little ahead of it. A call may
/// take as long as a second of audio takes to decode, or [`AudioLimits::stall`] where a child hangs.
pub struct AudioReader {
    source: Box<dyn PcmSource>,
    conform: Conform,
    block: PcmBlock,
    info: AudioInfo,
    has_ended: bool,
}

impl AudioReader {
    /// Looks at what it is, checks its header against `limits` and decodes the first samples.
    ///
    /// # Errors
    /// `Unreadable` for a file that cannot be opened, `TooLarge`, `TooLong`, `Layout` where a limit is passed, `Empty` for no
    /// samples, `Unsupported` and `Damaged` for the content, `ChannelAbsent` for a choice that cannot be met, `DecoderMissing`
    /// where it takes a program that was not given, `DecoderFailed`.
    pub fn open(input: AudioInput, options: &AudioOptions, limits: &AudioLimits) -> Result<Self, AudioError> {
        let audio = OpenAudio::open(input)?;
        limits.check_bytes(audio.byte_count()?)?;
        let mut source = open_source(audio, options, limits)?;
        let mut block = PcmBlock::default();
        while block.samples.is_empty() {
            if !source.next(&mut block)? {
                return Err(if source.is_damaged() { AudioError::damaged() } else { AudioError::empty() });
            }
        }
        let info = source.info();
        if let Some(duration) = info.duration_s.and_then(|duration| Duration::try_from_secs_f64(duration).ok()) {
            limits.check_duration(duration)?;
        }
        let mut conform = Conform::new(options.channels, limits);
        conform.push(&block)?;
        Ok(Self { source, conform, block, info, has_ended: false })
    }

    /// What the header says.
    pub const fn info(&self) -> &AudioInfo {
        &self.info
    }

    /// The next second or more, or what is left of it; none at the end.
    ///
    /// # Errors
    /// `TooLong` where it lasts longer than its header said and the limit allows, `Layout` where its channels change,
    /// `Damaged`, `Unreadable`, `DecoderFailed`. What was read before stays good.
    pub fn next_block(&mut self) -> Result<Option<AudioBlock<'_>>, AudioError> {
        self.conform.release();
        while !self.has_ended && self.conform.held() < BLOCK_SAMPLES {
            if self.source.next(&mut self.block)? {
                self.conform.push(&self.block)?;
            } else {
                self.conform.finish()?;
                self.has_ended = true;
            }
        }
        Ok(self.conform.block())
    }

    /// Whether something of what was read so far was damaged or cut off and left out.
    pub fn is_damaged(&self) -> bool {
        self.source.is_damaged()
    }

    /// All that is left of the first track, where it has `samples_max` samples at most.
    ///
    /// # Errors
    /// `TooLong` where there are more; those of [`next_block`](Self::next_block).
    pub fn read_to_end(&mut self, samples_max: usize) -> Result<Vec<f32>, AudioError> {
        let mut samples = Vec::new();
        while let Some(block) = self.next_block()? {
            if samples.len() + block.mono().len() > samples_max {
                return Err(AudioError::too_long(Duration::from_secs((samples_max / BLOCK_SAMPLES) as u64)));
            }
            samples.extend_from_slice(block.mono());
        }
        Ok(samples)
    }
}

fn open_source(
    mut audio: OpenAudio,
    options: &AudioOptions,
    limits: &AudioLimits,
) -> Result<Box<dyn PcmSource>, AudioError> {
    let audio = match sniff(&mut audio)? {
        Sniffed::Packets(format, start) => return Ok(Box::new(PacketSource::open(audio, format, start, limits)?)),
        Sniffed::Wav => match wav::open(audio, limits)? {
            Wav::Plain(source) => return Ok(Box::new(source)),
            Wav::Other(audio) => audio,
        },
        Sniffed::Other => audio,
    };
    let program = options.program.clone().ok_or_else(|| {
        let sentence = "audio of this kind needs the ffmpeg program; run `samovar engine install ffmpeg`, or send WAV";
        AudioError::new(AudioErrorKind::DecoderMissing, sentence)
    })?;
    Ok(Box::new(ChildSource::open(audio, program, limits)?))
}
