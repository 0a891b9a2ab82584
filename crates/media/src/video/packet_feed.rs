//! The compressed stream of a live source, read along with its frames: a thread that ends with the child.
//!
//! It never waits for whoever uses the packets, so the child never waits for it.

use super::nut::{NutError, NutReader, NutStream};
use super::packet_ring::{Packet, PacketCodec, PacketRing};
use super::stoppable::{Stop, Stoppable};
use std::io::{self, PipeReader};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// The longest compressed picture: an 8K key frame at the highest rate in use has less.
const PACKET_BYTES_MAX: u64 = 32 << 20;
/// B-frames in a row, at most.
const DECODE_DELAY_MAX: u64 = 32;
/// FFmpeg's name in NUT for JPEG pictures.
const MJPEG: &[u8; 4] = b"MJPG";

/// A thread that fills a ring. Its end is the child's, or comes with its drop.
#[derive(Debug)]
pub(super) struct PacketFeed {
    stop: Option<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl PacketFeed {
    /// Starts reading. `is_http` tells that JPEG pictures have no times but those of their arrival.
    pub(super) fn start(pipe: PipeReader, ring: PacketRing, is_http: bool) -> io::Result<Self> {
        let (pipe, stop) = Stoppable::new(pipe)?;
        let read = move || match read(pipe, &ring, is_http) {
            // The child was ended, or ended.
            Ok(()) | Err(NutError::Io(_)) => {}
            // The pipe is closed with this, which ends the child and so the decoder.
            Err(error) => tracing::warn!(%error, "the packets of a source cannot be read"),
        };
        let thread = std::thread::Builder::new().name("video-packets".into()).spawn(read)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for PacketFeed {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of a source's packets panicked");
        }
    }
}

fn read(pipe: Stoppable<PipeReader>, ring: &PacketRing, is_http: bool) -> Result<(), NutError> {
    let mut reader = NutReader::open(pipe)?;
    let codec = codec(reader.stream())?;
    let by_arrival = is_http && &codec.fourcc == MJPEG;
    ring.begin(codec);
    let mut first = None;
    while let Some(head) = reader.next_frame()? {
        if head.payload_bytes > PACKET_BYTES_MAX {
            return Err(NutError::Malformed("a packet of impossible length"));
        }
        let mut data = vec![0; usize::try_from(head.payload_bytes).expect("bounded above")];
        reader.read_payload(&mut data)?;
        let time = if by_arrival { arrival(&mut first) } else { head.timestamp };
        ring.push(Packet { time, wall: SystemTime::now(), is_key: head.is_key, data: data.into() });
    }
    Ok(())
}

fn arrival(first: &mut Option<Instant>) -> Duration {
    first.get_or_insert_with(Instant::now).elapsed()
}

fn codec(stream: &NutStream) -> Result<PacketCodec, NutError> {
    if stream.decode_delay > DECODE_DELAY_MAX {
        return Err(NutError::Malformed("an impossible number of pictures held back"));
    }
    let extradata = stream.extradata.clone().into();
    let (fourcc, width, height, decode_delay) = (stream.fourcc, stream.width, stream.height, stream.decode_delay);
    Ok(PacketCodec { fourcc, width, height, decode_delay, extradata })
}
