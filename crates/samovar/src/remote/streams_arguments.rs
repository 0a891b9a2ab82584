//! What may be typed after `samovar streams`, `samovar sources` and `samovar ps`.

use super::ServerArguments;
use clap::{Args, Subcommand};
use std::num::NonZeroU16;

/// `samovar streams` and `samovar ps`.
#[derive(Clone, Debug, Args)]
pub struct StreamsArguments {
    /// Show it anew every second, until Ctrl-C
    #[arg(long, short, conflicts_with = "json")]
    pub watch: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar sources`.
#[derive(Clone, Debug, Subcommand)]
pub enum SourcesCommand {
    /// List cameras, addresses and files that the server opens itself
    List(SourcesListArguments),
    /// Tell everything about one
    Show(SourceNameArguments),
    /// Let the server open one, as far as its configuration allows that
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddSourceArguments),
    /// Close one that was added
    Remove(SourceNameArguments),
}

/// `samovar sources list`.
#[derive(Clone, Debug, Args)]
pub struct SourcesListArguments {
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar sources show` and `remove`.
#[derive(Clone, Debug, Args)]
pub struct SourceNameArguments {
    /// The source by name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar sources add`.
#[derive(Clone, Debug, Args)]
pub struct AddSourceArguments {
    /// What events and requests call it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// rtsp, http or https address, or a file that the server may play
    #[arg(value_name = "ADDRESS")]
    pub address: String,
    /// What is done with its frames: anomaly or detect
    #[arg(long, value_name = "PIPELINE", default_value = "anomaly", value_parser = ["anomaly", "detect"])]
    pub pipeline: String,
    /// The model of `--pipeline detect` [default: the server's]
    #[arg(long, short, value_name = "NAME")]
    pub model: Option<String>,
    /// Frames a second that are looked at [default: all that come]
    #[arg(long, value_name = "N")]
    pub fps_max: Option<f64>,
    /// Turns for each turn of a stream of weight 1
    #[arg(long, value_name = "N")]
    pub weight: Option<NonZeroU16>,
    /// Decode key frames only
    #[arg(long)]
    pub keyframes_only: bool,
    /// Leave frames out while nothing moves
    #[arg(long)]
    pub motion_gate: bool,
    /// Where its events go, by name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub sink: Vec<String>,
    /// Keep a picture and a clip of each anomaly
    #[arg(long)]
    pub evidence: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// After `samovar streams --help`.
pub const STREAMS_EXAMPLES: &str = "\
Examples:
  samovar streams
  samovar streams --watch --url http://camera-server:8080
  samovar streams --json";

/// After `samovar ps --help`.
pub const PS_EXAMPLES: &str = "\
Examples:
  samovar ps            the models that are loaded, and the streams that are open
  samovar ps --watch";

const ADD_EXAMPLES: &str = "\
Examples:
  samovar sources add entrance rtsp://camera.local/main
  samovar sources add yard rtsp://camera.local/yard --pipeline detect --fps-max 5

What may be added stands in `[source_additions]` of the server's configuration; by default nothing.";
