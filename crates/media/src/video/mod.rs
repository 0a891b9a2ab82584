//! Video: recorded files and network sources, decoded by the `ffmpeg` program in a confined child process.

mod child;
mod child_log;
mod decode_command;
mod decoder;
mod encoder;
#[cfg(test)]
mod fake_child_tests;
mod input;
mod nut;
mod nut_fields;
mod nut_writer;
mod options;
mod program;
mod sandbox;
mod watch;

pub use decoder::{Truncation, VideoDecoder, VideoEnd, VideoInfo};
pub use encoder::{EncoderOptions, VideoEncoder};
pub use input::{UrlScheme, VideoInput};
pub use options::{VideoOptions, VideoSize};
pub use program::FfmpegProgram;
