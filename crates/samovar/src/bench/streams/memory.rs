//! Memory of the server with 0 to 50 streams that send five frames a second, and how many of the frames are answered.

use super::player::{Play, Together};
use crate::bench::server_process::ServerProcess;
use crate::failure::CliError;
use serde::Serialize;
use std::time::Duration;

/// The server with so many streams.
#[derive(Clone, Debug, Serialize)]
pub struct Load {
    pub resident_bytes: u64,
    /// CPU-seconds of the server for each answered frame.
    pub cpu_s_per_frame: f64,
    pub together: Together,
}

/// What all loads come to.
#[derive(Clone, Debug, Serialize)]
pub struct Loads {
    /// With the models warm and no stream.
    pub idle_bytes: u64,
    pub loads: Vec<Load>,
    /// Growth from 10 streams to 50, by each.
    pub bytes_per_further_stream: f64,
}

const STREAMS: [usize; 5] = [1, 3, 5, 10, 50];
const FPS: f64 = 5.0;
/// What the server holds for itself is given back by then.
const REST: Duration = Duration::from_secs(2);

/// Measures.
///
/// # Errors
/// Where a stream does not open or breaks off.
pub async fn loads(server: &ServerProcess, play: &Play) -> Result<Loads, CliError> {
    tokio::time::sleep(REST).await;
    let idle_bytes = resident(server);
    let mut loads = Vec::new();
    for streams in STREAMS {
        crate::stderr::line(&format!("{streams} streams × {FPS} frames/s"));
        loads.push(load(server, &Play { streams, fps: FPS, ..play.clone() }).await?);
    }
    let [.., ten, fifty] = loads.as_slice() else { return Err(CliError::new("internal", "two loads at least")) };
    let grown = fifty.resident_bytes as f64 - ten.resident_bytes as f64;
    let further = (fifty.together.streams - ten.together.streams) as f64;
    Ok(Loads { idle_bytes, bytes_per_further_stream: grown / further, loads })
}

/// Plays, and looks at the server while all streams send.
///
/// # Errors
/// Where a stream does not open or breaks off.
pub async fn load(server: &ServerProcess, play: &Play) -> Result<Load, CliError> {
    let (mut resident_bytes, before) = (0, server.cpu_s());
    let heard = play.run(|| resident_bytes = resident(server)).await?;
    let together = Together::new(play, &heard);
    let cpu_s = server.cpu_s() - before;
    Ok(Load { resident_bytes, cpu_s_per_frame: cpu_s / together.results.max(1) as f64, together })
}

fn resident(server: &ServerProcess) -> u64 {
    server.resident_bytes().unwrap_or(0)
}
