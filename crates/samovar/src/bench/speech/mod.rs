//! `samovar bench speech`: windows of speech through Samovar and through what people run today, on the same weights, in one run.

mod arguments;
mod command;
mod contender;
mod once;
mod report;

pub use arguments::{BenchSpeechArguments, SpeechOnceArguments};
pub use command::speech;
pub use once::speech_once;
