//! A reader of NUT streams that carry one video stream, as the decoder child writes them: raw frames or compressed packets.
//!
//! Source: the NUT Open Container Format (nut.txt, FFmpeg project). Read are the main header with its frame code
//! table, the stream header, syncpoints and frames; info and other packets are passed over. What decodes untrusted
//! files may itself be taken over, so nothing is believed: every length is bounded before it is used, every packet's
//! checksum is verified, and whatever does not fit is [`NutError::Malformed`].

use super::nut_fields::{FieldSource, Fields, checksum, ensure, malformed};
use std::io::Read;
use std::time::Duration;

/// The bytes that open every NUT stream.
pub(super) const FILE_ID: &[u8; 25] = b"nut/multimedia container\0";
/// Start codes of the packets.
pub(super) const MAIN: u64 = 0x4E4D_7A56_1F5F_04AD;
pub(super) const STREAM: u64 = 0x4E53_1140_5BF2_F9DB;
pub(super) const SYNCPOINT: u64 = 0x4E4B_E4AD_EECA_4569;
const INFO: u64 = 0x4E49_AB68_B596_BA78;
const INDEX: u64 = 0x4E58_DD67_2F23_E64E;

/// Bits of a frame's flags.
pub(super) mod flag {
    pub const KEY: u64 = 1;
    pub const CODED_PTS: u64 = 8;
    pub const STREAM_ID: u64 = 16;
    pub const SIZE_MSB: u64 = 32;
    pub const CHECKSUM: u64 = 64;
    pub const RESERVED: u64 = 128;
    pub const SIDE_DATA: u64 = 256;
    pub const HEADER_INDEX: u64 = 1024;
    pub const MATCH_TIME: u64 = 2048;
    pub const CODED: u64 = 4096;
    pub const INVALID: u64 = 8192;
}

/// Longest packet that is not a frame; FFmpeg's own take some hundred bytes, metadata included.
const PACKET_BYTES_MAX: u64 = 256 * 1024;
/// Packets between two frames, at most: metadata cannot keep the reader busy for ever.
const PACKETS_MAX: u32 = 64;
/// Time bases and elision headers, at most.
const TABLE_LEN_MAX: u64 = 64;
/// Larger frames are whole, whatever their head says.
const ELISION_BYTES_MAX: u64 = 4096;
const READ_AHEAD_BYTES: usize = 4096;

/// Why reading went no further.
#[derive(Debug, thiserror::Error)]
pub enum NutError {
    /// The bytes are no NUT stream of one raw video stream.
    #[error("the stream is not as it should be: {0}")]
    Malformed(&'static str),
    /// The source failed, or ended inside a packet.
    #[error("the stream broke off: {0}")]
    Io(#[from] std::io::Error),
}

/// What the stream header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NutStream {
    /// Width of every frame, in pixels.
    pub width: u32,
    /// Height of every frame, in pixels.
    pub height: u32,
    /// The pixel format's four characters, `I420` for YUV 4:2:0.
    pub fourcc: [u8; 4],
    /// Packets by which decoding runs ahead of showing.
    pub decode_delay: u64,
    /// What a decoder must know before the first packet.
    pub extradata: Vec<u8>,
}

/// One frame's place in time and its payload's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NutFrame {
    /// Time from the start of the stream; times before it count as zero.
    pub timestamp: Duration,
    /// Bytes of payload that follow and must be read next.
    pub payload_bytes: u64,
    /// Whether it can be decoded without those before it.
    pub is_key: bool,
}

/// A reader of frames. After each [`next_frame`](Self::next_frame), [`read_payload`](Self::read_payload) is due.
#[derive(Debug)]
pub struct NutReader<R> {
    source: R,
    ahead: Box<[u8; READ_AHEAD_BYTES]>,
    at: usize,
    end: usize,
    header: MainHeader,
    stream: NutStream,
    clock: Clock,
    /// Which beginning the present frame leaves out.
    elided: usize,
}

impl<R: Read> NutReader<R> {
    /// Reads up to and with the stream header.
    pub fn open(source: R) -> Result<Self, NutError> {
        let mut reader = Self {
            source,
            ahead: Box::new([0; READ_AHEAD_BYTES]),
            at: 0,
            end: 0,
            header: MainHeader::default(),
            stream: NutStream::default(),
            clock: Clock::default(),
            elided: 0,
        };
        let mut id = [0; FILE_ID.len()];
        reader.fill(&mut id)?;
        ensure(&id == FILE_ID, "it does not begin as a nut stream")?;
        reader.header = MainHeader::parse(&reader.expect_packet(MAIN)?)?;
        let packet = reader.expect_packet(STREAM)?;
        let (stream, clock) = parse_stream(&packet, &reader.header)?;
        (reader.stream, reader.clock) = (stream, clock);
        Ok(reader)
    }

    /// What the stream header says.
    pub const fn stream(&self) -> &NutStream {
        &self.stream
    }

    /// Where the bytes come from.
    pub const fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// The head of the next frame; none at a clean end.
    pub fn next_frame(&mut self) -> Result<Option<NutFrame>, NutError> {
        for _ in 0..PACKETS_MAX {
            if self.at == self.end && self.refill()? == 0 {
                return Ok(None);
            }
            let code = self.byte()?;
            if code != b'N' {
                return self.frame_head(code).map(Some);
            }
            self.between_frames()?;
        }
        malformed("too many packets between frames")
    }

    /// Fills `into`, which has the length that [`NutFrame::payload_bytes`] told, straight from the source but for
    /// what was read ahead.
    pub fn read_payload(&mut self, into: &mut [u8]) -> Result<(), NutError> {
        let elided = self.elided_bytes().min(into.len());
        into[..elided].copy_from_slice(&self.header.elided[self.elided][..elided]);
        self.elided = 0;
        self.fill(&mut into[elided..])
    }

    fn elided_bytes(&self) -> usize {
        self.header.elided[self.elided].len()
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), NutError> {
        let held = into.len().min(self.end - self.at);
        into[..held].copy_from_slice(&self.ahead[self.at..self.at + held]);
        self.at += held;
        Ok(self.source.read_exact(&mut into[held..])?)
    }

    /// Handles the packet whose first byte was just read.
    fn between_frames(&mut self) -> Result<(), NutError> {
        let mut code = [b'N', 0, 0, 0, 0, 0, 0, 0];
        self.fill(&mut code[1..])?;
        let code = u64::from_be_bytes(code);
        ensure([MAIN, STREAM, SYNCPOINT, INFO, INDEX].contains(&code), "an unknown packet")?;
        let packet = self.packet()?;
        if code == SYNCPOINT {
            self.clock.synchronise(Fields::new(&packet).varint()?, &self.header)?;
        }
        Ok(())
    }

    fn frame_head(&mut self, code: u8) -> Result<NutFrame, NutError> {
        let entry = self.header.frame_codes[usize::from(code)];
        let mut flags = entry.flags;
        if flags & flag::CODED != 0 {
            flags ^= self.varint()?;
        }
        ensure(flags & (flag::INVALID | flag::SIDE_DATA) == 0, "an invalid frame")?;
        let stream = if flags & flag::STREAM_ID != 0 { self.varint()? } else { entry.stream };
        ensure(stream == 0, "a frame of an undeclared stream")?;
        let coded_pts = if flags & flag::CODED_PTS != 0 { Some(self.varint()?) } else { None };
        let pts = self.clock.advance(coded_pts, entry.pts_delta)?;
        let msb = if flags & flag::SIZE_MSB != 0 { self.varint()? } else { 0 };
        let coded = entry.size_multiplier.checked_mul(msb).and_then(|high| high.checked_add(entry.size_lsb));
        let size = coded.ok_or(NutError::Malformed("an impossible frame size"))?;
        let elided = self.frame_tail(flags, &entry)?;
        self.elided = if size > ELISION_BYTES_MAX { 0 } else { elided };
        ensure(self.elided_bytes() as u64 <= size, "an impossible frame size")?;
        let is_key = flags & flag::KEY != 0;
        Ok(NutFrame { timestamp: self.clock.time_of(pts)?, payload_bytes: size, is_key })
    }

    /// Reads the last fields of a frame head, of which only the elided beginning concerns raw video.
    fn frame_tail(&mut self, flags: u64, entry: &FrameCode) -> Result<usize, NutError> {
        if flags & flag::MATCH_TIME != 0 {
            self.signed()?;
        }
        let elided = if flags & flag::HEADER_INDEX != 0 { self.varint()? } else { entry.elided };
        let elided = usize::try_from(elided).unwrap_or(usize::MAX);
        ensure(elided < self.header.elided.len(), "an undeclared elision header")?;
        let reserved = if flags & flag::RESERVED != 0 { self.varint()? } else { entry.reserved_count };
        ensure(reserved <= TABLE_LEN_MAX, "too many reserved fields")?;
        for _ in 0..reserved {
            self.varint()?;
        }
        if flags & flag::CHECKSUM != 0 {
            self.fill(&mut [0; 4])?;
        }
        Ok(elided)
    }

    /// The content of the next packet, which must be `code`.
    fn expect_packet(&mut self, code: u64) -> Result<Vec<u8>, NutError> {
        let mut found = [0; 8];
        self.fill(&mut found)?;
        ensure(u64::from_be_bytes(found) == code, "a header is not where it belongs")?;
        self.packet()
    }

    /// The content of the packet whose start code was just read, its checksum verified and taken off.
    fn packet(&mut self) -> Result<Vec<u8>, NutError> {
        let len = self.varint()?;
        ensure((4..=PACKET_BYTES_MAX).contains(&len), "a packet of impossible length")?;
        if len > 4096 {
            self.fill(&mut [0; 4])?;
        }
        let mut content = vec![0; usize::try_from(len).expect("bounded above")];
        self.fill(&mut content)?;
        // The checksum runs over the content; with the stored one appended it comes to zero.
        ensure(checksum(&content) == 0, "a packet's checksum is wrong")?;
        content.truncate(content.len() - 4);
        Ok(content)
    }

    fn refill(&mut self) -> Result<usize, NutError> {
        self.at = 0;
        self.end = 0;
        self.end = loop {
            match self.source.read(&mut self.ahead[..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        Ok(self.end)
    }
}

impl<R: Read> FieldSource for NutReader<R> {
    fn byte(&mut self) -> Result<u8, NutError> {
        if self.at == self.end && self.refill()? == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        self.at += 1;
        Ok(self.ahead[self.at - 1])
    }
}

/// What the main header says: time bases and what each frame code stands for.
#[derive(Debug)]
struct MainHeader {
    time_bases: Vec<(u64, u64)>,
    frame_codes: Box<[FrameCode; 256]>,
    /// Beginnings that a small frame may leave out; the first is empty.
    elided: Vec<Vec<u8>>,
}

impl Default for MainHeader {
    fn default() -> Self {
        let invalid = FrameCode { flags: flag::INVALID, ..FrameCode::default() };
        Self { time_bases: Vec::new(), frame_codes: Box::new([invalid; 256]), elided: vec![Vec::new()] }
    }
}

/// What one frame code stands for.
#[derive(Clone, Copy, Debug, Default)]
struct FrameCode {
    flags: u64,
    stream: u64,
    size_multiplier: u64,
    size_lsb: u64,
    pts_delta: i64,
    reserved_count: u64,
    elided: u64,
}

impl MainHeader {
    fn parse(packet: &[u8]) -> Result<Self, NutError> {
        let mut fields = Fields::new(packet);
        let version = fields.varint()?;
        ensure((2..=4).contains(&version), "an unknown version")?;
        if version > 3 {
            fields.varint()?;
        }
        ensure(fields.varint()? == 1, "not exactly one stream")?;
        fields.varint()?;
        let mut header = Self::default();
        let count = fields.varint()?;
        ensure((1..=TABLE_LEN_MAX).contains(&count), "too many time bases")?;
        for _ in 0..count {
            let base = (fields.varint()?, fields.varint()?);
            ensure(base.0 > 0 && base.1 > 0 && base.0 < 1 << 31 && base.1 < 1 << 31, "an impossible time base")?;
            header.time_bases.push(base);
        }
        header.parse_frame_codes(&mut fields)?;
        header.parse_elision(&mut fields)?;
        Ok(header)
    }

    fn parse_frame_codes(&mut self, fields: &mut Fields<'_>) -> Result<(), NutError> {
        let mut next = 0;
        // Delta, multiplier and stream carry over from group to group, the others do not.
        let mut carried = FrameCode { size_multiplier: 1, ..FrameCode::default() };
        while next < 256 {
            let (group, count) = parse_group(fields, &mut carried)?;
            ensure(count > 0, "an empty group of frame codes")?;
            for step in 0..count {
                // `N` begins start codes, so no frame may; it takes no place in the group.
                next += usize::from(next == usize::from(b'N'));
                if next >= 256 {
                    break;
                }
                self.frame_codes[next] = FrameCode { size_lsb: group.size_lsb.saturating_add(step), ..group };
                next += 1;
            }
        }
        Ok(())
    }

    fn parse_elision(&mut self, fields: &mut Fields<'_>) -> Result<(), NutError> {
        // Older streams end here.
        if fields.is_at_end() {
            return Ok(());
        }
        let count = fields.varint()?;
        ensure(count <= TABLE_LEN_MAX, "too many elision headers")?;
        for _ in 0..count {
            let len = fields.varint()?;
            self.elided.push(fields.take(len)?.to_vec());
        }
        Ok(())
    }
}

/// One group of frame codes and how many codes it covers.
fn parse_group(fields: &mut Fields<'_>, carried: &mut FrameCode) -> Result<(FrameCode, u64), NutError> {
    let flags = fields.varint()?;
    let given = fields.varint()?;
    ensure(given <= TABLE_LEN_MAX, "too many fields in a group of frame codes")?;
    if given > 0 {
        carried.pts_delta = fields.signed()?;
    }
    if given > 1 {
        carried.size_multiplier = fields.varint()?;
    }
    if given > 2 {
        carried.stream = fields.varint()?;
    }
    let size_lsb = if given > 3 { fields.varint()? } else { 0 };
    let reserved_count = if given > 4 { fields.varint()? } else { 0 };
    let count = if given > 5 { fields.varint()? } else { carried.size_multiplier.saturating_sub(size_lsb) };
    if given > 6 {
        fields.signed()?;
    }
    let elided = if given > 7 { fields.varint()? } else { 0 };
    for _ in 8..given {
        fields.varint()?;
    }
    Ok((FrameCode { flags, size_lsb, reserved_count, elided, ..*carried }, count))
}

fn parse_stream(packet: &[u8], header: &MainHeader) -> Result<(NutStream, Clock), NutError> {
    let mut fields = Fields::new(packet);
    ensure(fields.varint()? == 0, "a stream of another number")?;
    ensure(fields.varint()? == 0, "a stream that is not video")?;
    let fourcc_len = fields.varint()?;
    let fourcc = fields.take(fourcc_len)?.try_into().map_err(|_| NutError::Malformed("a pixel format unknown here"))?;
    let base = usize::try_from(fields.varint()?).unwrap_or(usize::MAX);
    let time_base = *header.time_bases.get(base).ok_or(NutError::Malformed("an undeclared time base"))?;
    let pts_bits = fields.varint()?;
    ensure(pts_bits < 16, "an impossible timestamp width")?;
    let (_max_distance, decode_delay, _flags) = (fields.varint()?, fields.varint()?, fields.varint()?);
    let extra_len = fields.varint()?;
    let extradata = fields.take(extra_len)?.to_vec();
    let (width, height) = (side(fields.varint()?)?, side(fields.varint()?)?);
    Ok((NutStream { width, height, fourcc, decode_delay, extradata }, Clock { time_base, pts_bits, last_pts: 0 }))
}

fn side(value: u64) -> Result<u32, NutError> {
    ensure(value > 0, "a picture without pixels")?;
    u32::try_from(value).map_err(|_| NutError::Malformed("a picture of impossible size"))
}

/// The stream's time: full timestamps out of shortened ones.
#[derive(Debug, Default)]
struct Clock {
    time_base: (u64, u64),
    /// Bits of a shortened timestamp.
    pts_bits: u64,
    last_pts: i64,
}

impl Clock {
    /// Takes over a syncpoint's time, given in its own time base.
    fn synchronise(&mut self, coded: u64, header: &MainHeader) -> Result<(), NutError> {
        let count = header.time_bases.len() as u64;
        let base = usize::try_from(coded % count).expect("less than a length");
        let (from, to) = (header.time_bases[base], self.time_base);
        let scaled =
            u128::from(coded / count) * u128::from(from.0) * u128::from(to.1) / (u128::from(from.1) * u128::from(to.0));
        self.last_pts = i64::try_from(scaled).map_err(|_| NutError::Malformed("an impossible time"))?;
        Ok(())
    }

    /// The frame's timestamp in units of the time base.
    fn advance(&mut self, coded: Option<u64>, delta: i64) -> Result<i64, NutError> {
        let pts = match coded {
            None => self.last_pts.checked_add(delta),
            Some(coded) if coded < 1 << self.pts_bits => self.full_from_short(coded),
            Some(coded) => i64::try_from(coded - (1 << self.pts_bits)).ok(),
        };
        self.last_pts = pts.ok_or(NutError::Malformed("an impossible time"))?;
        Ok(self.last_pts)
    }

    /// The timestamp nearest to the last one that ends in these bits.
    fn full_from_short(&self, short: u64) -> Option<i64> {
        let mask = (1_i64 << self.pts_bits) - 1;
        let from = self.last_pts.checked_sub(mask / 2)?;
        let ahead = i64::try_from(short).ok()?.wrapping_sub(from) & mask;
        from.checked_add(ahead)
    }

    fn time_of(&self, pts: i64) -> Result<Duration, NutError> {
        let ticks = u128::from(pts.max(0).unsigned_abs());
        let nanos = ticks * u128::from(self.time_base.0) * 1_000_000_000 / u128::from(self.time_base.1);
        let nanos = u64::try_from(nanos).map_err(|_| NutError::Malformed("an impossible time"))?;
        Ok(Duration::from_nanos(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::super::nut_writer::{frame_head, stream_head};
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    /// Three frames of 17×16 in 0.6 s, written by FFmpeg 5.1:
    /// `-f lavfi -i testsrc=s=17x16:r=5:d=0.6 -pix_fmt yuv420p -enc_time_base 1:1000000 -f nut -write_index 0`.
    const TINY: &[u8] = include_bytes!("../../tests/fixtures/tiny.nut");

    /// Times and payloads of all frames; a payload of more than `bytes_max` is an error, as in the decoder.
    fn read(bytes: &[u8], bytes_max: u64) -> Result<Vec<(Duration, Vec<u8>)>, NutError> {
        let mut reader = NutReader::open(bytes)?;
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame()? {
            ensure(frame.payload_bytes <= bytes_max, "too long")?;
            let mut payload = vec![0; frame.payload_bytes as usize];
            reader.read_payload(&mut payload)?;
            frames.push((frame.timestamp, payload));
        }
        Ok(frames)
    }

    #[test]
    fn what_ffmpeg_wrote_is_read() {
        let stream = NutReader::open(TINY).unwrap().stream;
        assert_eq!((stream.width, stream.height, stream.fourcc), (17, 16, *b"I420"));
        let frames = read(TINY, 1 << 20).unwrap();
        let times: Vec<_> = frames.iter().map(|(time, _)| time.as_millis()).collect();
        assert_eq!(times, [0, 200, 400]);
        let pixels: Vec<u8> = frames.into_iter().flat_map(|(_, payload)| payload).collect();
        assert_eq!(
            format!("{:x}", Sha256::digest(pixels)),
            "cbdc2c079026f5c161fe19bd8b0c1904a93e07bc6e282c149d01ea616dd37b3d"
        );
    }

    #[test]
    fn every_cut_is_an_error_or_a_clean_end() {
        let whole = read(TINY, 1 << 20).unwrap();
        for len in 0..TINY.len() {
            if let Ok(frames) = read(&TINY[..len], 1 << 20) {
                assert_eq!(frames, whole[..frames.len()]);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(times in prop::collection::vec(0_u64..1 << 50, 1..8), len in 1_usize..9000) {
            let mut bytes = stream_head(640, 360, *b"I420");
            let mut expected = Vec::new();
            for (index, time) in times.into_iter().enumerate() {
                let (time, payload) = (Duration::from_micros(time), vec![index as u8; len]);
                bytes.extend(frame_head(time, len as u64));
                bytes.extend(&payload);
                expected.push((time, payload));
            }
            prop_assert_eq!(read(&bytes, 1 << 20).unwrap(), expected);
        }

        #[test]
        fn flipped_bits_do_no_harm(flips in prop::collection::vec((0..TINY.len() * 8, any::<bool>()), 1..12)) {
            let mut bytes = TINY.to_vec();
            for (bit, _) in flips {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let _ = read(&bytes, 1 << 20);
        }

        #[test]
        fn garbage_headers_do_no_harm(garbage in prop::collection::vec(any::<u8>(), 0..600)) {
            // With a right checksum the garbage reaches the parsers behind it.
            let mut packet = garbage;
            packet.extend(checksum(&packet).to_be_bytes());
            let _ = MainHeader::parse(&packet);
            let _ = parse_stream(&packet, &MainHeader { time_bases: vec![(1, 1000)], ..MainHeader::default() });
            let mut bytes = stream_head(64, 64, *b"I420");
            bytes.extend(&packet);
            let _ = read(&bytes, 1 << 20);
        }
    }
}
