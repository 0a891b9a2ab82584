//! The compressed stream beside its frames: the last seconds of a source as packets, for clips that need no encoding.

use super::timed_ring::{RingLimits, RingStats, TimedRing};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The last seconds of a compressed stream. Cheap to clone; all clones are one ring.
#[derive(Clone, Debug)]
pub struct PacketRing {
    shared: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// None before the first stream.
    codec: Option<Arc<PacketCodec>>,
    ring: TimedRing<Packet>,
}

/// One compressed picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it is to be shown, on the clock of the frames: from the start of the source.
    pub time: Duration,
    /// When it arrived here.
    pub wall: SystemTime,
    /// Whether it can be decoded without those before it.
    pub is_key: bool,
    /// As the source sent it.
    pub data: Bytes,
}

/// What a decoder must know of a stream before its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketCodec {
    /// FFmpeg's four characters, such as `H264`.
    pub fourcc: [u8; 4],
    /// Width in pixels, as the source declares it.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Packets by which decoding runs ahead of showing; zero without B-frames.
    pub decode_delay: u64,
    /// Parameter sets and the like, in the codec's own form; empty where they lie among the packets.
    pub extradata: Bytes,
}

/// Packets of one stream, beginning with a key frame.
#[derive(Clone, Debug)]
pub struct PacketClip {
    /// What they are.
    pub codec: Arc<PacketCodec>,
    /// In the order in which they are decoded; never empty.
    pub packets: Vec<Packet>,
}

impl PacketCodec {
    /// H.264 whose parameter sets lie among its access units (Annex B), without B-frames.
    pub const fn h264(width: u32, height: u32) -> Self {
        Self { fourcc: *b"H264", width, height, decode_delay: 0, extradata: Bytes::new() }
    }
}

impl PacketRing {
    /// An empty ring.
    pub fn new(limits: RingLimits) -> Self {
        Self { shared: Arc::new(Mutex::new(State { codec: None, ring: TimedRing::new(limits) })) }
    }

    /// A stream begins. Where it is the same as the one before, as after a short break, what is held stays.
    pub fn begin(&self, codec: PacketCodec) {
        let mut state = self.shared.lock();
        if state.codec.as_deref() != Some(&codec) {
            state.ring.clear();
        }
        state.codec = Some(Arc::new(codec));
    }

    /// Takes in the stream's next packet.
    pub fn push(&self, packet: Packet) {
        let (wall, bytes, is_key) = (packet.wall, packet.data.len(), packet.is_key);
        self.shared.lock().ring.push(packet, wall, bytes, is_key);
    }

    /// Packets that arrived from `from` to `to`, beginning at the key frame at or before `from`, or at the oldest one
    /// that is held. None where there are none. Packets are not copied.
    pub fn clip(&self, from: SystemTime, to: SystemTime) -> Option<PacketClip> {
        let state = self.shared.lock();
        let packets = state.ring.between(from, to);
        let codec = state.codec.clone().filter(|_| !packets.is_empty())?;
        Some(PacketClip { codec, packets })
    }

    /// When the newest packet arrived.
    pub fn newest(&self) -> Option<SystemTime> {
        self.shared.lock().ring.newest()
    }

    /// What it holds.
    pub fn stats(&self) -> RingStats {
        self.shared.lock().ring.stats()
    }
}

impl PartialEq for PacketRing {
    /// Whether both are one ring.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}
