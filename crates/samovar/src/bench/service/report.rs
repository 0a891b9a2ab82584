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
    pub fairness: Option<Fairness>,
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
    pub tokens: usize,
    pub sentences_per_second: f64,
}

/// Four clients of four kinds.
#[derive(Debug, Serialize)]
pub struct Fairness {
    pub greed: f64,
    pub rows: Vec<FairnessRow>,
    pub greedy: LevelFigures,
}

/// One of the modest.
#[derive(Debug, Serialize)]
pub struct FairnessRow {
    pub name: &'static str,
    pub alone_per_second: f64,
    pub together_per_second: f64,
    /// Of the rate alone.
    pub kept: f64,
    pub p50_alone_ms: f64,
    pub p50_together_ms: f64,
}

impl Figures {
    /// Nothing yet.
    pub fn new() -> Self {
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        Self { command, overhead: None, fairness: None, embedding: None }
    }

    /// For people.
    pub fn text(&self) -> String {
        let overhead = self.overhead.as_ref().map_or_else(String::new, overhead_text);
        let fairness = self.fairness.as_ref().map_or_else(String::new, fairness_text);
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

impl FairnessRow {
    /// Alone against together.
    pub fn new(name: &'static str, alone: &LevelFigures, together: &LevelFigures) -> Self {
        Self {
            name,
            alone_per_second: alone.answered_per_second,
            together_per_second: together.answered_per_second,
            kept: together.answered_per_second / alone.answered_per_second.max(1e-9),
            p50_alone_ms: alone.p50_ms,
            p50_together_ms: together.p50_ms,
        }
    }
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
        "{:14} {:>9} {:>11} {:>6} {:>12} {:>15}\n",
        "client", "alone /s", "together /s", "kept", "p50 alone ms", "p50 together ms"
    );
    for row in &fairness.rows {
        let _ = writeln!(
            text,
            "{:14} {:>9.2} {:>11.2} {:>6.3} {:>12.1} {:>15.1}",
            row.name, row.alone_per_second, row.together_per_second, row.kept, row.p50_alone_ms, row.p50_together_ms
        );
    }
    let greedy = &fairness.greedy;
    let refused: u64 = greedy.failures.values().sum();
    let _ = writeln!(
        text,
        "beside one that sends {} times as much: {:.1} answered a second, {refused} refused\n",
        fairness.greed, greedy.answered_per_second
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
        let _ = writeln!(
            text,
            "{engine} {precision} alone, {batch} × {tokens} tokens: {sentences_per_second:.0} sentences/s"
        );
    }
    text + "\n"
}
