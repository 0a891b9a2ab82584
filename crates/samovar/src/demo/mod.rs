//! `samovar demo`: the real server in this process, a clip played to it as live streams, and everything told at a glance.

mod clip;
mod figures;
mod http;
mod latencies;
mod looking;
mod player;
mod screen;
mod setup;
mod show;
mod status;
mod summary;
mod table;
mod tally;

pub use clip::Clip;
pub use show::demo;
