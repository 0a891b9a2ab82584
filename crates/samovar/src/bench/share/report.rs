//! What was measured, as JSON and as text.

use super::client::Question;
use crate::bench::statistics::{median, percentile};
use serde::Serialize;
use std::fmt::Write as _;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What was typed.
    pub command: String,
    /// From the start of the process to ready.
    pub ready_s: f64,
    pub clients: u32,
    /// Before the first request, and after the last.
    pub resident_when_ready_bytes: u64,
    pub resident_bytes: u64,
    /// What of the latter lies in files, which the system takes away where it is needed for something else.
    pub mapped_bytes: u64,
    pub models: Vec<ModelFigures>,
}

/// One model.
#[derive(Debug, Serialize)]
pub struct ModelFigures {
    pub name: String,
    pub family: String,
    pub precision: String,
    /// Of its files: what one copy takes at the least.
    pub file_bytes: u64,
    /// Resident memory of a server that holds it alone, where that was asked for.
    pub alone_bytes: Option<u64>,
    /// Medians over the clients.
    pub first_ms: f64,
    pub tenth_ms: f64,
    pub p99_ms: f64,
}

impl ModelFigures {
    /// Of the times that each client saw.
    pub fn new(question: &Question, file_bytes: u64, clients: &[Vec<f64>]) -> Self {
        let nth = |index: usize| {
            median(&clients.iter().filter_map(|times| times.get(index).or(times.last()).copied()).collect::<Vec<_>>())
        };
        Self {
            name: question.model.clone(),
            family: question.family.clone(),
            precision: question.precision.clone(),
            file_bytes,
            alone_bytes: None,
            first_ms: nth(0),
            tenth_ms: nth(9),
            p99_ms: percentile(&clients.concat(), 0.99),
        }
    }
}

impl Figures {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{:24} {:22} {:9} {:>9} {:>9} {:>10} {:>10} {:>10}\n",
            "model", "family", "precision", "file MB", "alone MB", "first ms", "tenth ms", "p99 ms"
        );
        for model in &self.models {
            let ModelFigures { name, family, precision, file_bytes, first_ms, tenth_ms, p99_ms, alone_bytes } = model;
            let alone = alone_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{:.0}", mb(bytes)));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:24} {family:22} {precision:9} {:>9.0} {alone:>9} {first_ms:>10.1} {tenth_ms:>10.1} {p99_ms:>10.1}",
                mb(*file_bytes)
            );
        }
        let files: u64 = self.models.iter().map(|model| model.file_bytes).sum();
        let _ = writeln!(
            text,
            "ready after {:.1} s; {:.0} MB resident then, {:.0} MB after {} clients, {:.0} MB of it in files: {:.2} × one copy of the files; a copy for each client would take {:.0} MB\n$ {}",
            self.ready_s,
            mb(self.resident_when_ready_bytes),
            mb(self.resident_bytes),
            self.clients,
            mb(self.mapped_bytes),
            self.resident_bytes as f64 / files.max(1) as f64,
            mb(self.resident_bytes) * f64::from(self.clients),
            self.command
        );
        text
    }
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
