//! Audio: recordings and live chunks in, mono 32-bit samples at 16 kHz out, in bounded blocks.
//!
//! WAV is read here, FLAC, MP3, AAC (ADTS) and Ogg Vorbis by `symphonia` in this process, everything else by the FFmpeg
//! program in the same confined child as video. What is resampled goes through `rubato`.

mod au;
mod child_command;
mod child_run;
mod child_source;
mod conform;
mod error;
mod info;
mod input;
mod limits;
mod live;
mod live_child;
mod mixdown;
mod ogg_opus;
mod packet_source;
mod pcm;
mod pcm_cutter;
mod reader;
mod resampler;
mod ring;
mod sniff;
mod source;
mod wav;

pub use conform::AudioBlock;
pub use error::{AudioError, AudioErrorKind};
pub use info::AudioInfo;
pub use input::AudioInput;
pub use limits::AudioLimits;
pub use live::{LiveAudio, LiveCoding, LiveFormat};
pub use mixdown::ChannelChoice;
pub use pcm::PcmEncoding;
pub use reader::{AudioOptions, AudioReader};
pub use ring::AudioRing;

/// Samples per second of all that comes out of here.
pub const AUDIO_RATE_HZ: u32 = 16_000;
