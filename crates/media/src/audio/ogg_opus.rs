//! Bare packets of Opus to an Ogg stream, a page for each packet, so that the child can read them.
//! Source: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), RFC 6716, 3.1 (the first byte of a packet).

use super::{AudioError, AudioErrorKind};
use bytes::Bytes;

/// Longest packet that an encoder writes: 120 ms in frames of 2.5 ms of 1,275 bytes each.
const PACKET_BYTES_MAX: usize = 48 * 1_275;
/// Samples at 48 kHz of the longest packet.
const PACKET_SAMPLES_MAX: u64 = 5_760;
/// First page of a stream.
const BEGIN: u8 = 2;

/// Writes pages.
#[derive(Debug, Default)]
pub(super) struct OggOpus {
    page_count: u32,
    /// Samples at 48 kHz up to the end of the last packet.
    position: u64,
}

impl OggOpus {
    /// The page of one packet, and before the first one those that begin a stream.
    pub(super) fn write(&mut self, packet: &[u8]) -> Result<Bytes, AudioError> {
        let samples = packet_samples(packet).ok_or_else(|| {
            let sentence = "a chunk is no packet of Opus; send one whole packet in each chunk";
            AudioError::new(AudioErrorKind::Damaged, sentence)
        })?;
        let mut pages = Vec::with_capacity(packet.len() + 512);
        if self.page_count == 0 {
            let channels = if packet[0] & 4 == 0 { 1 } else { 2 };
            self.page(BEGIN, &opus_head(channels), &mut pages);
            self.page(0, b"OpusTags\0\0\0\0\0\0\0\0", &mut pages);
        }
        self.position += samples;
        self.page(0, packet, &mut pages);
        Ok(pages.into())
    }

    fn page(&mut self, flags: u8, packet: &[u8], into: &mut Vec<u8>) {
        let start = into.len();
        into.extend(b"OggS\0");
        into.push(flags);
        into.extend(self.position.to_le_bytes());
        into.extend(1_u32.to_le_bytes());
        into.extend(self.page_count.to_le_bytes());
        into.extend([0; 4]);
        let full = packet.len() / 255;
        // Fits: a packet of the greatest length takes 241 parts.
        into.push((full + 1) as u8);
        into.extend(std::iter::repeat_n(255, full));
        into.push((packet.len() % 255) as u8);
        into.extend(packet);
        let sum = checksum(&into[start..]);
        into[start + 22..start + 26].copy_from_slice(&sum.to_le_bytes());
        self.page_count += 1;
    }
}

/// Mapping family 0, nothing skipped, no gain.
fn opus_head(channels: u8) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.extend([channels, 0, 0]);
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// Length of a packet in samples at 48 kHz; none where it is no packet.
fn packet_samples(packet: &[u8]) -> Option<u64> {
    let first = *packet.first()?;
    let config = u64::from(first >> 3);
    let frame = match config {
        0..12 => [480, 960, 1_920, 2_880][(config % 4) as usize],
        12..16 => [480, 960][(config % 2) as usize],
        _ => [120, 240, 480, 960][(config % 4) as usize],
    };
    let count = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1)? & 63),
    };
    let samples = frame * count;
    (packet.len() <= PACKET_BYTES_MAX && (1..=PACKET_SAMPLES_MAX).contains(&samples)).then_some(samples)
}

/// The CRC of Ogg: 0x04C11DB7, not reflected, from zero.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum: u32, _| {
            (sum << 1) ^ if sum & 0x8000_0000 == 0 { 0 } else { 0x04C1_1DB7 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_how_long_a_packet_is() {
        // SILK 20 ms; CELT 2.5 ms twice; code 3 with three frames of 20 ms; more than 120 ms; nothing.
        assert_eq!(packet_samples(&[0b0000_1000, 1]), Some(960));
        assert_eq!(packet_samples(&[0b1000_0001, 1]), Some(240));
        assert_eq!(packet_samples(&[0b1111_1011, 3, 1]), Some(2_880));
        assert_eq!(packet_samples(&[0b0001_1011, 3, 1]), None);
        assert_eq!(packet_samples(&[0b0000_0011]), None);
        assert_eq!(packet_samples(&[]), None);
    }

    /// The sum of the first page of a stream that libogg wrote.
    #[test]
    fn pages_have_the_sum_that_libogg_gives_them() {
        let mut page = b"OggS\x00\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x13".to_vec();
        page.extend(opus_head(1));
        assert_eq!(page.len(), 28 + 19);
        let sum = checksum(&page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        let mut pages = Vec::new();
        OggOpus::default().page(BEGIN, &opus_head(1), &mut pages);
        assert_eq!(pages, page);
    }
}
