//! `samovar bench video`: recorded video at full speed, beside what people run today on the same model and machine.

mod arguments;
mod clips;
mod command;
mod contender;
mod long;
mod meter;
mod once;
mod report;

pub use arguments::{BenchVideoArguments, VideoOnceArguments};
pub use command::video;
pub use once::video_once;
