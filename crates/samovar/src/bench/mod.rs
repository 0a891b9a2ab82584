//! `samovar bench`: figures and their ratios, each measured in one run on this machine.

mod arguments;
mod detect;
mod detect_report;
mod idle;
mod jobs;
mod load;
mod media;
mod memory;
mod modes;
mod open;
mod server_process;
mod server_setup;
mod service;
mod stages;
mod start;
mod statistics;
mod stream_client;
mod streams;
mod swap;
mod throughput;
mod tune;
mod video;
mod workplace;

pub use arguments::{BenchMemoryArguments, BenchModesArguments, BenchStartArguments, BenchSwapArguments};
pub use detect::detect;
pub use jobs::{BenchJobsArguments, jobs};
pub use load::{BenchLoadArguments, load};
pub use memory::memory;
pub use modes::modes;
pub use open::open;
pub use service::{BenchServiceArguments, EchoArguments, echo, service};
pub use start::start;
pub use streams::{BenchStreamsArguments, streams};
pub use swap::swap;
pub use video::{BenchVideoArguments, VideoOnceArguments, video, video_once};
