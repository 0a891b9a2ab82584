//! What `samovar bench speech` found, as text and as JSON.

use super::contender::Contender;
use super::once::{Calls, Once};
use crate::bench::statistics::median;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What was typed.
    pub command: String,
    pub models: Vec<ModelFigures>,
}

/// One model on every contender.
#[derive(Debug, Serialize)]
pub struct ModelFigures {
    pub model: String,
    pub rows: Vec<Row>,
}

/// One contender: medians of its runs, the first left out.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub is_samovar: bool,
    pub engine: String,
    pub precision: String,
    /// The start that compiled or converted, and the others.
    pub first_load_s: f64,
    pub load_s: f64,
    pub first_s: f64,
    pub tenth_s: f64,
    /// Seconds for each window, by how many are decoded at once.
    pub window_s: BTreeMap<usize, f64>,
    pub peak_bytes: u64,
    pub new_forms: Option<u64>,
    pub calls: Option<Calls>,
}

/// Seconds of sound in a window.
const WINDOW_S: f64 = 30.0;

impl Figures {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { command: std::env::args().collect::<Vec<_>>().join(" "), models: Vec::new() }
    }

    /// For people.
    pub fn text(&self) -> String {
        let models: String = self.models.iter().map(ModelFigures::text).collect();
        models + &format!("$ {}\n", self.command)
    }
}

impl Row {
    /// The medians of `runs`, the first of which was the one that prepared.
    pub fn new(who: &Contender, runs: &[Once]) -> Self {
        let counted = runs.get(1..).filter(|runs| !runs.is_empty()).unwrap_or(runs);
        let middle = |of: &dyn Fn(&Once) -> f64| median(&counted.iter().map(of).collect::<Vec<_>>());
        let last = counted.last().cloned().unwrap_or_default();
        let at = |callers: usize| middle(&|run| run.window_s.get(&callers).copied().unwrap_or_default());
        let call = |of: &dyn Fn(&Calls) -> f64| middle(&|run| run.calls.as_ref().map(of).unwrap_or_default());
        Self {
            name: who.name(),
            is_samovar: matches!(who, Contender::Samovar(_)),
            first_load_s: runs.first().map_or(0.0, |run| run.load_s),
            load_s: middle(&|run| run.load_s),
            first_s: middle(&|run| run.first_s),
            tenth_s: middle(&|run| run.tenth_s),
            window_s: last.window_s.keys().map(|&callers| (callers, at(callers))).collect(),
            peak_bytes: counted.iter().map(|run| run.peak_bytes).max().unwrap_or_default(),
            new_forms: last.new_forms,
            calls: last.calls.map(|_| Calls {
                alone_s: call(&|calls| calls.alone_s),
                second_s: call(&|calls| calls.second_s),
                eighth_s: call(&|calls| calls.eighth_s),
                beside_call_s: call(&|calls| calls.beside_call_s),
                beside_upload_s: call(&|calls| calls.beside_upload_s),
            }),
            engine: last.engine,
            precision: last.precision,
        }
    }
}

impl ModelFigures {
    fn text(&self) -> String {
        let mut text = format!("{}\n", self.model);
        for row in &self.rows {
            let _ = writeln!(
                text,
                "{:24} {} {}: ready in {:.2} s ({:.2} s the first time), first window {:.3} s, tenth {:.3} s, at most {:.0} MB",
                row.name,
                row.engine,
                row.precision,
                row.load_s,
                row.first_load_s,
                row.first_s,
                row.tenth_s,
                row.peak_bytes as f64 / 1e6
            );
            for (callers, seconds) in &row.window_s {
                let faster = WINDOW_S / seconds.max(1e-9);
                let _ = writeln!(text, "    {callers:3} at once: {seconds:.3} s a window, {faster:.0} × real time");
            }
            row.calls.iter().for_each(|calls| text.push_str(&calls_text(calls, row)));
        }
        text + &self.ratios() + "\n"
    }

    /// Every row of Samovar against every other.
    fn ratios(&self) -> String {
        let mut text = String::new();
        for own in self.rows.iter().filter(|row| row.is_samovar) {
            for other in self.rows.iter().filter(|row| !row.is_samovar) {
                let speed = own.window_s.iter().filter_map(|(callers, own)| {
                    other.window_s.get(callers).map(|other| format!("{callers} at once {:.2} ×", other / own.max(1e-9)))
                });
                let speed: Vec<String> = speed.collect();
                let memory = own.peak_bytes as f64 / (other.peak_bytes as f64).max(1.0);
                let _ = writeln!(
                    text,
                    "{} beside {}: as fast {}; memory {memory:.2} ×",
                    own.name,
                    other.name,
                    speed.join(", ")
                );
            }
        }
        text
    }
}

fn calls_text(calls: &Calls, row: &Row) -> String {
    let alone = calls.alone_s.max(1e-9);
    format!(
        "    first window / tenth {:.2}, {} runs of sizes that were not warmed\n    a call's piece of speech alone {:.3} s; of two at the same moment {:.2} ×, of eight {:.2} ×\n    twice a second beside another caller {:.2} ×, beside an upload {:.2} ×\n",
        row.first_s / row.tenth_s.max(1e-9),
        row.new_forms.unwrap_or_default(),
        calls.alone_s,
        calls.second_s / alone,
        calls.eighth_s / alone,
        calls.beside_call_s / alone,
        calls.beside_upload_s / alone
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(alone_s: f64, peak_bytes: u64) -> Once {
        let window_s = [(1, alone_s), (8, alone_s / 2.0)].into();
        Once { window_s, peak_bytes, load_s: alone_s, ..Once::default() }
    }

    #[test]
    fn the_first_start_is_told_apart_and_ratios_are_of_the_same_number_at_once() {
        let own = Row::new(&Contender::Samovar("f32"), &[run(9.0, 900), run(0.2, 100), run(0.4, 300), run(0.3, 200)]);
        let other = Row::new(&Contender::Python("other".to_owned()), &[run(0.6, 600)]);
        assert_eq!((own.first_load_s, own.load_s, own.window_s[&8], own.peak_bytes), (9.0, 0.3, 0.15, 300));
        let text = ModelFigures { model: "tiny".to_owned(), rows: vec![own, other] }.text();
        assert!(
            text.contains("Samovar, f32 beside other: as fast 1 at once 2.00 ×, 8 at once 2.00 ×; memory 0.50 ×"),
            "{text}"
        );
    }
}
