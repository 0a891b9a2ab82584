//! What may be typed after the commands that talk to a server.

use clap::Args;

/// Which server is asked, and how its answer is told.
#[derive(Clone, Debug, Args)]
pub struct ServerArguments {
    /// The running server [default: where the configuration lets it listen, http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `samovar warm`.
#[derive(Clone, Debug, Args)]
pub struct WarmArguments {
    /// Models by name [default: every model of the server]
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// Warm again what is warm
    #[arg(long)]
    pub force: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar models load` and `unload`.
#[derive(Clone, Debug, Args)]
pub struct NamesArguments {
    /// Models by name
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<String>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar models reload`.
#[derive(Clone, Debug, Args)]
pub struct ReloadArguments {
    /// The model by name
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar models swap`.
#[derive(Clone, Debug, Args)]
pub struct SwapArguments {
    /// The model by name
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The version of its folder [default: the newest]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub version: Option<u64>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar models clear`.
#[derive(Clone, Debug, Args)]
pub struct ClearArguments {
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// After `samovar warm --help`.
pub const WARM_EXAMPLES: &str = "\
Examples:
  samovar warm                        every model of the server on this machine
  samovar warm person --force         again, although it is warm
  samovar warm person --url http://camera-server:8080

What is absent is loaded first. What is warm is left alone and counted as skipped, unless --force.";

/// After `samovar models load --help` and `unload --help`.
pub const LOAD_EXAMPLES: &str = "\
Examples:
  samovar models load person
  samovar models unload person seg-sota --url http://127.0.0.1:9000";

/// After `samovar models reload --help` and `swap --help`.
pub const SWAP_EXAMPLES: &str = "\
Examples:
  samovar models reload person              the same version anew, for a file that was replaced
  samovar models swap person                to the newest version of its folder
  samovar models swap person --version 3    to this one: forth, or back

The new copy is loaded and warmed beside the old one. Where that fails, the old one goes on serving,
and the exit code is 1.";
