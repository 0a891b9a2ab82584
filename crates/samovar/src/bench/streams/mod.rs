//! `samovar bench streams`: what many live anomaly streams on one set of models cost, and what becomes of them under overload.

mod arguments;
mod capacity;
mod command;
mod memory;
mod opening;
mod player;
mod report;
mod soak;
mod sources;

pub use arguments::BenchStreamsArguments;
pub use command::streams;
