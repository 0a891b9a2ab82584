//! What a recording is, by its bytes: names and declared types are not believed.

use super::input::OpenAudio;
use super::{AudioError, wav};
use std::io::{Read, Seek, SeekFrom};

/// How far an MPEG frame is searched for behind the tags.
const SEARCH_BYTES: usize = 64 << 10;
/// Tags before the audio that are skipped at most; each may hold a picture of some megabytes.
const TAGS_MAX: usize = 4;

/// What reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// WAV, whose format may still be one that the child reads.
    Wav,
    /// What `symphonia` reads, and where it begins.
    Packets(PacketFormat, u64),
    /// Anything else, which the child knows or not.
    Other,
}

/// A container that `symphonia` reads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketFormat {
    Flac,
    Mp3,
    Adts,
    /// Ogg with Vorbis in it.
    Ogg,
}

impl PacketFormat {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Flac => "flac",
            Self::Mp3 => "mp3",
            Self::Adts => "adts",
            Self::Ogg => "ogg",
        }
    }
}

/// Looks at the beginning; where the recording stands afterwards is not told.
pub(super) fn sniff(audio: &mut OpenAudio) -> Result<Sniffed, AudioError> {
    let head = read_at(audio, 0, 64)?;
    if wav::is_wav(&head) {
        return Ok(Sniffed::Wav);
    }
    if is_vorbis(&head) {
        return Ok(Sniffed::Packets(PacketFormat::Ogg, 0));
    }
    let start = skip_tags(audio)?;
    let bytes = read_at(audio, start, SEARCH_BYTES)?;
    if bytes.starts_with(b"fLaC") {
        return Ok(Sniffed::Packets(PacketFormat::Flac, start));
    }
    Ok(find_frames(&bytes).map_or(Sniffed::Other, |(format, at)| Sniffed::Packets(format, start + at as u64)))
}

fn read_at(audio: &mut OpenAudio, at: u64, len: usize) -> Result<Vec<u8>, AudioError> {
    let mut bytes = Vec::new();
    let read = audio.seek(SeekFrom::Start(at)).and_then(|_| audio.take(len as u64).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|_| AudioError::unreadable())
}

/// The first page of Ogg tells the codec of its stream.
fn is_vorbis(head: &[u8]) -> bool {
    head.starts_with(b"OggS") && head.get(28..35) == Some(b"\x01vorbis")
}

/// Where the audio begins behind ID3v2 tags.
fn skip_tags(audio: &mut OpenAudio) -> Result<u64, AudioError> {
    let mut start = 0;
    for _ in 0..TAGS_MAX {
        let head = read_at(audio, start, 10)?;
        let [b'I', b'D', b'3', _, _, flags, a, b, c, d] = head[..] else { break };
        let size = [a, b, c, d].iter().fold(0, |size, byte| (size << 7) | u64::from(byte & 0x7F));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        start += 10 + size + footer;
    }
    Ok(start)
}

/// Two frames, one right behind the other.
fn find_frames(bytes: &[u8]) -> Option<(PacketFormat, usize)> {
    let candidates = (0..bytes.len().saturating_sub(7)).filter(|at| bytes[*at] == 0xFF);
    candidates.filter_map(|at| Some((at, frame(&bytes[at..])?))).find_map(|(at, (format, len))| {
        // A file of one frame ends with it.
        let next = bytes.get(at + len..)?;
        let follows = (at == 0 && next.is_empty()) || frame(next).is_some_and(|(again, _)| again == format);
        follows.then_some((format, at))
    })
}

/// The format and length of the frame that begins here.
fn frame(bytes: &[u8]) -> Option<(PacketFormat, usize)> {
    let head: &[u8; 7] = bytes.first_chunk()?;
    if head[0] != 0xFF || head[1] & 0xE0 != 0xE0 {
        return None;
    }
    if head[1] & 0xF6 == 0xF0 {
        let len = (usize::from(head[3] & 3) << 11) | (usize::from(head[4]) << 3) | usize::from(head[5] >> 5);
        return (len > 7 && head[2] >> 2 & 15 < 13).then_some((PacketFormat::Adts, len));
    }
    mpeg_layer_3_len(head).map(|len| (PacketFormat::Mp3, len))
}

/// ISO 11172-3 and 13818-3, 2.4.1.3: kbit/s by the header's index.
const KBITS_1: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBITS_2: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// Bytes of a layer III frame, none where it is another layer or cannot be.
fn mpeg_layer_3_len(head: &[u8; 7]) -> Option<usize> {
    let (version, layer) = (head[1] >> 3 & 3, head[1] >> 1 & 3);
    let rates_hz: [usize; 3] = match version {
        3 => [44_100, 48_000, 32_000],
        2 => [22_050, 24_000, 16_000],
        0 => [11_025, 12_000, 8_000],
        _ => return None,
    };
    let rate_hz = rates_hz.get(usize::from(head[2] >> 2 & 3))?;
    let (table, share) = if version == 3 { (&KBITS_1, 144_000) } else { (&KBITS_2, 72_000) };
    let kbits = table.get(usize::from(head[2] >> 4).checked_sub(1)?)?;
    (layer == 1).then_some(share * kbits / rate_hz + usize::from(head[2] >> 1 & 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::AudioInput;

    fn sniffed(bytes: Vec<u8>) -> Sniffed {
        sniff(&mut OpenAudio::open(AudioInput::Bytes(bytes.into())).unwrap()).unwrap()
    }

    /// An MPEG-1 layer III frame of 128 kbit/s at 44.1 kHz.
    fn mp3_frame() -> Vec<u8> {
        let mut frame = vec![0xFF, 0xFB, 0x90, 0x00];
        frame.resize(417, 0);
        frame
    }

    #[test]
    fn tags_are_skipped_and_frames_found_behind_them() {
        let mut bytes = b"ID3\x04\x00\x00\x00\x00\x01\x00".to_vec();
        bytes.extend([0; 128]);
        bytes.extend(mp3_frame().repeat(2));
        assert_eq!(sniffed(bytes), Sniffed::Packets(PacketFormat::Mp3, 138));
        let mut flac = b"ID3\x04\x00\x00\x00\x00\x00\x00".to_vec();
        flac.extend(b"fLaC");
        assert_eq!(sniffed(flac), Sniffed::Packets(PacketFormat::Flac, 10));
        assert_eq!(sniffed(mp3_frame()), Sniffed::Packets(PacketFormat::Mp3, 0));
    }

    #[test]
    fn what_only_looks_like_a_frame_is_none() {
        let mut noise = vec![0xFF, 0xFB, 0x90, 0x00];
        noise.resize(4096, 0x55);
        assert_eq!(sniffed(noise), Sniffed::Other);
        assert_eq!(sniffed(b"ID3\x04\x00\x00\x7F\x7F\x7F\x7F".to_vec()), Sniffed::Other);
        assert_eq!(sniffed(Vec::new()), Sniffed::Other);
        assert_eq!(sniffed(vec![0xFF; 4096]), Sniffed::Other);
    }
}
