//! What was measured, as JSON and as text.

use super::long::Long;
use super::once::{Once, Stages};
use crate::bench::statistics::median;
use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What was typed.
    pub command: String,
    pub cores: usize,
    pub videos: Vec<VideoFigures>,
    pub at_once: Option<AtOnce>,
    pub long: Option<Long>,
}

/// One video.
#[derive(Debug, Serialize)]
pub struct VideoFigures {
    pub video: String,
    pub rows: Vec<Row>,
    /// The same detections, to the last bit, as with one frame on its way at a time.
    pub same_as_frame_by_frame: bool,
}

/// One contender on one video.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    /// The median, without loading.
    pub frames_per_second: f64,
    pub cpu_s_per_frame: f64,
    pub peak_bytes: u64,
    /// Of the decoder beside; none where it decodes itself.
    pub decoder_peak_bytes: u64,
    pub detections: u64,
    pub load_s: f64,
    pub hundred_frames_s: Option<f64>,
    pub allocations_per_frame: Option<f64>,
    pub allocated_bytes_per_frame: Option<f64>,
    pub input: String,
    pub engine: String,
    pub precision: String,
    pub stages: Option<Stages>,
    /// Of what the cores would allow if nothing were lost between the stages.
    pub share_of_limit: Option<f64>,
    /// What the work itself tells: pools, stages.
    pub performance: serde_json::Value,
}

/// Several videos at once.
#[derive(Debug, Serialize)]
pub struct AtOnce {
    pub videos: usize,
    pub one_after_the_other_s: f64,
    pub at_once_s: f64,
    /// At once ÷ one after the other.
    pub ratio: f64,
    pub bytes_per_further_video: f64,
    pub decoder_bytes_per_video: f64,
    pub peak_bytes: u64,
    /// Every video has the same detections, to the last bit, as alone.
    pub same: bool,
}

impl Figures {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            command: std::env::args().collect::<Vec<_>>().join(" "),
            cores: cores(),
            videos: Vec::new(),
            at_once: None,
            long: None,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let videos: String = self.videos.iter().map(video_text).collect();
        let at_once = self.at_once.as_ref().map_or_else(String::new, at_once_text);
        let long = self.long.as_ref().map_or_else(String::new, long_text);
        format!("{videos}{at_once}{long}$ {}\n", self.command)
    }
}

impl Row {
    /// The medians of several runs.
    pub fn new(name: String, runs: &[Once]) -> Self {
        let middle = |value: fn(&Once) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
        let frames_per_second = middle(|run| run.frames as f64 / run.seconds.max(1e-9));
        let last = runs.last().cloned().unwrap_or_default();
        let limit = |stages: Stages| cores() as f64 / stages.sum_s().max(1e-9);
        Self {
            name,
            frames_per_second,
            cpu_s_per_frame: middle(|run| run.cpu_s / run.frames.max(1) as f64),
            peak_bytes: runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0),
            decoder_peak_bytes: runs.iter().map(|run| run.decoders_peak_bytes).max().unwrap_or(0),
            detections: last.detections,
            load_s: middle(|run| run.load_s),
            hundred_frames_s: last.hundred_frames_s,
            allocations_per_frame: last.allocations_per_frame,
            allocated_bytes_per_frame: last.allocated_bytes_per_frame,
            input: last.input,
            engine: last.engine,
            precision: last.precision,
            stages: last.stages,
            share_of_limit: last.stages.map(|stages| frames_per_second / limit(stages)),
            performance: last.performance,
        }
    }
}

impl AtOnce {
    /// Both ways, compared.
    pub fn new(videos: usize, turns: &Once, together: &Once) -> Self {
        let further = (videos.max(2) - 1) as f64;
        Self {
            videos,
            one_after_the_other_s: turns.seconds,
            at_once_s: together.seconds,
            ratio: together.seconds / turns.seconds.max(1e-9),
            bytes_per_further_video: (together.peak_bytes as f64 - turns.peak_bytes as f64) / further,
            decoder_bytes_per_video: together.decoders_peak_bytes as f64 / videos.max(1) as f64,
            peak_bytes: together.peak_bytes,
            same: turns.digests == together.digests,
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn video_text(figures: &VideoFigures) -> String {
    let width = figures.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let head = format!(
        "{:width$}  {:>8} {:>11} {:>7} {:>10} {:>10}\n",
        figures.video, "frames/s", "CPU ms/frame", "MB", "decoder MB", "detections"
    );
    let rows: String = figures.rows.iter().map(|row| row_text(row, width)).collect();
    let details: String = figures.rows.iter().filter_map(details).collect();
    let same = if figures.same_as_frame_by_frame { "bit-equal to" } else { "NOT the same as" };
    format!("{head}{rows}{details}  detections are {same} those of one frame at a time\n\n")
}

fn row_text(row: &Row, width: usize) -> String {
    let decoder =
        if row.decoder_peak_bytes == 0 { "–".to_owned() } else { format!("{:.0}", mb(row.decoder_peak_bytes)) };
    format!(
        "{:width$}  {:8.1} {:12.1} {:7.0} {:>10} {:10}\n",
        row.name,
        row.frames_per_second,
        row.cpu_s_per_frame * 1e3,
        mb(row.peak_bytes),
        decoder,
        row.detections
    )
}

/// What is known of Samovar alone.
fn details(row: &Row) -> Option<String> {
    let stages = row.stages?;
    let ms = |seconds: f64| seconds * 1e3;
    let allocations = row.allocations_per_frame.zip(row.allocated_bytes_per_frame);
    let allocations = allocations.map_or_else(String::new, |(count, bytes)| {
        format!("; {count:.1} allocations of {:.1} KB together a frame", bytes / 1e3)
    });
    let hundred = row.hundred_frames_s.map_or_else(String::new, |s| format!("; the first 100 frames take {s:.2} s"));
    Some(format!(
        "  {} at {} by {} {}: decode {:.2} + prepare {:.2} + infer {:.2} + finish {:.2} CPU ms: {:.3} of what the cores allow{hundred}{allocations}\n  pools: {}\n",
        row.name,
        row.input,
        row.engine,
        row.precision,
        ms(stages.decode_s),
        ms(stages.prepare_s),
        ms(stages.infer_s),
        ms(stages.finish_s),
        row.share_of_limit.unwrap_or(0.0),
        row.performance["pools"]
    ))
}

fn at_once_text(figures: &AtOnce) -> String {
    let same = if figures.same { "bit-equal" } else { "NOT equal" };
    format!(
        "{} videos: {:.1} s one after the other, {:.1} s at once: {:.3} ×; {:.1} MB of memory for each further one, {:.0} MB in all, and a decoder of {:.0} MB each; {same} detections\n\n",
        figures.videos,
        figures.one_after_the_other_s,
        figures.at_once_s,
        figures.ratio,
        figures.bytes_per_further_video / 1e6,
        mb(figures.peak_bytes),
        figures.decoder_bytes_per_video / 1e6
    )
}

fn long_text(figures: &Long) -> String {
    format!(
        "one minute takes {:.1} MB (decoder {:.1}), ten hours ({} frames) {:.1} MB (decoder {:.1}); cancelled within {:.3} s\n\n",
        mb(figures.minute_peak_bytes),
        mb(figures.minute_decoder_bytes),
        figures.frames,
        mb(figures.ten_hours_peak_bytes),
        mb(figures.ten_hours_decoder_bytes),
        figures.cancel_s
    )
}
