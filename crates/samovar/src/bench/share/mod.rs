//! `samovar bench share`: one server that holds every model of a configuration once, asked by several clients at the same time.

mod alone;
mod arguments;
mod client;
mod command;
mod report;

pub use arguments::BenchShareArguments;
pub use command::share;
