//! What may be typed after `samovar worker`.

use crate::arguments::ModelChoices;
use clap::Args;

/// `samovar worker`.
#[derive(Clone, Debug, Args)]
pub struct WorkerArguments {
    /// A model besides those of the configuration; may be repeated
    #[arg(long, value_name = "[NAME=]FILE")]
    pub model: Vec<String>,
    /// Jobs at the same time [default: `jobs_at_once` of the configuration]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// End when no job waits or runs any more, instead of waiting for the next
    #[arg(long, visible_alias = "once")]
    pub drain: bool,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print one JSON object for each job that begins or ends
    #[arg(long)]
    pub json: bool,
}

/// After `samovar worker --help`.
pub const WORKER_EXAMPLES: &str = "\
Examples:
  samovar worker --config samovar.toml             beside a server with `worker = false` in `[jobs]`, or to help one
  samovar worker --config samovar.toml --jobs 4
  samovar worker --config samovar.toml --drain     works through what waits, then ends

Server and workers share a folder on one machine (`folder` in `[jobs]`) and have the same models, by the same names.
Ctrl-C and SIGTERM give running jobs back: whoever takes them goes on where they were. A second one ends at once.";
