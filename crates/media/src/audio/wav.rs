//! WAV (RIFF, RF64 and BW64) with plain samples, read straight from the file.
//!
//! Written here and not taken from `symphonia`, which refuses what telephone recorders leave behind: sizes of 0 or 4 GiB in
//! headers that were never completed, and files that end before their header says. What counts is the bytes that are there.
//! Source: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 (RF64).

use super::info::AudioInfo;
use super::input::OpenAudio;
use super::pcm::PcmEncoding;
use super::source::{PcmBlock, PcmSource};
use super::{AudioError, AudioLimits};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::time::Duration;

/// Frames that are read at a time.
const BLOCK_FRAMES: usize = 8_192;
/// Chunks before the samples that are skipped at most.
const CHUNKS_MAX: usize = 1_024;

/// What a WAV file turned out to be.
pub(super) enum Wav {
    /// Plain samples.
    Plain(WavSource),
    /// Compressed, or in bytes of another order: for the child.
    Other(OpenAudio),
}

/// Plain samples of a WAV file.
pub(super) struct WavSource {
    audio: OpenAudio,
    format: Format,
    /// Bytes of samples that are there.
    len: u64,
    left: u64,
    is_damaged: bool,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    encoding: PcmEncoding,
    channels: u16,
    rate_hz: u32,
}

impl Format {
    const fn frame_bytes(self) -> u64 {
        self.encoding.bytes() as u64 * self.channels as u64
    }

    fn duration(self, len: u64) -> Duration {
        Duration::from_secs_f64((len / self.frame_bytes()) as f64 / f64::from(self.rate_hz))
    }
}

/// Whether a file that begins so is WAV.
pub(super) fn is_wav(head: &[u8]) -> bool {
    let is_riff = [b"RIFF", b"RF64", b"BW64"].iter().any(|mark| head.starts_with(*mark));
    is_riff && head.get(8..12) == Some(b"WAVE")
}

/// Reads the header; nothing is allocated that it could ask for.
pub(super) fn open(mut audio: OpenAudio, limits: &AudioLimits) -> Result<Wav, AudioError> {
    let file_len = audio.byte_count()?;
    let (mut at, mut format) = (12, None);
    for _ in 0..CHUNKS_MAX {
        let Some((mark, len)) = chunk_head(&mut audio, at)? else { break };
        match &mark {
            b"fmt " => match read_format(&mut audio, len)? {
                Some(found) => format = Some(found),
                None => return Ok(Wav::Other(audio)),
            },
            b"data" => {
                let format = format.ok_or_else(AudioError::damaged)?;
                return plain(audio, format, (at + 8, len, file_len), limits).map(Wav::Plain);
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        at += 8 + u64::from(len) + u64::from(len & 1);
    }
    Err(AudioError::damaged())
}

fn plain(
    mut audio: OpenAudio,
    format: Format,
    (start, claimed, file_len): (u64, u32, u64),
    limits: &AudioLimits,
) -> Result<WavSource, AudioError> {
    limits.check_layout(format.rate_hz, usize::from(format.channels))?;
    let there = file_len.saturating_sub(start);
    // Streams that were never completed claim nothing, or all.
    let is_claimed = claimed != 0 && claimed != u32::MAX;
    let is_cut = is_claimed && u64::from(claimed) > there;
    let len = if is_claimed { there.min(u64::from(claimed)) } else { there };
    let len = len - len % format.frame_bytes();
    limits.check_duration(format.duration(len))?;
    if len == 0 {
        return Err(AudioError::empty());
    }
    audio.seek(SeekFrom::Start(start)).map_err(|_| AudioError::unreadable())?;
    Ok(WavSource { audio, format, len, left: len, is_damaged: is_cut, bytes: Vec::new() })
}

/// The chunk that begins there; none at the end.
fn chunk_head(audio: &mut OpenAudio, at: u64) -> Result<Option<([u8; 4], u32)>, AudioError> {
    audio.seek(SeekFrom::Start(at)).map_err(|_| AudioError::unreadable())?;
    let mut head = [0; 8];
    match audio.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(_) => return Err(AudioError::unreadable()),
    }
    let [a, b, c, d, len @ ..] = head;
    Ok(Some(([a, b, c, d], u32::from_le_bytes(len))))
}

/// The sub-format of WAVE_FORMAT_EXTENSIBLE begins with the tag that a plain header has.
const EXTENSIBLE: u16 = 0xFFFE;
const EXTENSIBLE_GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// The format that the chunk under the head that was just read holds; none where the samples are not plain.
fn read_format(audio: &mut OpenAudio, len: u32) -> Result<Option<Format>, AudioError> {
    let mut bytes = Vec::new();
    audio.take(u64::from(len.min(40))).read_to_end(&mut bytes).map_err(|_| AudioError::unreadable())?;
    let word = |at: usize| bytes.get(at..at + 2).map(|part| u16::from_le_bytes([part[0], part[1]]));
    let (Some(tag), Some(channels), Some(align), Some(bits)) = (word(0), word(2), word(12), word(14)) else {
        return Err(AudioError::damaged());
    };
    let rate_hz = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let tag = if tag == EXTENSIBLE && bytes.get(26..40) == Some(&EXTENSIBLE_GUID_TAIL) { word(24) } else { Some(tag) };
    // What counts is the room of a sample; 20 valid bits in 24 lie in the upper ones.
    let room = align.checked_div(channels).ok_or_else(AudioError::damaged)?;
    let encoding = tag.and_then(|tag| encoding(tag, room, bits));
    Ok(encoding.map(|encoding| Format { encoding, channels, rate_hz }))
}

fn encoding(tag: u16, room: u16, bits: u16) -> Option<PcmEncoding> {
    Some(match (tag, room) {
        (1, 1) => PcmEncoding::U8,
        (1, 2) => PcmEncoding::S16,
        (1, 3) => PcmEncoding::S24,
        (1, 4) if bits > 24 => PcmEncoding::S32,
        (3, 4) => PcmEncoding::F32,
        (3, 8) => PcmEncoding::F64,
        (6, 1) => PcmEncoding::ALaw,
        (7, 1) => PcmEncoding::MuLaw,
        _ => return None,
    })
}

impl PcmSource for WavSource {
    fn next(&mut self, block: &mut PcmBlock) -> Result<bool, AudioError> {
        block.clear();
        (block.rate_hz, block.channels) = (self.format.rate_hz, usize::from(self.format.channels));
        let wanted = self.left.min(self.format.frame_bytes() * BLOCK_FRAMES as u64);
        self.bytes.clear();
        let read = (&mut self.audio).take(wanted).read_to_end(&mut self.bytes).map_err(|_| AudioError::unreadable())?;
        // A file that is cut while it is read.
        self.is_damaged |= (read as u64) < wanted;
        self.left = if (read as u64) < wanted { 0 } else { self.left - wanted };
        let whole = read - read % self.format.frame_bytes() as usize;
        self.format.encoding.decode(&self.bytes[..whole], &mut block.samples);
        Ok(read > 0)
    }

    fn info(&self) -> AudioInfo {
        AudioInfo {
            container: "wav".to_owned(),
            codec: self.format.encoding.name().to_owned(),
            rate_hz: self.format.rate_hz,
            channels: self.format.channels,
            duration_s: Some(self.format.duration(self.len).as_secs_f64()),
        }
    }

    fn is_damaged(&self) -> bool {
        self.is_damaged
    }
}
