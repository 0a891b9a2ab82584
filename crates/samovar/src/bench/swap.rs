//! `samovar bench swap`: live streams on one model while it is swapped for another and back, and then for a damaged file.
//!
//! The streams first run undisturbed for as long as they run later with swaps, so that both 99th percentiles come from one run.

use super::arguments::BenchSwapArguments;
use super::server_process::{self, ServerProcess};
use super::server_setup::ServerSetup;
use super::statistics::percentile;
use super::stream_client::StreamClient;
use super::tune::tune;
use super::workplace::Workplace;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use bytes::Bytes;
use parking_lot::Mutex;
use samovar_media::{Frame, FramePool, ImageEncoding, PixelFormat, encode_image};
use serde::Serialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    /// What was typed.
    command: String,
    streams: usize,
    frames_per_second: f64,
    swaps: usize,
    undisturbed: Phase,
    swapping: Phase,
    /// The 99th percentile with swaps as a share of the one without.
    p99_ratio: f64,
    /// Frames that came back as errors, of all.
    failed_frames: u64,
    /// Events that did not come in the order of their frames.
    reordered: u64,
    /// From the swap's request to its answer: old copy freed, in ms.
    swap_p50_ms: f64,
    swap_max_ms: f64,
    resident_before_bytes: u64,
    resident_after_bytes: u64,
    /// Whether the damaged version was refused with the old one serving on.
    damaged_refused: bool,
}

/// What the streams saw in one phase.
#[derive(Clone, Debug, Default, Serialize)]
struct Phase {
    results: u64,
    dropped: u64,
    p50_ms: f64,
    p99_ms: f64,
}

/// What all streams have seen so far.
#[derive(Default)]
struct Seen {
    latencies_ms: Vec<f64>,
    dropped: u64,
    failed: u64,
    reordered: u64,
}

/// Longest side of the frames, in pixels: small ones, so that many streams find room.
const SIZE: (u32, u32) = (160, 96);
/// Time for one swap, with its load and its warm-up.
const SWAP_EVERY: Duration = Duration::from_millis(1_500);
/// How long an undisturbed phase lasts at least.
const PHASE_MIN: Duration = Duration::from_secs(10);
/// How long memory may take to come back.
const REST: Duration = Duration::from_secs(6);
const MODEL: &str = "swapped";

/// Runs the command.
///
/// # Errors
/// Where the server does not start, or a stream breaks off.
pub fn swap(arguments: &BenchSwapArguments) -> Result<Exit, CliError> {
    let workplace = Workplace::new("swap")?;
    workplace.copy(&arguments.model, "versions/1/model.onnx")?;
    workplace.copy(arguments.other.as_ref().unwrap_or(&arguments.model), "versions/2/model.onnx")?;
    damage(&arguments.model, &workplace)?;
    let plans = workplace.emptied("plans")?;
    let serving = |version: u64| {
        let setup = ServerSetup::new(&plans, arguments.choices);
        setup.model(MODEL, &workplace.path().join("versions"), &format!("versions = {version}\n"))
    };
    if arguments.budget > 0 {
        tune(&serving(1), arguments.budget)?;
        tune(&serving(2), arguments.budget)?;
    }
    let server = ServerProcess::start(&serving(1))?;
    server.wait_until_ready()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let figures = runtime.block_on(measure(arguments, &server))?;
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

/// Version 3: the first one's file, cut in its middle.
fn damage(model: &Path, workplace: &Workplace) -> Result<(), CliError> {
    let copy = workplace.copy(model, "versions/3/model.onnx")?;
    let whole = std::fs::metadata(&copy).map_or(0, |metadata| metadata.len());
    let cut = std::fs::OpenOptions::new().write(true).open(&copy).and_then(|file| file.set_len(whole / 2));
    cut.map_err(|error| CliError::new("temporary_folder_unusable", format!("{}: {error}", copy.display())))
}

async fn measure(arguments: &BenchSwapArguments, server: &ServerProcess) -> Result<Figures, CliError> {
    let address = server.address();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let stop = CancellationToken::new();
    let mut streams = open_streams(arguments, address, &seen, &stop).await?;
    let phase = PHASE_MIN.max(SWAP_EVERY * u32::try_from(arguments.swaps).unwrap_or(u32::MAX));
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(take(&seen));
    stderr::line(&format!("{} streams, undisturbed for {:.0} s", arguments.streams, phase.as_secs_f64()));
    tokio::time::sleep(phase).await;
    let undisturbed = take(&seen);
    let resident_before_bytes = server.resident_bytes().unwrap_or(0);
    stderr::line(&format!("{} swaps", arguments.swaps));
    let swaps_ms = swap_by_the_clock(address, arguments.swaps).await?;
    let swapping = take(&seen);
    let damaged_refused = refuses_damaged(address).await;
    tokio::time::sleep(REST).await;
    let resident_after_bytes = server.resident_bytes().unwrap_or(0);
    let after = take(&seen);
    stop.cancel();
    while let Some(ended) = streams.join_next().await {
        ended.map_err(|_| CliError::new("internal", "a stream's task failed"))??;
    }
    let failed = |seen: &Seen| seen.failed;
    let phases = [&undisturbed, &swapping, &after];
    let (before, with) = (phase_of(&undisturbed), phase_of(&swapping));
    Ok(Figures {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        streams: arguments.streams,
        frames_per_second: arguments.fps,
        swaps: arguments.swaps,
        p99_ratio: with.p99_ms / before.p99_ms.max(1e-9),
        undisturbed: before,
        swapping: with,
        failed_frames: phases.into_iter().map(failed).sum(),
        reordered: phases.into_iter().map(|seen| seen.reordered).sum(),
        swap_p50_ms: percentile(&swaps_ms, 0.5),
        swap_max_ms: percentile(&swaps_ms, 1.0),
        resident_before_bytes,
        resident_after_bytes,
        damaged_refused,
    })
}

async fn open_streams(
    arguments: &BenchSwapArguments,
    address: SocketAddr,
    seen: &Arc<Mutex<Seen>>,
    stop: &CancellationToken,
) -> Result<JoinSet<Result<(), CliError>>, CliError> {
    let picture: Bytes = encode_image(&picture(), ImageEncoding::Jpeg { quality: 85 }, &FramePool::new(1))?.into();
    let period = Duration::from_secs_f64(1.0 / arguments.fps.max(0.01));
    let url = url(address)?;
    let mut streams = JoinSet::new();
    let start = Instant::now() + Duration::from_millis(500);
    for index in 0..arguments.streams {
        let client = StreamClient::open(&url).await?;
        // Cameras do not beat in time: the streams' frames are spread over the period.
        let first = start + period.mul_f64(index as f64 / arguments.streams as f64);
        let player = Player { picture: picture.clone(), first, period, seen: Arc::clone(seen), stop: stop.clone() };
        streams.spawn(player.play(client));
    }
    Ok(streams)
}

/// The kind of stream that the model is for.
fn url(address: SocketAddr) -> Result<String, CliError> {
    let model = server_process::post(address, &format!("/v1/models/{MODEL}/warm-up"), &json!({}))?;
    let kind = if model["serving"]["family"] == "segmentation" { "segment?mask=none&" } else { "detect?" };
    Ok(format!("ws://{address}/v1/streams/{kind}model={MODEL}"))
}

/// One stream: a frame by the clock, whatever the answers do.
struct Player {
    picture: Bytes,
    first: Instant,
    period: Duration,
    seen: Arc<Mutex<Seen>>,
    stop: CancellationToken,
}

impl Player {
    async fn play(self, mut client: StreamClient) -> Result<(), CliError> {
        let mut sent: Vec<Instant> = Vec::new();
        let mut told = 0;
        while !self.stop.is_cancelled() {
            let due = self.first + self.period.mul_f64(sent.len() as f64);
            tokio::select! {
                biased;
                event = client.event(), if told < sent.len() => told = self.hear(&event?, &sent, told),
                () = sleep_until(due) => {
                    sent.push(Instant::now());
                    client.send(self.picture.clone()).await?;
                }
                () = self.stop.cancelled() => {}
            }
        }
        client.close().await;
        Ok(())
    }

    /// Counts an event in; tells how many frames have been told of now.
    fn hear(&self, event: &Value, sent: &[Instant], told: usize) -> usize {
        let mut seen = self.seen.lock();
        let Some(frame) = event["frame"].as_u64().and_then(|frame| usize::try_from(frame).ok()) else { return told };
        seen.reordered += u64::from(frame != told);
        match event["type"].as_str() {
            Some("result") => {
                let since = sent.get(frame).map_or(Duration::ZERO, Instant::elapsed);
                seen.latencies_ms.push(since.as_secs_f64() * 1e3);
                told + 1
            }
            Some("dropped") => {
                let count = event["count"].as_u64().unwrap_or(1);
                seen.dropped += count;
                told + count as usize
            }
            _ => {
                seen.failed += 1;
                told + 1
            }
        }
    }
}

/// Takes turns between the versions; gives the milliseconds that each took.
async fn swap_by_the_clock(address: SocketAddr, swaps: usize) -> Result<Vec<f64>, CliError> {
    let mut took_ms = Vec::new();
    let start = Instant::now();
    for index in 0..swaps {
        sleep_until(start + SWAP_EVERY * u32::try_from(index).unwrap_or(u32::MAX)).await;
        let begun = Instant::now();
        reload(address, 2 - (index as u64 % 2)).await?;
        took_ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    sleep_until(start + SWAP_EVERY * u32::try_from(swaps).unwrap_or(u32::MAX)).await;
    Ok(took_ms)
}

async fn refuses_damaged(address: SocketAddr) -> bool {
    reload(address, 3).await.is_err()
}

async fn reload(address: SocketAddr, version: u64) -> Result<Value, CliError> {
    let path = format!("/v1/models/{MODEL}/reload");
    let asked = tokio::task::spawn_blocking(move || server_process::post(address, &path, &json!({"version": version})));
    asked.await.map_err(|_| CliError::new("internal", "a request's task failed"))?
}

fn take(seen: &Mutex<Seen>) -> Seen {
    std::mem::take(&mut *seen.lock())
}

fn phase_of(seen: &Seen) -> Phase {
    Phase {
        results: seen.latencies_ms.len() as u64,
        dropped: seen.dropped,
        p50_ms: percentile(&seen.latencies_ms, 0.5),
        p99_ms: percentile(&seen.latencies_ms, 0.99),
    }
}

/// A small picture with something in it.
fn picture() -> Frame {
    let (width, height) = SIZE;
    let pool = FramePool::new(1);
    let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
    for (index, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (index as u32 % width, index as u32 / width);
        *pixel = [(x * 3) as u8, (y * 5) as u8, (x ^ y) as u8];
    }
    Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels)
}

impl Figures {
    fn text(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        let line = |name: &str, phase: &Phase| {
            format!("{name:14} {:8} {:8} {:9.1} {:9.1}\n", phase.results, phase.dropped, phase.p50_ms, phase.p99_ms)
        };
        let mut text = format!(
            "{} streams × {} frames/s; {} swaps\n\n{:14} {:>8} {:>8} {:>9} {:>9}\n",
            self.streams, self.frames_per_second, self.swaps, "", "results", "dropped", "p50 ms", "p99 ms"
        );
        text += &line("undisturbed", &self.undisturbed);
        text += &line("with swaps", &self.swapping);
        text += &format!(
            "\np99 with swaps ÷ without   {:.2}\nfailed frames              {}\nout of order               {}\n",
            self.p99_ratio, self.failed_frames, self.reordered
        );
        text += &format!("a swap                     p50 {:.0} ms, max {:.0} ms\n", self.swap_p50_ms, self.swap_max_ms);
        text += &format!(
            "server memory              {:.1} MiB before, {:.1} MiB after\n",
            mib(self.resident_before_bytes),
            mib(self.resident_after_bytes)
        );
        let refused = if self.damaged_refused { "refused, the old one served on" } else { "NOT refused" };
        text + &format!("a damaged version          {refused}\n$ {}\n", self.command)
    }
}
