//! H.264 in RTP packets (RFC 6184), each framed for a TCP connection (RFC 2326 §10.12).

/// Payload of a packet at most.
const PAYLOAD_BYTES_MAX: usize = 1400;
/// The payload type that the session description gives.
pub(crate) const PAYLOAD_TYPE: u8 = 96;
/// Ticks of the RTP clock per second.
pub(crate) const CLOCK_HZ: u32 = 90_000;
/// A number that only tells this camera's packets from others'.
const SENDER: u32 = 0x5A_40_4A_12;

/// Numbers the packets of one session.
pub(crate) struct Packetiser {
    sequence: u16,
}

impl Packetiser {
    pub(crate) const fn new() -> Self {
        Self { sequence: 65_000 }
    }

    /// The framed packets of one access unit, one after the other.
    pub(crate) fn access_unit(&mut self, nals: &[Vec<u8>], timestamp: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, nal) in nals.iter().enumerate() {
            let payloads = fragments(nal);
            let count = payloads.len();
            for (place, payload) in payloads.into_iter().enumerate() {
                let is_last = index + 1 == nals.len() && place + 1 == count;
                self.push(&mut bytes, &payload, timestamp, is_last);
            }
        }
        bytes
    }

    fn push(&mut self, bytes: &mut Vec<u8>, payload: &[u8], timestamp: u32, is_last: bool) {
        let len = u16::try_from(12 + payload.len()).expect("fragments are short");
        bytes.extend([b'$', 0]);
        bytes.extend(len.to_be_bytes());
        bytes.extend([0x80, PAYLOAD_TYPE | if is_last { 0x80 } else { 0 }]);
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(SENDER.to_be_bytes());
        bytes.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
    }
}

/// A NAL unit whole, or in fragments (FU-A).
fn fragments(nal: &[u8]) -> Vec<Vec<u8>> {
    let Some((head, body)) = nal.split_first() else { return Vec::new() };
    if nal.len() <= PAYLOAD_BYTES_MAX {
        return vec![nal.to_vec()];
    }
    let pieces: Vec<&[u8]> = body.chunks(PAYLOAD_BYTES_MAX - 2).collect();
    let last = pieces.len() - 1;
    let piece = |(index, piece): (usize, &&[u8])| {
        let ends = if index == 0 { 0x80 } else { 0 } | if index == last { 0x40 } else { 0 };
        [&[head & 0xE0 | 28, ends | head & 31], *piece].concat()
    };
    pieces.iter().enumerate().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_unit_is_fragmented_and_marked() {
        let nal: Vec<u8> = [0x65].into_iter().chain((0..3000).map(|index| index as u8)).collect();
        let parts = fragments(&nal);
        assert_eq!(
            parts.iter().map(|part| (part[0], part[1])).collect::<Vec<_>>(),
            [(0x7C, 0x85), (0x7C, 5), (0x7C, 0x45)]
        );
        assert_eq!(parts.iter().map(|part| part.len() - 2).sum::<usize>(), 3000);
        let mut packetiser = Packetiser::new();
        let bytes = packetiser.access_unit(&[vec![0x67, 1], nal], 9);
        assert_eq!(&bytes[..4], [b'$', 0, 0, 14]);
        assert_eq!(bytes[5], 96, "the marker stands on the last packet alone");
    }
}
