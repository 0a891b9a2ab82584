//! A writer of NUT streams with one video stream: how frames, or compressed packets, reach a child with their times.
//!
//! Source: the NUT Open Container Format. Two frame codes serve all frames: each codes its own time and size and
//! follows a syncpoint, so that a head can be written without looking at the frame before.

use super::nut::{FILE_ID, MAIN, STREAM, SYNCPOINT, flag};
use super::nut_fields::checksum;
use super::packet_ring::PacketCodec;
use bytes::Bytes;
use std::time::Duration;

/// Units of time in a second: microseconds, as coded times.
const TICKS_PER_SECOND: u64 = 1_000_000;
/// Bits of a shortened time; every time is written in full, so the smallest will do.
const PTS_BITS: u64 = 7;
/// The codes that frames use: those of key frames and of others.
const KEY_CODE: u8 = 0;
const OTHER_CODE: u8 = 1;

/// File id, main header and stream header for frames of `width` × `height` in the pixel format `fourcc`.
pub(super) fn stream_head(width: u32, height: u32, fourcc: [u8; 4]) -> Vec<u8> {
    packet_stream_head(&PacketCodec { fourcc, width, height, decode_delay: 0, extradata: Bytes::new() })
}

/// The same for compressed packets.
pub(super) fn packet_stream_head(codec: &PacketCodec) -> Vec<u8> {
    let mut bytes = FILE_ID.to_vec();
    push_packet(&mut bytes, MAIN, &main_header());
    push_packet(&mut bytes, STREAM, &stream_header(codec));
    bytes
}

/// What stands before each frame's payload.
pub(super) fn frame_head(timestamp: Duration, payload_bytes: u64) -> Vec<u8> {
    packet_head(timestamp, payload_bytes, true)
}

/// What stands before each packet's payload.
pub(super) fn packet_head(timestamp: Duration, payload_bytes: u64, is_key: bool) -> Vec<u8> {
    let ticks = u64::try_from(timestamp.as_micros()).unwrap_or(u64::MAX >> 2).min(u64::MAX >> 2);
    let mut syncpoint = Vec::new();
    push_varint(&mut syncpoint, ticks);
    push_varint(&mut syncpoint, 0);
    let mut bytes = Vec::new();
    push_packet(&mut bytes, SYNCPOINT, &syncpoint);
    let head_at = bytes.len();
    bytes.push(if is_key { KEY_CODE } else { OTHER_CODE });
    push_varint(&mut bytes, ticks + (1 << PTS_BITS));
    push_varint(&mut bytes, payload_bytes);
    let head_checksum = checksum(&bytes[head_at..]);
    bytes.extend(head_checksum.to_be_bytes());
    bytes
}

fn main_header() -> Vec<u8> {
    let mut header = Vec::new();
    // Version, streams, distance between syncpoints at most, time bases: one of 1 / ticks.
    for value in [3, 1, 32_768, 1, 1, TICKS_PER_SECOND] {
        push_varint(&mut header, value);
    }
    let flags = flag::CODED_PTS | flag::SIZE_MSB | flag::CHECKSUM;
    // One code each: flags, six fields, no time delta, size in units of 1, stream 0, nothing below, nothing reserved.
    for flags in [flags | flag::KEY, flags] {
        for value in [flags, 6, 0, 1, 0, 0, 0, 1] {
            push_varint(&mut header, value);
        }
    }
    // `N` is skipped by both sides and takes no place.
    for value in [flag::INVALID, 6, 0, 1, 0, 0, 0, 253] {
        push_varint(&mut header, value);
    }
    // No elision headers.
    push_varint(&mut header, 0);
    header
}

fn stream_header(codec: &PacketCodec) -> Vec<u8> {
    let mut header = vec![0, 0, 4];
    header.extend(codec.fourcc);
    // Time base, time bits, distance, decode delay, flags, codec data.
    for value in [0, PTS_BITS, 0, codec.decode_delay, 0, codec.extradata.len() as u64] {
        push_varint(&mut header, value);
    }
    header.extend(&codec.extradata);
    // Size, unknown sample aspect, unknown colour space.
    for value in [u64::from(codec.width), u64::from(codec.height), 0, 0, 0] {
        push_varint(&mut header, value);
    }
    header
}

fn push_packet(bytes: &mut Vec<u8>, code: u64, content: &[u8]) {
    bytes.extend(code.to_be_bytes());
    push_varint(bytes, content.len() as u64 + 4);
    bytes.extend(content);
    bytes.extend(checksum(content).to_be_bytes());
}

fn push_varint(bytes: &mut Vec<u8>, value: u64) {
    let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        bytes.push((value >> (7 * group)) as u8 & 0x7F | more);
    }
}
