//! What was measured, as JSON and as text.

use super::arguments::BenchStreamsArguments;
use super::capacity::Capacity;
use super::memory::Loads;
use super::opening::Openings;
use super::player::Together;
use super::soak::Soak;
use super::sources::Cameras;
use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What was typed.
    pub command: String,
    pub video: String,
    pub cores: usize,
    pub openings: Option<Openings>,
    pub loads: Option<Loads>,
    pub capacity: Option<Capacity>,
    pub cameras: Vec<Cameras>,
    pub soak: Option<Soak>,
}

impl Figures {
    /// Nothing yet.
    pub fn new(arguments: &BenchStreamsArguments) -> Self {
        Self {
            command: std::env::args().collect::<Vec<_>>().join(" "),
            video: arguments.video.display().to_string(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            openings: None,
            loads: None,
            capacity: None,
            cameras: Vec::new(),
            soak: None,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(openings) = &self.openings {
            text += &openings_text(openings);
        }
        if let Some(loads) = &self.loads {
            text += &loads_text(loads);
        }
        if let Some(capacity) = &self.capacity {
            text += &capacity_text(capacity);
        }
        if !self.cameras.is_empty() {
            text += &cameras_text(&self.cameras);
        }
        if let Some(soak) = &self.soak {
            text += &soak_text(soak);
        }
        text + &format!("$ {}\n", self.command)
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn openings_text(openings: &Openings) -> String {
    let mut text = format!(
        "opening a stream on warm models, {} rounds; a lone frame takes {:.1} ms\n",
        openings.rounds, openings.lone_frame_ms
    );
    for nth in &openings.nth {
        text += &format!(
            "  stream {:3}    ready p50 {:6.2} ms, p99 {:6.2} ms    first result {:6.1} ms, {:.2} × a lone frame\n",
            nth.nth, nth.open_p50_ms, nth.open_p99_ms, nth.first_result_ms, nth.first_to_lone
        );
    }
    text + &format!("  three at once, to the last first result    {:.1} ms\n\n", openings.three_at_once_ms)
}

fn loads_text(loads: &Loads) -> String {
    let mut text =
        format!("memory, models warm: {:.1} MiB\n{}", mib(loads.idle_bytes), together_head("  MiB  CPU ms/frame"));
    for load in &loads.loads {
        let beside = format!("{:7.1} {:10.1}", mib(load.resident_bytes), load.cpu_s_per_frame * 1e3);
        text += &together_line(&load.together, &beside);
    }
    text + &format!(
        "  each further stream from 10 to 50    {:.2} MiB\n\n",
        loads.bytes_per_further_stream / 1_048_576.0
    )
}

fn capacity_text(capacity: &Capacity) -> String {
    let mut text = format!(
        "the engine alone: {:.1} frames/s of the pose model\n{}",
        capacity.engine_frames_per_second,
        together_head("share of the engine")
    );
    text += &together_line(&capacity.full, &format!("{:.3}", capacity.share_of_limit));
    text += &together_line(&capacity.overload, &format!("{:.3}", capacity.overload_share_of_limit));
    text + &format!(
        "  under overload every stream got {:.2} to {:.2} of the mean; p99 {:.2} × that of the full server\n\n",
        capacity.overload.least_share, capacity.overload.most_share, capacity.p99_ratio
    )
}

fn cameras_text(cameras: &[Cameras]) -> String {
    let mut text = format!("{:>9} {:>11} {:>12} {:>10}\n", "sources", "server MiB", "decoders MiB", "results/s");
    for one in cameras {
        text += &format!(
            "{:9} {:11.1} {:12.1} {:10.1}\n",
            one.sources,
            mib(one.resident_bytes),
            mib(one.decoders_bytes),
            one.results_per_s
        );
    }
    text + "\n"
}

fn soak_text(soak: &Soak) -> String {
    let mut text = format!("{:.0} minutes\n{}", soak.minutes, together_head(""));
    text += &together_line(&soak.together, "");
    text + &format!(
        "  second half: {:.1} MiB at first, {:.1} MiB at last, slope {:.3} MiB in 15 min, max − median {:.1} MiB\n\n",
        mib(soak.first_bytes),
        mib(soak.last_bytes),
        soak.slope_bytes_per_15_min / 1_048_576.0,
        soak.max_minus_median_bytes / 1_048_576.0
    )
}

fn together_head(beside: &str) -> String {
    format!(
        "{:>9} {:>6} {:>10} {:>8} {:>7} {:>8} {:>8} {:>8}   {beside}\n",
        "streams", "fps", "results/s", "dropped", "failed", "p50 ms", "p99 ms", "events"
    )
}

fn together_line(together: &Together, beside: &str) -> String {
    format!(
        "{:9} {:6.1} {:10.1} {:8} {:7} {:8.1} {:8.1} {:8}   {beside}\n",
        together.streams,
        together.frames_per_second_each,
        together.results_per_s,
        together.dropped,
        together.failed,
        together.p50_ms,
        together.p99_ms,
        together.events
    )
}
