//! What `samovar keys` is typed with.

use clap::{Args, Subcommand, ValueEnum};

/// `samovar keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key: show its secret, this once, and what belongs into the configuration
    New(NewKeyArguments),
}

/// `samovar keys new`.
#[derive(Debug, Args)]
pub struct NewKeyArguments {
    /// What the key is called in lists and logs
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it may; may be given more than once
    #[arg(long, value_name = "SCOPE", default_value = "infer")]
    pub scope: Vec<TypedScope>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What a key may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TypedScope {
    /// Ask models: requests and live streams
    Infer,
    /// Hand in recorded media, and see what became of one's own
    Jobs,
    /// Load and unload models, sources, evidence, and see everybody's
    Admin,
    /// Read figures
    Metrics,
}

impl TypedScope {
    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Infer => "infer",
            Self::Jobs => "jobs",
            Self::Admin => "admin",
            Self::Metrics => "metrics",
        }
    }
}

/// Shown below the help.
pub const KEYS_EXAMPLES: &str = "\
Examples:
  samovar keys new site >> keys.toml
  samovar keys new operator --scope admin --scope metrics
  SAMOVAR_KEY=smv_… samovar ps";
