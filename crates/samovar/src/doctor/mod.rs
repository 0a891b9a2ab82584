//! `samovar doctor`: what this machine has and whether what is configured can work on it, each problem with its cure.

mod configured;
mod doors;
mod engines;
mod finding;
mod jobs;
mod life;
mod live_streams;
mod machine;
mod report;
mod service;
mod speech;
mod start;

pub use report::run;
pub use service::FactsByName;
pub use start::{facts, faults};
