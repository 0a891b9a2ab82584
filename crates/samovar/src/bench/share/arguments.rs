//! What may be typed after `samovar bench share`.

use clap::Args;
use std::path::PathBuf;

/// `samovar bench share`.
#[derive(Clone, Debug, Args)]
pub struct BenchShareArguments {
    /// The configuration whose models are served
    #[arg(value_name = "FILE")]
    pub served: PathBuf,
    /// Clients at the same time; each asks every model
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub clients: u32,
    /// Requests of each client to each model
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub requests: u32,
    /// The picture for models that take pictures
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Afterwards also start a server for each model alone, and tell what each of them holds
    #[arg(long)]
    pub alone: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
