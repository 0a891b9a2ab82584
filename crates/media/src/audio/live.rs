//! Live audio: chunks as they come, cut anywhere, to samples at 16 kHz.

use super::conform::{AudioBlock, Conform};
use super::live_child::LiveChild;
use super::pcm_cutter::PcmCutter;
use super::source::PcmBlock;
use super::{AUDIO_RATE_HZ, AudioError, AudioErrorKind, AudioLimits, ChannelChoice, PcmEncoding};
use crate::FfmpegProgram;
use bytes::Bytes;
use std::time::Duration;

/// Samples that one block of a coded stream has about, at most: a second.
const BLOCK_SAMPLES: usize = AUDIO_RATE_HZ as usize;

/// What the chunks hold.
#[derive(Clone, Debug)]
pub enum LiveFormat {
    /// Plain samples, interleaved.
    Pcm {
        /// How one sample is written: `S16` for what is called PCM16, `MuLaw` or `ALaw` for telephone lines.
        encoding: PcmEncoding,
        /// Samples per second of each channel.
        rate_hz: u32,
        /// Channels.
        channels: u16,
    },
    /// A coded stream, which a child decodes.
    Coded {
        /// What it is.
        coding: LiveCoding,
        /// The program that decodes it.
        program: FfmpegProgram,
    },
}

/// A coded live stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiveCoding {
    /// WebM or Matroska, as browsers record it.
    WebM,
    /// Ogg, with Opus or Vorbis.
    Ogg,
    /// Bare packets of Opus, one in each chunk, as from WebRTC; mono or stereo.
    OpusPackets,
}

/// A live stream that is being decoded. Dropping it ends its child.
///
/// Chunks go in by [`push`](Self::push), which never waits, and samples come out by [`pull`](Self::pull). Both ends are
/// bounded: when samples are not taken, chunks are refused.
pub struct LiveAudio {
    decoder: Decoder,
    conform: Conform,
    block: PcmBlock,
    held: Duration,
    is_finished: bool,
}

enum Decoder {
    Pcm { cutter: PcmCutter, rate_hz: u32, frame_bytes: usize },
    Coded(LiveChild),
}

impl LiveAudio {
    /// Gets ready for a stream.
    ///
    /// # Errors
    /// `Layout` for a rate or number of channels over the limits, `ChannelAbsent` for a choice that cannot be met, `DecoderFailed`
    /// where the system gives no thread.
    pub fn new(format: LiveFormat, channels: ChannelChoice, limits: &AudioLimits) -> Result<Self, AudioError> {
        let mut block = PcmBlock::default();
        let decoder = match format {
            LiveFormat::Pcm { encoding, rate_hz, channels: count } => {
                let count = usize::from(count);
                limits.check_layout(rate_hz, count)?;
                channels.check(count)?;
                (block.rate_hz, block.channels) = (rate_hz, count);
                let frame_bytes = count * encoding.bytes();
                Decoder::Pcm { cutter: PcmCutter::new(encoding, count), rate_hz, frame_bytes }
            }
            LiveFormat::Coded { coding, program } => Decoder::Coded(LiveChild::start(coding, program, limits)?),
        };
        let conform = Conform::new(channels, limits);
        Ok(Self { decoder, conform, block, held: limits.held, is_finished: false })
    }

    /// Takes the next chunk in.
    ///
    /// # Errors
    /// `Overrun` where more would wait than the limit: nothing of the chunk was taken, pull and send it again or leave it out. `TooLarge`
    /// for a chunk that alone is over it.
    /// `Damaged` for a packet of Opus that is none. `TooLong` at the end of the longest stream; `DecoderFailed`.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), AudioError> {
        self.conform.release();
        let held = Duration::from_secs_f64(self.conform.held() as f64 / f64::from(AUDIO_RATE_HZ));
        match &mut self.decoder {
            Decoder::Coded(child) => child.push(chunk),
            Decoder::Pcm { cutter, rate_hz, frame_bytes } => {
                let frames = chunk.len() / *frame_bytes;
                let more = Duration::from_secs_f64(frames as f64 / f64::from(*rate_hz));
                if more > self.held {
                    return Err(too_large(&format!("{} s of sound", self.held.as_secs())));
                }
                if held + more > self.held {
                    return Err(overrun());
                }
                self.block.clear();
                cutter.push(&chunk, &mut self.block.samples);
                self.conform.push(&self.block)
            }
        }
    }

    /// Whether there is room for another chunk of some hundred kilobytes: while the decoder is behind, a coded stream had better wait.
    pub fn has_room(&self) -> bool {
        match &self.decoder {
            Decoder::Pcm { .. } => true,
            Decoder::Coded(child) => child.has_room(),
        }
    }

    /// No more chunks come: what follows waits for the rest.
    ///
    /// # Errors
    /// `DecoderFailed`.
    pub fn finish(&mut self) -> Result<(), AudioError> {
        if std::mem::replace(&mut self.is_finished, true) {
            return Ok(());
        }
        match &mut self.decoder {
            Decoder::Pcm { .. } => self.conform.finish(),
            Decoder::Coded(child) => {
                child.finish();
                Ok(())
            }
        }
    }

    /// What is decoded by now, without waiting; none where that is nothing. After [`finish`](Self::finish) it waits for the
    /// decoder, and none is the end.
    ///
    /// # Errors
    /// `Unsupported`, `Damaged` and `Layout` for what was sent, `TooLong`, `DecoderFailed`. `Damaged` also where the decoder has come to an
    /// end before the stream, once all of its samples are pulled: nothing that is pushed later is heard.
    pub fn pull(&mut self) -> Result<Option<AudioBlock<'_>>, AudioError> {
        self.conform.release();
        if let Decoder::Coded(child) = &mut self.decoder {
            while self.conform.held() < BLOCK_SAMPLES && child.next(&mut self.block, self.is_finished)? {
                self.conform.push(&self.block)?;
            }
            if child.has_ended() {
                self.conform.finish()?;
            }
            if child.has_ended() && !self.is_finished && self.conform.held() == 0 {
                return Err(ended_early());
            }
        }
        Ok(self.conform.block())
    }

    /// Whether something was damaged so far, or cut off within a sample.
    pub const fn is_damaged(&self) -> bool {
        match &self.decoder {
            Decoder::Pcm { cutter, .. } => self.is_finished && cutter.has_rest(),
            Decoder::Coded(child) => child.is_damaged(),
        }
    }
}

/// A chunk that could never be taken.
pub(super) fn too_large(most: &str) -> AudioError {
    AudioError::new(AudioErrorKind::TooLarge, format!("one piece holds at most {most}; send it in smaller ones"))
}

/// What a decoder leaves that gives a stream up, most often at a stretch that has nothing of its kind.
fn ended_early() -> AudioError {
    let sentence = "the stream is damaged and cannot be decoded any further; what came before was heard";
    AudioError::new(AudioErrorKind::Damaged, sentence)
}

pub(super) fn overrun() -> AudioError {
    let sentence = "audio comes faster than it is taken; send it at the pace of speech";
    AudioError::new(AudioErrorKind::Overrun, sentence)
}
