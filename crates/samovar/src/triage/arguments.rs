//! What `samovar triage` is typed with.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `samovar triage`.
#[derive(Debug, Subcommand)]
pub enum TriageCommand {
    /// Ask the rules about examples, and tell those that do not come out as expected
    Test(TestTriageArguments),
    /// Tell what the rules make of a text, and everything that triggered it
    Explain(ExplainTriageArguments),
    /// Print the rules that Samovar brings, to begin one's own from
    Rules(PrintRulesArguments),
}

/// Which rules.
#[derive(Debug, Args)]
pub struct RulesChoice {
    /// A file of rules [default: that of `[triage]` in the configuration, else those that Samovar brings]
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// `samovar triage test`.
#[derive(Debug, Args)]
pub struct TestTriageArguments {
    /// A file of examples [default: those that Samovar brings]
    #[arg(value_name = "CASES")]
    pub cases: Option<PathBuf>,
    /// Which rules
    #[command(flatten)]
    pub choice: RulesChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `samovar triage explain`.
#[derive(Debug, Args)]
pub struct ExplainTriageArguments {
    /// What was said: one utterance each
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,
    /// What is spoken, as a code of two letters [default: rules of all languages look at it]
    #[arg(long, value_name = "CODE")]
    pub language: Option<String>,
    /// Which rules
    #[command(flatten)]
    pub choice: RulesChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `samovar triage rules`.
#[derive(Debug, Args)]
pub struct PrintRulesArguments {
    /// The examples instead
    #[arg(long)]
    pub cases: bool,
}

/// Shown below the help.
pub const TRIAGE_EXAMPLES: &str = "\
Examples:
  samovar triage test
  samovar triage rules > rules.toml
  samovar triage rules --cases > cases.toml
  samovar triage test cases.toml --rules rules.toml
  samovar triage explain --language en \"There is no fire, but he is not breathing\"";
