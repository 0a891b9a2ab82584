//! The figures of `samovar bench engine`, for people.

use super::bench::{Figures, Refused};
use comfy_table::{CellAlignment, Table, presets};

const HEADER: [&str; 9] =
    ["ENGINE", "VERSION", "PRECISION", "LOAD MS", "FIRST MS", "RUN MS", "RUNS/S", "1 RUNNER MB", "4 RUNNERS MB"];

/// The table, and a line for each pair that could not be measured.
pub fn text(figures: &[Figures], refused: &[Refused]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_HORIZONTAL_ONLY).set_header(HEADER);
    for line in figures {
        table.add_row(row(line));
    }
    for index in 3..HEADER.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let slots = figures.first().map_or(0, |figures| figures.slots);
    let refused: String =
        refused.iter().map(|line| format!("{} {}: {}\n", line.engine, line.precision, line.reason)).collect();
    format!(
        "{table}\n\nRUNS/S with {slots} slots of one thread; memory beyond the process without the model.\n{refused}"
    )
}

fn row(figures: &Figures) -> [String; 9] {
    let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    [
        figures.engine.clone(),
        figures.version.clone(),
        figures.precision.clone(),
        format!("{:.0}", figures.load_ms),
        format!("{:.1}", figures.first_run_ms),
        format!("{:.1}", figures.run_ms_p50),
        format!("{:.1}", figures.runs_per_second),
        mb(figures.memory_1_runner_bytes),
        mb(figures.memory_4_runners_bytes),
    ]
}
