//! What may be typed after `samovar tune` and `samovar plan`.

use crate::arguments::ModelChoices;
use crate::config::OptimizeName;
use clap::{Args, Subcommand};
use std::num::NonZeroU64;

/// `samovar tune`.
#[derive(Clone, Debug, Args)]
pub struct TuneArguments {
    /// Models: names from the configuration, ONNX files, or names that `samovar models list` tells [default: all that are configured]
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// The longest that the measurements of one model may take, in seconds [default: the configuration's, 60]
    #[arg(long, value_name = "S")]
    pub budget: Option<NonZeroU64>,
    /// What to measure for [default: the configuration's, throughput]
    #[arg(long, value_name = "GOAL")]
    pub optimize: Option<OptimizeName>,
    /// How the models that are named by file run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Measure although there is a plan
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do with plans.
#[derive(Clone, Debug, Subcommand)]
pub enum PlanCommand {
    /// Tell the plans that are kept, what else was tried, and why this one won
    #[command(after_help = "Examples:\n  samovar plan show\n  samovar plan show person --json")]
    Show {
        /// The model by name [default: all that have a plan]
        #[arg(value_name = "MODEL")]
        model: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget plans and what the engines compiled; the next server measures again
    #[command(after_help = "Examples:\n  samovar plan clear\n  samovar plan clear person")]
    Clear {
        /// The model by name [default: all]
        #[arg(value_name = "MODEL")]
        model: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// After `samovar tune --help`.
pub const TUNE_EXAMPLES: &str = "\
Examples:
  samovar tune --config samovar.toml
  samovar tune yolov8n.onnx --optimize latency
  samovar tune person --budget 300 --force

What wins is kept. Commands and servers of this machine use it from their next start on, where they are
configured as it was measured (engine, precision, optimize, batch_max). Other work on this machine spoils
the figures: stop a busy server first.";
