//! Clients that play a clip into live streams by the clock, and what they hear.

use crate::bench::statistics::percentile;
use crate::bench::stream_client::StreamClient;
use crate::demo::Clip;
use crate::failure::CliError;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How streams are played.
#[derive(Clone, Debug)]
pub struct Play {
    /// `ws://…` of a stream.
    pub url: String,
    /// What every stream sends.
    pub clip: Arc<Clip>,
    /// Streams at the same time; they send in turn, not all at once.
    pub streams: usize,
    /// Frames a second of each.
    pub fps: f64,
    /// From the first frame to the last.
    pub time: Duration,
}

/// What one stream has heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub results: u64,
    pub dropped: u64,
    pub failed: u64,
    pub reordered: u64,
    pub events: u64,
    /// From sending a frame to its result; not of the frames of the last second.
    pub latencies_ms: Vec<f64>,
    /// Frames before the last second. After it nothing newer comes that would take a frame's place, as it always does on a stream
    /// that goes on: under overload such a frame waits for a whole round.
    measured: usize,
}

/// How long the last frames' events may take.
const REST: Duration = Duration::from_secs(10);
/// From the last stream's opening to the first frame.
const LEAD: Duration = Duration::from_millis(200);

impl Play {
    /// Plays to the end; `at_end` runs while all streams still send, shortly before their last frame.
    ///
    /// # Errors
    /// Where a stream does not open or breaks off.
    pub async fn run(&self, at_end: impl FnOnce()) -> Result<Vec<Heard>, CliError> {
        let mut clients = Vec::with_capacity(self.streams);
        for _ in 0..self.streams {
            clients.push(StreamClient::open(&self.url).await?);
        }
        let start = Instant::now() + LEAD;
        let mut players = JoinSet::new();
        for (index, client) in clients.into_iter().enumerate() {
            let first = start + self.period().mul_f64(index as f64 / self.streams as f64);
            players.spawn(self.clone().play(client, first, index));
        }
        sleep_until(start + self.time.mul_f64(0.9)).await;
        at_end();
        let mut heard = vec![Heard::default(); self.streams];
        while let Some(played) = players.join_next().await {
            let (index, one) = played.map_err(|_| CliError::new("internal", "a stream's task failed"))??;
            heard[index] = one;
        }
        Ok(heard)
    }

    fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.fps)
    }

    async fn play(self, mut client: StreamClient, first: Instant, index: usize) -> Result<(usize, Heard), CliError> {
        let frames = ((self.time.as_secs_f64() * self.fps) as usize).max(1);
        // Streams look at different parts of the clip.
        let offset = (index * 37) as u64;
        let measured = frames.saturating_sub(self.fps.ceil() as usize);
        let (mut heard, mut told) = (Heard { measured, ..Heard::default() }, 0);
        let mut sent: Vec<Instant> = Vec::with_capacity(frames);
        while sent.len() < frames {
            let due = first + self.period().mul_f64(sent.len() as f64);
            tokio::select! {
                biased;
                event = client.event(), if told < sent.len() => told = heard.hear(&event?, &sent, told),
                () = sleep_until(due) => {
                    let picture = self.clip.picture(offset + sent.len() as u64).clone();
                    sent.push(Instant::now());
                    client.send(picture).await?;
                }
            }
        }
        let last = Instant::now() + REST;
        while told < frames && Instant::now() < last {
            told = heard.hear(&client.event().await?, &sent, told);
        }
        client.close().await;
        Ok((index, heard))
    }
}

impl Heard {
    /// Counts an event in; tells how many frames have been told of now.
    fn hear(&mut self, event: &Value, sent: &[Instant], told: usize) -> usize {
        let kind = event["type"].as_str();
        if kind == Some("event") {
            self.events += 1;
            return told;
        }
        let Some(frame) = event["frame"].as_u64().and_then(|frame| usize::try_from(frame).ok()) else { return told };
        self.reordered += u64::from(frame != told);
        match kind {
            Some("result") => {
                self.results += 1;
                if let Some(sent) = sent.get(frame).filter(|_| frame < self.measured) {
                    self.latencies_ms.push(sent.elapsed().as_secs_f64() * 1e3);
                }
                told + 1
            }
            Some("dropped") => {
                let count = event["count"].as_u64().unwrap_or(1);
                self.dropped += count;
                told + count as usize
            }
            _ => {
                self.failed += 1;
                told + 1
            }
        }
    }
}

/// All streams together.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Together {
    pub streams: usize,
    pub frames_per_second_each: f64,
    pub results: u64,
    pub results_per_s: f64,
    pub dropped: u64,
    pub failed: u64,
    pub reordered: u64,
    pub events: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Results of the stream that got the fewest, as a share of the mean.
    pub least_share: f64,
    /// The same for the one that got the most.
    pub most_share: f64,
}

impl Together {
    /// What `heard` comes to.
    pub fn new(play: &Play, heard: &[Heard]) -> Self {
        let sum = |field: fn(&Heard) -> u64| heard.iter().map(field).sum::<u64>();
        let latencies: Vec<f64> = heard.iter().flat_map(|one| one.latencies_ms.iter().copied()).collect();
        let results = sum(|one| one.results);
        let mean = (results as f64 / heard.len().max(1) as f64).max(1e-9);
        let shares = || heard.iter().map(|one| one.results as f64 / mean);
        Self {
            streams: play.streams,
            frames_per_second_each: play.fps,
            results,
            results_per_s: results as f64 / play.time.as_secs_f64(),
            dropped: sum(|one| one.dropped),
            failed: sum(|one| one.failed),
            reordered: sum(|one| one.reordered),
            events: sum(|one| one.events),
            p50_ms: percentile(&latencies, 0.5),
            p99_ms: percentile(&latencies, 0.99),
            least_share: shares().fold(f64::INFINITY, f64::min),
            most_share: shares().fold(0.0, f64::max),
        }
    }
}
