//! Video: recorded files and network sources, decoded by the `ffmpeg` program in a confined child process.

mod access_units;
mod annex_b;
pub(crate) mod child;
pub(crate) mod child_clock;
pub(crate) mod child_log;
mod clip;
mod damage_note;
pub(crate) mod decode_command;
mod decoder;
pub(crate) mod decoding;
mod encoder;
#[cfg(test)]
mod fake_child_tests;
pub(crate) mod input;
mod nut;
mod nut_fields;
mod nut_writer;
mod options;
mod pace;
mod packet_feed;
mod packet_ring;
mod picture_ring;
mod program;
pub(crate) mod sandbox;
pub(crate) mod stoppable;
mod timed_ring;
mod unit_queue;
mod unit_session;
pub(crate) mod watch;

pub use access_units::{AccessUnitDecoder, AccessUnitEvent, AccessUnitOptions};
pub use clip::{ClipFacts, ClipOptions, write_clip, write_picture_clip};
pub use damage_note::DamageNote;
pub use decoder::{Truncation, VideoDecoder, VideoEnd, VideoInfo, VideoStep};
pub use encoder::{EncoderOptions, VideoEncoder};
pub use input::{UrlScheme, VideoInput};
pub use options::{VideoOptions, VideoSize};
pub use packet_ring::{Packet, PacketClip, PacketCodec, PacketRing};
pub use picture_ring::{PictureRing, TimedPicture};
pub use program::FfmpegProgram;
pub use timed_ring::{RingLimits, RingStats};
