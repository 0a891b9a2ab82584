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
    clock: PacketClock,
}

/// Puts the times of packets on one line, whatever the source's timestamps do: a source that is opened again begins at zero, and a
/// camera whose clock is set jumps. Either would make a clip of ten seconds hours long, or show half of it at once.
#[derive(Debug, Default)]
struct PacketClock {
    /// Time here and arrival of the packet before.
    last: Option<(Duration, SystemTime)>,
    /// A time here, and the source's timestamp that it belongs to.
    origin: (Duration, Duration),
    /// Whether the next timestamp has nothing to do with the last.
    begins: bool,
}

/// Packets with B-frames come out of order by less.
const BACK_MAX: Duration = Duration::from_secs(2);
/// What comes further ahead of its arrival is a jump: segments of playlists come at their own pace.
const AHEAD_MAX: Duration = Duration::from_secs(10);
/// Between the packets on both sides of a break, where their arrival tells no distance.
const STEP_MIN: Duration = Duration::from_millis(1);

/// One compressed picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it is to be shown, from the start of the source. In a ring it goes on over reconnects and jumps of the source's timestamps, by
    /// the time of arrival.
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
        let state = State { codec: None, ring: TimedRing::new(limits), clock: PacketClock::default() };
        Self { shared: Arc::new(Mutex::new(state)) }
    }

    /// A stream begins. Where it is the same as the one before, as after a short break, what is held stays.
    pub fn begin(&self, codec: PacketCodec) {
        let mut state = self.shared.lock();
        if state.codec.as_deref() != Some(&codec) {
            state.ring.clear();
        }
        state.ring.break_off();
        state.clock.begins = true;
        state.codec = Some(Arc::new(codec));
    }

    /// Takes in the stream's next packet.
    pub fn push(&self, packet: Packet) {
        let (wall, bytes, is_key) = (packet.wall, packet.data.len(), packet.is_key);
        let mut state = self.shared.lock();
        let time = state.clock.place(packet.time, wall);
        state.ring.push(Packet { time, ..packet }, wall, bytes, is_key);
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

impl PacketClock {
    /// The time here of the packet with this timestamp, which arrived at `wall`.
    fn place(&mut self, timestamp: Duration, wall: SystemTime) -> Duration {
        let (ours, theirs) = self.origin;
        let told = ours.saturating_add(timestamp).checked_sub(theirs).filter(|_| !self.begins);
        let mut time = told.unwrap_or(timestamp);
        if let Some((last, before)) = self.last {
            let due = last.saturating_add(wall.duration_since(before).unwrap_or_default());
            let is_near =
                |time: &Duration| (last.saturating_sub(BACK_MAX)..=due.saturating_add(AHEAD_MAX)).contains(time);
            time = told.filter(is_near).unwrap_or_else(|| {
                let anew = due.max(last.saturating_add(STEP_MIN));
                self.origin = (anew, timestamp);
                anew
            });
        }
        (self.begins, self.last) = (false, Some((time, wall)));
        time
    }
}

impl PartialEq for PacketRing {
    /// Whether both are one ring.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn ring() -> PacketRing {
        let ring = PacketRing::new(RingLimits { bytes: 1 << 20, span: Duration::from_secs(60) });
        ring.begin(PacketCodec::h264(320, 240));
        ring
    }

    /// Packets by (timestamp, arrival, key) in milliseconds.
    fn push(ring: &PacketRing, packets: &[(u64, u64, bool)]) {
        for &(time, wall, is_key) in packets {
            let time = Duration::from_millis(time);
            ring.push(Packet { time, wall: at(wall), is_key, data: Bytes::from_static(&[7; 9]) });
        }
    }

    fn times(ring: &PacketRing) -> Vec<u128> {
        let clip = ring.clip(at(0), at(u64::MAX >> 20)).unwrap();
        clip.packets.iter().map(|packet| packet.time.as_millis()).collect()
    }

    #[test]
    fn times_go_on_over_a_reconnect_from_its_first_key_frame() {
        let ring = ring();
        push(&ring, &[(90_000, 1_000, true), (90_100, 1_100, false)]);
        ring.begin(PacketCodec::h264(320, 240));
        push(&ring, &[(0, 4_100, false), (100, 4_200, true), (200, 4_300, false)]);
        assert_eq!(times(&ring), [90_000, 90_100, 93_200, 93_300], "what came before a key frame is left out");
    }

    #[test]
    fn jumps_of_days_are_healed_and_b_frames_keep_their_times() {
        let ring = ring();
        let day = 86_400_000;
        push(&ring, &[(0, 0, true), (120, 40, false), (40, 80, false), (80, 120, false)]);
        push(&ring, &[(day, 160, true), (day + 40, 200, false), (7, 240, true), (47, 280, false)]);
        assert_eq!(times(&ring), [0, 120, 40, 80, 120, 160, 200, 240]);
    }

    #[test]
    fn the_largest_timestamps_and_clocks_that_are_set_end_nothing() {
        let ring = ring();
        for time in [Duration::MAX, Duration::ZERO, Duration::MAX] {
            let data = Bytes::from_static(&[7; 9]);
            ring.push(Packet { time, wall: at(time.as_secs() % 2), is_key: true, data });
        }
        assert_eq!(ring.stats().items, 3);
    }
}
