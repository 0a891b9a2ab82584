//! What is shown of one recording while it is heard: how far, how fast, how long still.

use super::progress::{Progress, clock, style};
use indicatif::{ProgressBar, ProgressState};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The line of one recording. It goes away when it is dropped.
#[derive(Debug)]
pub struct RecordingLine {
    /// None where stderr is no terminal.
    bar: Option<ProgressBar>,
}

impl RecordingLine {
    /// A line among the others.
    pub fn new(progress: &Progress, name: &str) -> Self {
        let bar = progress.bar(name);
        if let Some(bar) = &bar {
            bar.set_style(style("{msg} {spinner} opening"));
        }
        Self { bar }
    }

    /// It is open; its header says how long it is, or does not.
    pub fn opened(&self, duration_s: Option<f64>) {
        let Some(bar) = &self.bar else { return };
        let began = Instant::now();
        let heard = |state: &ProgressState, out: &mut dyn Write| put(out, &clock(Duration::from_millis(state.pos())));
        let whole = |state: &ProgressState, out: &mut dyn Write| {
            put(out, &clock(Duration::from_millis(state.len().unwrap_or_default())));
        };
        let pace = move |state: &ProgressState, out: &mut dyn Write| put(out, &times(state.pos(), began.elapsed()));
        let template = match duration_s {
            Some(duration_s) => {
                bar.set_length((duration_s * 1_000.0) as u64);
                "{msg} {bar:20} {heard} of {whole}, {pace}, {eta} left"
            }
            None => "{msg} {spinner} {heard}, {pace}",
        };
        bar.set_style(style(template).with_key("heard", heard).with_key("whole", whole).with_key("pace", pace));
        bar.reset_eta();
    }

    /// It was heard until then, in seconds from its beginning.
    pub fn heard_until(&self, seconds: f64) {
        if let Some(bar) = &self.bar {
            bar.set_position((seconds * 1_000.0) as u64);
        }
    }
}

impl Drop for RecordingLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `12.5 × real time`: seconds of sound in one of work.
fn times(heard_ms: u64, took: Duration) -> String {
    format!("{:.1} × real time", heard_ms as f64 / 1_000.0 / took.as_secs_f64().max(1e-3))
}

fn put(out: &mut dyn Write, text: &str) {
    // A line that cannot be drawn is no reason to stop.
    let _ = out.write_str(text);
}
