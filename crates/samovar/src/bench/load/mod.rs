//! `samovar bench load`: requests at a rate that does not depend on the answers, and how long each took.

mod arguments;
mod client;
mod command;
mod level;
mod report;
mod request;
mod surface;
mod tally;

pub use arguments::{BenchLoadArguments, Rate};
pub use client::HttpClient;
pub use command::load;
pub use level::{Level, LevelPlan};
pub use report::LevelFigures;
pub use request::PreparedRequest;
pub use surface::{picture_request, sentences, tensors, text_requests};
