//! Video: recorded files and network sources, decoded by the `ffmpeg` program in a confined child process.

mod child;
mod child_log;
mod decode_command;
mod decoder;
mod input;
mod nut;
mod nut_fields;
mod options;
mod output;
mod program;
mod sandbox;

pub use decoder::{Truncation, VideoDecoder, VideoEnd, VideoInfo};
pub use input::{UrlScheme, VideoInput};
pub use options::{VideoOptions, VideoSize};
pub use program::FfmpegProgram;
