//! `samovar bench modes`: one live stream whose mode changes at random while its frames come by the clock.
//!
//! Afterwards every frame is asked for again, alone, from the model of the mode that answered it: the masks must be the same.

use super::arguments::BenchModesArguments;
use super::server_process::ServerProcess;
use super::server_setup::ServerSetup;
use super::statistics::percentile;
use super::stream_client::StreamClient;
use super::workplace::Workplace;
use crate::config::ConfigFile;
use crate::demo::Clip;
use crate::failure::{CliError, Exit};
use crate::{here, stderr, stdout};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    /// What was typed.
    command: String,
    frames: usize,
    switches_asked: usize,
    switches_done: usize,
    results: usize,
    /// Frames whose place a newer one took.
    dropped: u64,
    /// Frames that nothing was told of.
    lost: usize,
    /// Events that did not come in the order of their frames.
    reordered: u64,
    /// Frames that came back as errors.
    failed: u64,
    /// Masks that differ from those of the same model asked alone.
    masks_differing: usize,
    /// From asking for a mode to its first frame: model not in memory, and warm.
    switch_cold_max_ms: f64,
    switch_warm_p50_ms: f64,
    switch_warm_max_ms: f64,
    modes: Vec<ModeFigures>,
}

/// The results in one mode.
#[derive(Debug, Serialize)]
struct ModeFigures {
    mode: String,
    results: usize,
    p50_ms: f64,
    p99_ms: f64,
}

/// What was heard of one frame.
#[derive(Clone, Debug)]
struct Seen {
    mode: String,
    mask: Value,
    latency_ms: f64,
}

/// What the stream has told so far.
#[derive(Default)]
struct Heard {
    frames: Vec<Option<Seen>>,
    told: usize,
    dropped: u64,
    reordered: u64,
    failed: u64,
    switches_ms: Vec<(bool, f64)>,
}

/// How long the last frames' results may take.
const REST: Duration = Duration::from_secs(10);

/// Runs the command.
///
/// # Errors
/// Where the server does not start, or the stream breaks off.
pub fn modes(arguments: &BenchModesArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let modes = named(&arguments.mode)?;
    let config = ConfigFile::find(config)?.config;
    let clip = Clip::read(&arguments.video, here::ffmpeg(&config)?)?;
    let workplace = Workplace::new("modes")?;
    let mut setup = ServerSetup::new(workplace.path(), arguments.choices);
    let mut section = "[modes.segment]\n".to_owned();
    for (index, (mode, file)) in modes.iter().enumerate() {
        // Only the first is in memory from the start: the first change to each of the others loads and warms it.
        setup = setup.model(mode, Path::new(file), &format!("preload = {}", index == 0));
        let _ = writeln!(section, "\"{mode}\" = \"{mode}\"");
    }
    let server = ServerProcess::start(&setup.sections(&section))?;
    server.wait_until_ready()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let names: Vec<&str> = modes.iter().map(|(mode, _)| *mode).collect();
    let (heard, asked) = runtime.block_on(play(arguments, &server, &clip, &names))?;
    stderr::line("asking for every frame again, alone");
    let masks_differing = differing(&heard, &clip, &server)?;
    let figures = figures(&heard, &names, asked, masks_differing);
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

fn named(modes: &[String]) -> Result<Vec<(&str, &str)>, CliError> {
    let split = |text: &'_ String| -> Option<(usize, usize)> { text.find('=').map(|at| (at, at + 1)) };
    let pairs: Option<Vec<_>> =
        modes.iter().map(|text| split(text).map(|(end, start)| (&text[..end], &text[start..]))).collect();
    pairs.filter(|pairs| pairs.len() >= 2).ok_or_else(|| {
        CliError::new("mode_invalid", "at least two modes are needed, each as MODE=FILE")
            .cure("--mode fast=small.onnx --mode sota=large.onnx")
            .exit(Exit::Usage)
    })
}

/// Sends the frames by the clock and asks for another mode at random frames; tells how often.
async fn play(
    arguments: &BenchModesArguments,
    server: &ServerProcess,
    clip: &Clip,
    modes: &[&str],
) -> Result<(Heard, usize), CliError> {
    let url = format!("ws://{}/v1/streams/segment?mode={}", server.address(), modes[0]);
    let mut client = StreamClient::open(&url).await?;
    let frames = ((arguments.seconds as f64 * arguments.fps) as usize).max(1);
    let switches = arguments.switches.min(frames);
    stderr::line(&format!("{frames} frames at {} a second, {switches} changes of the mode", arguments.fps));
    let mut random = Random(1);
    let mut heard = Heard { frames: vec![None; frames], ..Heard::default() };
    let (mut sent, mut asked, mut mode) = (Vec::with_capacity(frames), 0, 0);
    let start = Instant::now();
    while sent.len() < frames {
        let due = start + Duration::from_secs_f64(sent.len() as f64 / arguments.fps);
        tokio::select! {
            biased;
            event = client.event(), if heard.told < sent.len() => heard.hear(&event?, &sent),
            () = sleep_until(due) => {
                // What is left of the changes is spread at random over what is left of the frames.
                if random.below(frames - sent.len()) < switches - asked {
                    mode = (mode + 1 + random.below(modes.len() - 1)) % modes.len();
                    client.control(&json!({"type": "mode", "mode": modes[mode]})).await?;
                    asked += 1;
                }
                sent.push(Instant::now());
                client.send(clip.picture(sent.len() as u64 - 1).clone()).await?;
            }
        }
    }
    let last = Instant::now() + REST;
    while heard.told < frames && Instant::now() < last {
        heard.hear(&client.event().await?, &sent);
    }
    client.close().await;
    Ok((heard, asked))
}

impl Heard {
    fn hear(&mut self, event: &Value, sent: &[Instant]) {
        let frame = event["frame"].as_u64().and_then(|frame| usize::try_from(frame).ok());
        match (event["type"].as_str(), frame) {
            (Some("mode_changed"), _) => {
                let took_ms = event["took_ms"].as_f64().unwrap_or(0.0);
                self.switches_ms.push((event["warm"].as_bool().unwrap_or(false), took_ms));
            }
            (Some("result"), Some(frame)) => {
                self.tell(frame, 1);
                let latency_ms = sent.get(frame).map_or(0.0, |at| at.elapsed().as_secs_f64() * 1e3);
                let mode = event["mode"].as_str().unwrap_or_default().to_owned();
                if let Some(place) = self.frames.get_mut(frame) {
                    *place = Some(Seen { mode, mask: event["mask"].clone(), latency_ms });
                }
            }
            (Some("dropped"), Some(frame)) => {
                let count = event["count"].as_u64().unwrap_or(1);
                self.dropped += count;
                self.tell(frame, count as usize);
            }
            (Some("error"), Some(frame)) => {
                self.failed += 1;
                self.tell(frame, 1);
            }
            _ => {}
        }
    }

    fn tell(&mut self, frame: usize, count: usize) {
        self.reordered += u64::from(frame != self.told);
        self.told += count;
    }
}

/// Frames whose mask is another one when the model is asked alone.
fn differing(heard: &Heard, clip: &Clip, server: &ServerProcess) -> Result<usize, CliError> {
    let mut differing = 0;
    for (frame, seen) in heard.frames.iter().enumerate() {
        let Some(seen) = seen else { continue };
        let path = format!("/v1/segment?mode={}", seen.mode);
        let answer = server.post_bytes(&path, "image/jpeg", clip.picture(frame as u64))?;
        differing += usize::from(answer["mask"] != seen.mask || seen.mask.is_null());
    }
    Ok(differing)
}

fn figures(heard: &Heard, modes: &[&str], asked: usize, masks_differing: usize) -> Figures {
    let seen: Vec<&Seen> = heard.frames.iter().flatten().collect();
    let of = |warm: bool| -> Vec<f64> {
        heard.switches_ms.iter().filter(|(was_warm, _)| *was_warm == warm).map(|(_, ms)| *ms).collect()
    };
    let (cold, warm) = (of(false), of(true));
    let mode_figures = |mode: &&str| {
        let latencies: Vec<f64> = seen.iter().filter(|seen| seen.mode == *mode).map(|seen| seen.latency_ms).collect();
        ModeFigures {
            mode: (*mode).to_owned(),
            results: latencies.len(),
            p50_ms: percentile(&latencies, 0.5),
            p99_ms: percentile(&latencies, 0.99),
        }
    };
    Figures {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        frames: heard.frames.len(),
        switches_asked: asked,
        switches_done: heard.switches_ms.len(),
        results: seen.len(),
        dropped: heard.dropped,
        lost: heard.frames.len().saturating_sub(heard.told),
        reordered: heard.reordered,
        failed: heard.failed,
        masks_differing,
        switch_cold_max_ms: percentile(&cold, 1.0),
        switch_warm_p50_ms: percentile(&warm, 0.5),
        switch_warm_max_ms: percentile(&warm, 1.0),
        modes: modes.iter().map(mode_figures).collect(),
    }
}

/// A small generator (Lehmer's, modulo 2³¹ − 1): the same changes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        (self.0 as usize) % end.max(1)
    }
}

impl Figures {
    fn text(&self) -> String {
        let mut text = format!(
            "{} frames, {} changes of the mode asked for, {} done\n\
             {} results, {} dropped, {} lost, {} out of order, {} failed; {} masks differ from the model's own\n\
             a change: warm p50 {:.1} ms, max {:.1} ms; with load and warm-up max {:.0} ms\n\n\
             {:12} {:>8} {:>8} {:>8}\n",
            self.frames,
            self.switches_asked,
            self.switches_done,
            self.results,
            self.dropped,
            self.lost,
            self.reordered,
            self.failed,
            self.masks_differing,
            self.switch_warm_p50_ms,
            self.switch_warm_max_ms,
            self.switch_cold_max_ms,
            "mode",
            "results",
            "p50 ms",
            "p99 ms"
        );
        for ModeFigures { mode, results, p50_ms, p99_ms } in &self.modes {
            let _ = writeln!(text, "{mode:12} {results:8} {p50_ms:8.1} {p99_ms:8.1}");
        }
        text + &format!("$ {}\n", self.command)
    }
}
