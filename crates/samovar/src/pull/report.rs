//! How a download is shown: a bar on a terminal, a few lines elsewhere, or one JSON object for each thing that happens.

use crate::failure::CliError;
use crate::{stderr, stdout};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use samovar_hub::{Event, Pulled, Wanted};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows the files of one command, one after the other.
pub struct Report {
    json: bool,
    is_terminal: bool,
    bar: ProgressBar,
    begun: Instant,
    told: Instant,
}

const REDRAWS_HZ: u8 = 8;

/// JSON readers are told of progress no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

impl Report {
    pub fn new(json: bool) -> Self {
        let is_terminal = !json && std::io::stderr().is_terminal();
        Self { json, is_terminal, bar: ProgressBar::hidden(), begun: Instant::now(), told: Instant::now() }
    }

    /// Shows what happens to one file.
    pub fn event(&mut self, wanted: &Wanted, event: Event<'_>) {
        if self.json {
            self.event_as_json(wanted, event);
        } else {
            self.event_as_text(wanted, event);
        }
    }

    /// Shows that a file is here.
    pub fn pulled(&mut self, wanted: &Wanted, pulled: &Pulled) {
        self.bar.finish_and_clear();
        if self.json {
            let path = pulled.path.display().to_string();
            let (size_bytes, fetched_bytes) = (pulled.size_bytes, pulled.fetched_bytes);
            say(&line(
                "file",
                wanted,
                &json!({ "path": path, "size_bytes": size_bytes, "fetched_bytes": fetched_bytes }),
            ));
            return;
        }
        let size = megabytes(pulled.size_bytes as f64 / 1e6);
        let how = if pulled.fetched_bytes == 0 { "already here".to_owned() } else { self.speed(pulled.fetched_bytes) };
        stderr::line(&format!("  {} ({size}), {how}", wanted.file));
    }

    /// Whether a program reads it.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows that a name could not be had; the sentence for people follows on stderr in any case.
    pub fn failed(&self, name: &str, error: &CliError) {
        self.bar.finish_and_clear();
        if self.json {
            say(&json!({ "event": "failed", "name": name, "error": error }));
        }
    }

    fn event_as_json(&mut self, wanted: &Wanted, event: Event<'_>) {
        let said = match event {
            Event::Waiting => line("waiting", wanted, &json!({})),
            Event::Checking => line("checking", wanted, &json!({})),
            Event::Begin { size_bytes, kept_bytes } => {
                line("begin", wanted, &json!({ "size_bytes": size_bytes, "kept_bytes": kept_bytes }))
            }
            Event::Retry { reason, delay } => {
                line("retry", wanted, &json!({ "reason": reason, "delay_ms": delay.as_millis() as u64 }))
            }
            Event::Progress { .. } if self.told.elapsed() < PROGRESS_EVERY => return,
            Event::Progress { done_bytes } => line("progress", wanted, &json!({ "done_bytes": done_bytes })),
        };
        self.told = Instant::now();
        say(&said);
    }

    fn event_as_text(&mut self, wanted: &Wanted, event: Event<'_>) {
        match event {
            Event::Waiting => self.note(&format!("{}: another process is fetching it; waiting", wanted.file)),
            Event::Checking => self.bar.set_message(format!("{} checking", wanted.file)),
            Event::Begin { size_bytes, kept_bytes } => self.begin(wanted, size_bytes, kept_bytes),
            Event::Progress { done_bytes } => self.bar.set_position(done_bytes),
            Event::Retry { reason, delay } => {
                self.note(&format!("{}: {reason}; trying again in {:.0} s", wanted.file, delay.as_secs_f64().ceil()));
            }
        }
    }

    fn begin(&mut self, wanted: &Wanted, size_bytes: Option<u64>, kept_bytes: u64) {
        self.begun = Instant::now();
        self.bar.finish_and_clear();
        if !self.is_terminal {
            let size = size_bytes.map_or_else(String::new, |size| format!(" ({})", megabytes(size as f64 / 1e6)));
            let kept = if kept_bytes > 0 {
                format!(", {} are here", megabytes(kept_bytes as f64 / 1e6))
            } else {
                String::new()
            };
            return self.note(&format!("fetching {}{size}{kept}", wanted.file));
        }
        let bar = size_bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ));
        let template = match size_bytes {
            Some(_) => "{msg} {bar:24} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left",
            None => "{msg} {spinner} {decimal_bytes}, {decimal_bytes_per_sec}",
        };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(wanted.file.to_string());
        bar.set_position(kept_bytes);
        bar.reset_eta();
        self.bar = bar;
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| stderr::line(text));
    }

    fn speed(&self, bytes: u64) -> String {
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        format!("{} a second", megabytes(bytes as f64 / 1e6 / seconds))
    }
}

/// As the Hub's own pages write sizes: `90.4 MB`.
pub fn megabytes(megabytes: f64) -> String {
    match megabytes {
        large if large >= 1_000.0 => format!("{:.2} GB", large / 1_000.0),
        middle if middle >= 0.1 => format!("{middle:.1} MB"),
        small if small >= 0.001 => format!("{:.1} kB", small * 1_000.0),
        smallest => format!("{:.0} bytes", smallest * 1_000_000.0),
    }
}

fn line(event: &str, wanted: &Wanted, more: &Value) -> Value {
    let mut value = json!({ "event": event, "repo": wanted.repo.as_str(), "file": wanted.file.as_str() });
    if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
        value.extend(more.clone());
    }
    value
}

/// A reader that has gone does not stop a download.
fn say(value: &Value) {
    let _ = stdout::print(&format!("{value}\n"));
}
