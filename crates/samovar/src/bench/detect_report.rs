//! The figures of `samovar bench detect`, as a table or as JSON.

use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What was typed.
    pub command: String,
    pub model: String,
    /// With its version.
    pub engine: String,
    pub precision: &'static str,
    /// Width × height of the model's input.
    pub input: String,
    /// Cores that may be used.
    pub cores: usize,
    pub slots: usize,
    /// Of one run.
    pub threads: usize,
    pub repetitions: usize,
    /// The engine alone, one runner on each slot.
    pub engine_frames_per_second: f64,
    pub jpeg: Path,
    /// None without ffmpeg.
    pub h264: Option<Path>,
}

/// The whole path from one kind of media.
#[derive(Debug, Serialize)]
pub struct Path {
    pub frames_per_second: f64,
    /// Of the engine alone.
    pub share_of_engine: f64,
    /// Cores ÷ CPU-seconds of a frame: what could be reached if nothing were lost.
    pub limit_frames_per_second: f64,
    pub share_of_limit: f64,
    pub cpu: CpuPerFrame,
}

/// CPU time of each stage of one frame, measured on one thread.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CpuPerFrame {
    pub decode_ms: f64,
    pub prepare_ms: f64,
    pub infer_ms: f64,
    /// Wall time; its thread is not interrupted often enough to tell.
    pub finish_ms: f64,
    /// What a frame took in all while the whole path ran, of all threads and processes: the rest is loss.
    pub used_ms: f64,
}

impl Path {
    /// The ratios of one measurement.
    pub fn new(frames_per_second: f64, engine_alone: f64, cores: usize, cpu: CpuPerFrame) -> Self {
        let limit = cores as f64 / (cpu.sum_ms() / 1e3).max(1e-9);
        Self {
            frames_per_second,
            share_of_engine: frames_per_second / engine_alone.max(1e-9),
            limit_frames_per_second: limit,
            share_of_limit: frames_per_second / limit,
            cpu,
        }
    }

    fn line(&self, name: &str) -> String {
        format!(
            "{name:14} {:8.1} {:11.2} {:13.1} {:10.2}\n",
            self.frames_per_second, self.share_of_engine, self.limit_frames_per_second, self.share_of_limit
        )
    }
}

impl CpuPerFrame {
    fn sum_ms(&self) -> f64 {
        self.decode_ms + self.prepare_ms + self.infer_ms + self.finish_ms
    }

    fn line(&self, name: &str) -> String {
        format!(
            "{name:14} {:8.2} {:8.2} {:8.2} {:8.2} {:8.2} {:8.2} {:10.2}\n",
            self.decode_ms,
            self.prepare_ms,
            self.infer_ms,
            self.finish_ms,
            self.sum_ms(),
            self.used_ms,
            self.sum_ms() / self.used_ms.max(1e-9)
        )
    }
}

impl Figures {
    /// The table.
    pub fn text(&self) -> String {
        let Self { command, model, engine, precision, input, cores, slots, threads, repetitions, .. } = self;
        let mut text = format!(
            "{model} at {input} on {engine} {precision}; {cores} cores, {slots} slots × {threads} thread(s); \
             medians of {repetitions}\n\n"
        );
        text +=
            &format!("{:14} {:>8} {:>11} {:>13} {:>10}\n", "frames/s", "measured", "of engine", "limit", "of limit");
        text += &format!("{:14} {:8.1}\n", "engine alone", self.engine_frames_per_second);
        text += &self.jpeg.line("from JPEG");
        text += &self.h264.as_ref().map_or_else(String::new, |path| path.line("from video"));
        text += &format!(
            "\n{:14} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10}\n",
            "CPU ms/frame", "decode", "prepare", "infer", "finish", "sum", "used", "sum ÷ used"
        );
        text += &self.jpeg.cpu.line("from JPEG");
        text += &self.h264.as_ref().map_or_else(String::new, |path| path.cpu.line("from video"));
        text + &format!(
            "\nlimit = cores ÷ CPU-seconds of a frame (sum), each stage alone on one thread\n\
             used = what a frame took while the whole path ran; it counts on a machine that others use, too\n$ {command}\n"
        )
    }
}
