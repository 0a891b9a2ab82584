//! `samovar bench`: figures and their ratios, each measured in one run on this machine.

mod detect;
mod detect_report;
mod idle;
mod media;
mod open;
mod server_process;
mod stages;
mod statistics;
mod throughput;

pub use detect::detect;
pub use open::open;
