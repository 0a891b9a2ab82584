//! `samovar engine list | install | remove`.

use super::list;
use crate::failure::{CliError, Exit};
use crate::stdout;
use clap::{Args, Subcommand, ValueEnum};
use samovar_engines::Locations;
use samovar_engines::install::{InstallError, Package, Step, install, package, remove};
use serde::Serialize;
use std::io::Write;

/// What to do with engines.
#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// Tell which engines are here, with version, devices and precisions, and how to install the others
    #[command(after_help = "Example:\n  samovar engine list --json")]
    List(JsonArguments),
    /// Fetch an engine's library, or ffmpeg, into Samovar's own folder (SAMOVAR_HOME)
    #[command(after_help = INSTALL_EXAMPLES)]
    Install(PackageArguments),
    /// Remove what was installed
    #[command(after_help = "Example:\n  samovar engine remove onnxruntime")]
    Remove(PackageArguments),
}

const INSTALL_EXAMPLES: &str = "\
Examples:
  samovar engine install openvino
  samovar engine install onnxruntime ffmpeg
  SAMOVAR_HOME=/opt/samovar samovar engine install openvino

The pinned package is fetched by `python3 -m pip download` and checked by its sha256; no Python is needed afterwards.";

/// How the answer looks.
#[derive(Debug, Args)]
pub struct JsonArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which packages.
#[derive(Debug, Args)]
pub struct PackageArguments {
    /// What to install or remove
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<PackageName>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PackageName {
    /// The fastest engine on x86 CPUs
    Openvino,
    /// The engine with every operator
    Onnxruntime,
    /// The program that decodes video
    Ffmpeg,
}

/// What was done with one package.
#[derive(Debug, Serialize)]
struct Outcome {
    name: &'static str,
    version: &'static str,
    path: String,
    /// False where nothing had to be done.
    changed: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of the installation; with several packages the first that fails ends the command.
pub fn run(command: &EngineCommand) -> Result<Exit, CliError> {
    let locations = Locations::from_environment();
    match command {
        EngineCommand::List(arguments) => list::run(&locations.with_python(), arguments.json),
        EngineCommand::Install(arguments) => each(arguments, "installed", |package| {
            let done = install(&locations, package, |step| say(arguments.json, package, step))?;
            Ok(Outcome::of(package, &done))
        }),
        EngineCommand::Remove(arguments) => {
            each(arguments, "removed", |package| Ok(Outcome::of(package, &remove(&locations, package)?)))
        }
    }
}

impl Outcome {
    fn of(package: &Package, done: &samovar_engines::install::Installed) -> Self {
        let path = done.path.display().to_string();
        Self { name: package.name, version: package.version, path, changed: done.is_new }
    }
}

fn each(
    arguments: &PackageArguments,
    what: &str,
    mut act: impl FnMut(&'static Package) -> Result<Outcome, InstallError>,
) -> Result<Exit, CliError> {
    let mut outcomes = Vec::new();
    for name in &arguments.names {
        let outcome = act(name.package()).map_err(|error| failure(&error))?;
        if !arguments.json {
            let state = if outcome.changed { what.to_owned() } else { format!("nothing to do, already {what}") };
            stdout::print(&format!("{}: {state} ({})\n", outcome.name, outcome.path))?;
        }
        outcomes.push(outcome);
    }
    if arguments.json {
        stdout::print_json(&outcomes)?;
    }
    Ok(Exit::Ok)
}

impl PackageName {
    fn package(self) -> &'static Package {
        let name = match self {
            Self::Openvino => "openvino",
            Self::Onnxruntime => "onnxruntime",
            Self::Ffmpeg => "ffmpeg",
        };
        package(name).expect("every name of the command line is a known package")
    }
}

/// One line per step on stderr; a broken stderr leaves nobody to tell.
fn say(json: bool, package: &Package, step: Step) {
    let step = match step {
        Step::Downloading => "downloading",
        Step::Checking => "checking",
        Step::Unpacking => "unpacking",
    };
    if !json {
        let _ = writeln!(std::io::stderr(), "{step} {} {}", package.pip_name, package.version);
    }
}

fn failure(error: &InstallError) -> CliError {
    CliError::new(error.kind().code(), error.to_string()).cure(error.kind().cure())
}
