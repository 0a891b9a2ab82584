//! Cameras that the server reads itself: its memory and that of their decoders.

use crate::bench::server_process::ServerProcess;
use crate::bench::server_setup::ServerSetup;
use crate::failure::CliError;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// A server with so many cameras.
#[derive(Clone, Debug, Serialize)]
pub struct Cameras {
    pub sources: usize,
    /// Of the server itself.
    pub resident_bytes: u64,
    /// Of all decoder children together.
    pub decoders_bytes: u64,
    /// Results of all sources together, in each second.
    pub results_per_s: f64,
}

const SOURCES: [usize; 3] = [1, 3, 10];
const READY_MAX: Duration = Duration::from_secs(60);

/// Measures each number of sources on a server of its own; every one plays `video` in a loop.
///
/// # Errors
/// Where a server does not start, or its sources give nothing.
pub fn cameras(setup: &ServerSetup, video: &Path, fps: f64, time: Duration) -> Result<Vec<Cameras>, CliError> {
    SOURCES.iter().map(|sources| with(setup, video, *sources, fps, time)).collect()
}

fn with(setup: &ServerSetup, video: &Path, sources: usize, fps: f64, time: Duration) -> Result<Cameras, CliError> {
    crate::stderr::line(&format!("{sources} sources × {fps} frames/s"));
    let mut sections = String::new();
    let path = std::path::absolute(video).unwrap_or_else(|_| video.to_path_buf());
    let address = toml::Value::String(path.to_string_lossy().into_owned());
    for index in 0..sources {
        // Writing into a string cannot fail.
        let _ = writeln!(sections, "[sources.camera-{index}]\naddress = {address}\nfps_max = {fps}");
    }
    let server = ServerProcess::start(&setup.clone().sections(&sections))?;
    server.wait_until_ready()?;
    let started = Instant::now();
    while results(&server)? < sources as f64 {
        if started.elapsed() > READY_MAX {
            return Err(CliError::new("source_failed", "the sources give no results").cure("look: samovar streams"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (began, before) = (Instant::now(), results(&server)?);
    std::thread::sleep(time);
    let results_per_s = (results(&server)? - before) / began.elapsed().as_secs_f64();
    Ok(Cameras {
        sources,
        resident_bytes: server.resident_bytes().unwrap_or(0),
        decoders_bytes: server.children_bytes(),
        results_per_s,
    })
}

/// Results of all streams so far.
fn results(server: &ServerProcess) -> Result<f64, CliError> {
    let list = server.get("/v1/streams")?;
    let streams = list["data"].as_array().into_iter().flatten();
    Ok(streams.filter_map(|stream| stream["figures"]["results"].as_f64()).sum())
}
