//! `samovar engine` and `samovar bench engine`: what computes here, how to get more, and how fast each is.

mod bench;
mod bench_child;
mod bench_table;
mod install;
mod list;
mod memory;

pub use bench::{BenchEngineArguments, bench};
pub use install::{EngineCommand, run};
