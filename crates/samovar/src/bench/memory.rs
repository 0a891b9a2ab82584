//! `samovar bench memory`: whether the memory of a model comes back when it is unloaded, over many loads.

use super::arguments::BenchMemoryArguments;
use super::server_process::ServerProcess;
use super::server_setup::{ServerSetup, name_of};
use super::workplace::Workplace;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    /// What was typed.
    command: String,
    cycles: u32,
    /// Resident memory of the server before its first model.
    empty_bytes: u64,
    models: Vec<ModelFigures>,
}

/// Resident memory of the server, where this model alone comes and goes.
#[derive(Debug, Serialize)]
struct ModelFigures {
    model: String,
    /// With the model loaded and warm, after each load.
    loaded_bytes: Vec<u64>,
    /// After each unload.
    unloaded_bytes: Vec<u64>,
    /// The last of the loads as a share of the second.
    loaded_last_to_second: f64,
    /// The last of the unloads as a share of the second.
    unloaded_last_to_second: f64,
}

/// Pause before memory is read: what was freed is given back by then.
const REST: Duration = Duration::from_millis(1_500);

/// Runs the command.
///
/// # Errors
/// Where the server does not start or a model does not load.
pub fn memory(arguments: &BenchMemoryArguments) -> Result<Exit, CliError> {
    let workplace = Workplace::new("memory")?;
    let mut setup = ServerSetup::new(workplace.path(), arguments.choices);
    for file in &arguments.model {
        setup = setup.model(&name_of(file), file, "preload = false");
    }
    let server = ServerProcess::start(&setup)?;
    server.wait_until_ready()?;
    let figures = Figures {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        cycles: arguments.cycles,
        empty_bytes: resident(&server),
        models: arguments.model.iter().map(|file| cycle(&server, file, arguments.cycles)).collect::<Result<_, _>>()?,
    };
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

fn cycle(server: &ServerProcess, file: &Path, cycles: u32) -> Result<ModelFigures, CliError> {
    let model = name_of(file);
    stderr::line(&format!("{model}: {cycles} loads"));
    let (mut loaded_bytes, mut unloaded_bytes) = (Vec::new(), Vec::new());
    for _ in 0..cycles {
        server.post(&format!("/v1/models/{model}/load"), &Value::Null)?;
        loaded_bytes.push(resident(server));
        server.post(&format!("/v1/models/{model}/unload"), &json!({}))?;
        unloaded_bytes.push(resident(server));
    }
    let ratio = |bytes: &[u64]| bytes[bytes.len() - 1] as f64 / bytes[1].max(1) as f64;
    Ok(ModelFigures {
        model,
        loaded_last_to_second: ratio(&loaded_bytes),
        unloaded_last_to_second: ratio(&unloaded_bytes),
        loaded_bytes,
        unloaded_bytes,
    })
}

fn resident(server: &ServerProcess) -> u64 {
    std::thread::sleep(REST);
    server.resident_bytes().unwrap_or(0)
}

impl Figures {
    fn text(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        let mut text = format!("server without a model: {:.0} MiB\n\n", mib(self.empty_bytes));
        text += &format!(
            "{:24} {:>8} {:>8} {:>8} {:>10}   {:>8} {:>8} {:>8} {:>10}\n",
            "MiB", "loaded 1", "2", self.cycles, "last ÷ 2nd", "freed 1", "2", self.cycles, "last ÷ 2nd"
        );
        for ModelFigures { model, loaded_bytes, unloaded_bytes, loaded_last_to_second, unloaded_last_to_second } in
            &self.models
        {
            let last = loaded_bytes.len() - 1;
            let [first, second, last_loaded] = [0, 1, last].map(|index| mib(loaded_bytes[index]));
            let [freed, freed_second, last_freed] = [0, 1, last].map(|index| mib(unloaded_bytes[index]));
            text += &format!(
                "{model:24} {first:8.1} {second:8.1} {last_loaded:8.1} {loaded_last_to_second:10.3}   \
                 {freed:8.1} {freed_second:8.1} {last_freed:8.1} {unloaded_last_to_second:10.3}\n"
            );
        }
        text + &format!("$ {}\n", self.command)
    }
}
