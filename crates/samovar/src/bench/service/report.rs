//! What was measured, as JSON and as text.

use super::workload::Workload;
use crate::bench::load::LevelFigures;
use crate::bench::statistics::median;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What was typed.
    pub command: String,
    pub overhead: Option<Overhead>,
    pub fairness: Vec<Fairness>,
    pub embedding: Option<EmbeddingFigures>,
}

/// Around a model that does nothing.
#[derive(Debug, Serialize)]
pub struct Overhead {
    pub rows: Vec<OverheadFigures>,
    pub resident_bytes: Option<u64>,
}

/// One workload while it is measured.
#[derive(Debug)]
pub struct OverheadRow {
    pub workload: Workload,
    pub ours: Vec<LevelFigures>,
    pub echo: Vec<LevelFigures>,
    /// The engine's own run, on the average of each repetition.
    pub engine_ms: Vec<f64>,
}

/// Medians of one workload.
#[derive(Debug, Serialize)]
pub struct OverheadFigures {
    pub name: &'static str,
    pub ours: Middle,
    pub echo: Middle,
    /// The engine's own run, on the average.
    pub engine_ms: f64,
    /// p50 ÷ that of the echo.
    pub ratio: f64,
    pub failures: u64,
}

/// Medians over the repetitions.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Middle {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Sentences a second.
#[derive(Debug, Default, Serialize)]
pub struct EmbeddingFigures {
    pub servers: Vec<EmbeddingRow>,
    pub engine_alone: Vec<EngineAlone>,
}

/// One server.
#[derive(Debug, Default, Serialize)]
pub struct EmbeddingRow {
    pub name: String,
    pub measured: BTreeMap<&'static str, Vec<LevelFigures>>,
    /// The most memory of each run.
    pub peak_bytes: Vec<u64>,
}

/// The engine without a server.
#[derive(Debug, Serialize)]
pub struct EngineAlone {
    pub engine: String,
    pub precision: &'static str,
    pub batch: usize,
    /// Of each sentence; 0 where they are as long as those of the requests.
    pub tokens: usize,
    pub sentences_per_second: f64,
}

/// Four clients of four kinds.
#[derive(Debug, Serialize)]
pub struct Fairness {
    /// By what the server tells them apart.
    pub apart_by: &'static str,
    /// How many times as much the greedy one sends.
    pub greed: f64,
    pub rows: Vec<FairnessRow>,
    pub greedy: Vec<LevelFigures>,
}

/// One of the modest, measured alone and beside all others.
#[derive(Debug, Serialize)]
pub struct FairnessRow {
    pub name: &'static str,
    pub alone: Vec<LevelFigures>,
    pub together: Vec<LevelFigures>,
}

impl Figures {
    /// Nothing yet.
    pub fn new() -> Self {
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        Self { command, overhead: None, fairness: Vec::new(), embedding: None }
    }

    /// For people.
    pub fn text(&self) -> String {
        let overhead = self.overhead.as_ref().map_or_else(String::new, overhead_text);
        let fairness = self.fairness.iter().map(fairness_text).collect::<String>();
        let embedding = self.embedding.as_ref().map_or_else(String::new, embedding_text);
        format!("{overhead}{fairness}{embedding}$ {}\n", self.command)
    }
}

impl Middle {
    /// The medians of several runs.
    pub fn of(runs: &[LevelFigures]) -> Self {
        let middle = |value: fn(&LevelFigures) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
        Self {
            per_second: middle(|run| run.items_per_second),
            p50_ms: middle(|run| run.p50_ms),
            p99_ms: middle(|run| run.p99_ms),
        }
    }
}

impl OverheadRow {
    /// Nothing measured yet.
    pub const fn new(workload: Workload) -> Self {
        Self { workload, ours: Vec::new(), echo: Vec::new(), engine_ms: Vec::new() }
    }
}

impl Overhead {
    /// Medians of what was measured.
    pub fn new(rows: Vec<OverheadRow>, resident_bytes: Option<u64>) -> Self {
        let figures = |row: OverheadRow| {
            let (ours, echo) = (Middle::of(&row.ours), Middle::of(&row.echo));
            let failures = row.ours.iter().flat_map(|run| run.failures.values()).sum();
            OverheadFigures {
                name: row.workload.name,
                ours,
                echo,
                engine_ms: median(&row.engine_ms),
                ratio: ours.p50_ms / echo.p50_ms.max(1e-9),
                failures,
            }
        };
        Self { rows: rows.into_iter().map(figures).collect(), resident_bytes }
    }
}

impl EmbeddingFigures {
    /// The row of that server, made where there is none.
    pub fn row(&mut self, name: &str) -> &mut EmbeddingRow {
        let index = self.servers.iter().position(|row| row.name == name).unwrap_or(self.servers.len());
        if index == self.servers.len() {
            self.servers.push(EmbeddingRow { name: name.to_owned(), ..EmbeddingRow::default() });
        }
        &mut self.servers[index]
    }
}

impl Fairness {
    /// Nothing measured yet.
    pub const fn new(apart_by: &'static str, greed: f64) -> Self {
        Self { apart_by, greed, rows: Vec::new(), greedy: Vec::new() }
    }
}

impl FairnessRow {
    /// Nothing measured yet.
    pub const fn new(name: &'static str) -> Self {
        Self { name, alone: Vec::new(), together: Vec::new() }
    }
}

/// The median over the repetitions.
fn middle_of(runs: &[LevelFigures], value: fn(&LevelFigures) -> f64) -> f64 {
    median(&runs.iter().map(value).collect::<Vec<_>>())
}

fn failures_of(runs: &[LevelFigures]) -> u64 {
    runs.iter().flat_map(|run| run.failures.values()).sum()
}

fn overhead_text(overhead: &Overhead) -> String {
    let mut text = format!(
        "{:24} {:>10} {:>9} {:>9} {:>9}   {:>10} {:>9} {:>9}   {:>6}\n",
        "around nothing", "per second", "p50 ms", "p99 ms", "engine ms", "echo /s", "p50 ms", "p99 ms", "ratio"
    );
    for row in &overhead.rows {
        let (ours, echo) = (row.ours, row.echo);
        let failures = if row.failures == 0 { String::new() } else { format!("  {} FAILED", row.failures) };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:24} {:>10.0} {:>9.3} {:>9.3} {:>9.3}   {:>10.0} {:>9.3} {:>9.3}   {:>6.2}{failures}",
            row.name,
            ours.per_second,
            ours.p50_ms,
            ours.p99_ms,
            row.engine_ms,
            echo.per_second,
            echo.p50_ms,
            echo.p99_ms,
            row.ratio
        );
    }
    let resident =
        overhead.resident_bytes.map_or_else(String::new, |bytes| format!("{:.0} MB resident\n", bytes as f64 / 1e6));
    text + &resident + "\n"
}

fn fairness_text(fairness: &Fairness) -> String {
    let mut text = format!(
        "{:16} {:>9} {:>11} {:>6} {:>12} {:>15} {:>15}\n",
        format!("by {}", fairness.apart_by),
        "alone /s",
        "together /s",
        "kept",
        "p50 alone ms",
        "p50 together ms",
        "p99 together ms"
    );
    for FairnessRow { name, alone, together } in &fairness.rows {
        let rate = |runs| middle_of(runs, |run| run.answered_per_second);
        let kept = rate(together) / rate(alone).max(1e-9);
        let [before, beside] = [alone, together].map(|runs| middle_of(runs, |run| run.p50_ms));
        let slowest = middle_of(together, |run| run.p99_ms);
        let failures = failures_of(together);
        let failures = if failures == 0 { String::new() } else { format!("  {failures} FAILED") };
        let _ = writeln!(
            text,
            "{name:16} {:>9.2} {:>11.2} {kept:>6.3} {before:>12.1} {beside:>15.1} {slowest:>15.1}{failures}",
            rate(alone),
            rate(together)
        );
    }
    let answered = middle_of(&fairness.greedy, |run| run.answered_per_second);
    let refused = failures_of(&fairness.greedy);
    let _ = writeln!(
        text,
        "beside one that sends {} times as much: {answered:.1} answered a second, {refused} refused\n",
        fairness.greed
    );
    text
}

fn embedding_text(embedding: &EmbeddingFigures) -> String {
    let mut text = String::new();
    for row in &embedding.servers {
        let peak = row.peak_bytes.iter().max().map_or(0.0, |bytes| *bytes as f64 / 1e6);
        let _ = writeln!(text, "{}: at most {peak:.0} MB", row.name);
        for (name, runs) in &row.measured {
            let Middle { per_second, p50_ms, p99_ms } = Middle::of(runs);
            let _ = writeln!(
                text,
                "  {name:28} {per_second:>8.0} sentences/s   p50 {p50_ms:>8.2} ms   p99 {p99_ms:>8.2} ms"
            );
        }
    }
    for alone in &embedding.engine_alone {
        let EngineAlone { engine, precision, batch, tokens, sentences_per_second } = alone;
        let what = match tokens {
            0 => format!("the batches of {batch} sentences each"),
            _ => format!("{batch} × {tokens} tokens"),
        };
        let _ = writeln!(text, "{engine} {precision} alone, {what}: {sentences_per_second:.0} sentences/s");
    }
    text + "\n"
}
