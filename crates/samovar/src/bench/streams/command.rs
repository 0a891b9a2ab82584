//! Runs the parts that were asked for, each on a server of its own kind, and prints what came of them.

use super::arguments::{BenchStreamsArguments, Part};
use super::player::Play;
use super::report::Figures;
use super::{capacity, memory, opening, soak, sources};
use crate::bench::detect::engine_alone;
use crate::bench::server_process::ServerProcess;
use crate::bench::server_setup::ServerSetup;
use crate::bench::workplace::Workplace;
use crate::config::ConfigFile;
use crate::demo::Clip;
use crate::failure::{CliError, Exit};
use crate::{here, stderr, stdout};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Runs the command.
///
/// # Errors
/// Where the server does not start, or a stream breaks off.
pub fn streams(arguments: &BenchStreamsArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let clip = Arc::new(Clip::read(&arguments.video, here::ffmpeg(&file.config)?)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let workplace = Workplace::new("streams")?;
    let bench = Bench { arguments, file: &file, clip, setup: setup(arguments, workplace.path()), runtime };
    let mut figures = Figures::new(arguments);
    for part in arguments.parts() {
        bench.measure(part, &mut figures)?;
    }
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

struct Bench<'a> {
    arguments: &'a BenchStreamsArguments,
    file: &'a ConfigFile,
    clip: Arc<Clip>,
    setup: ServerSetup,
    runtime: Runtime,
}

impl Bench<'_> {
    fn measure(&self, part: Part, figures: &mut Figures) -> Result<(), CliError> {
        let time = Duration::from_secs(self.arguments.seconds.max(1));
        match part {
            Part::Opening => {
                stderr::line("opening streams on warm models");
                let server = self.server()?;
                figures.openings = Some(self.runtime.block_on(opening::openings(&self.play(&server, time)))?);
            }
            Part::Memory => {
                let server = self.server()?;
                figures.loads = Some(self.runtime.block_on(memory::loads(&server, &self.play(&server, time)))?);
            }
            Part::Capacity => {
                stderr::line("the engine alone");
                let pose = self.arguments.pose.to_string_lossy();
                let loading = engine_alone(&pose, &self.arguments.choices, self.file, self.size(), time);
                let alone = self.runtime.block_on(loading)?;
                let server = self.server()?;
                let play = self.play(&server, time);
                let measuring = capacity::capacity(&play, alone);
                figures.capacity = Some(self.runtime.block_on(measuring)?);
            }
            Part::Sources => {
                figures.cameras = sources::cameras(&self.setup, &self.arguments.video, SOURCE_FPS, time)?;
            }
            Part::Soak => {
                let server = Arc::new(self.server()?);
                let play = Play {
                    streams: self.arguments.soak_streams,
                    fps: self.arguments.soak_fps,
                    ..self.play(&server, Duration::from_secs(60 * self.arguments.soak_minutes))
                };
                figures.soak = Some(self.runtime.block_on(soak::soak(server, &play))?);
            }
        }
        Ok(())
    }

    fn server(&self) -> Result<ServerProcess, CliError> {
        let server = ServerProcess::start(&self.setup)?;
        server.wait_until_ready()?;
        Ok(server)
    }

    fn play(&self, server: &ServerProcess, time: Duration) -> Play {
        Play {
            url: format!("ws://{}/v1/streams/anomaly", server.address()),
            clip: Arc::clone(&self.clip),
            streams: 1,
            fps: self.arguments.fps,
            time,
        }
    }

    fn size(&self) -> (u32, u32) {
        (self.clip.width, self.clip.height)
    }
}

/// Frames a second of each source.
const SOURCE_FPS: f64 = 5.0;

fn setup(arguments: &BenchStreamsArguments, plans: &Path) -> ServerSetup {
    let batch = arguments.batch_max.map_or_else(String::new, |rows| format!("batch_max = {rows}"));
    ServerSetup::new(plans, arguments.choices)
        .model("pose", &arguments.pose, &batch)
        .model("sequence", &arguments.sequence, "")
        .sections("[anomaly]\npose = \"pose\"\nsequence = \"sequence\"\n")
}
