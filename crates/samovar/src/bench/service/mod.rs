//! `samovar bench service`: what the server costs around a model, beside a bare echo, the engine alone and what people run today.

mod arguments;
mod command;
mod contender;
mod echo;
mod embedding;
mod engine_alone;
mod fairness;
mod overhead;
mod report;
mod workload;

pub use arguments::{BenchServiceArguments, EchoArguments};
pub use command::service;
pub use echo::echo;
