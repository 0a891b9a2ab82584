//! A plan for people: what won and why, and a line for everything that was tried.

use comfy_table::{CellAlignment, Table, presets};
use samovar_runtime::{Figures, Optimize, Plan, Tried};
use std::time::{Duration, SystemTime};

const HEADER: [&str; 8] =
    ["engine", "precision", "slots × threads", "batch", "rows/s", "ms a run", "from f32", "verdict"];
/// The columns of numbers.
const NUMBERS: std::ops::RangeInclusive<usize> = 2..=6;

/// Everything about a plan.
pub fn text(plan: &Plan) -> String {
    let Plan { model, optimize, key, .. } = plan;
    let age = SystemTime::now().duration_since(plan.measured_at).unwrap_or_default();
    format!(
        "{model}: {} {} {}, {} slots × {} thread(s), batch {}: {:.1} rows/s, {:.2} ms a run\n  why: {}\n  measured for {} {} ago in {:.1} s, kept as {}\n{}\n",
        plan.engine,
        plan.engine_version,
        plan.precision,
        plan.slots,
        plan.threads,
        plan.batch,
        plan.rows_per_s,
        plan.latency.as_secs_f64() * 1e3,
        plan.why,
        optimize.name(),
        ago(age),
        plan.took.as_secs_f64(),
        &key.as_str()[..KEY_SHOWN],
        table(plan),
    )
}

/// A plan in a cell of a table: `openvino bf16, 2 × 1, batch 1`.
pub fn short(plan: &Plan) -> String {
    format!("{} {}, {} × {}, batch {}", plan.engine, plan.precision, plan.slots, plan.threads, plan.batch)
}

/// Digits of a key that are shown; `--json` has them all.
const KEY_SHOWN: usize = 12;

/// A time span in its largest whole unit.
pub fn ago(age: Duration) -> String {
    let (seconds, units) = (age.as_secs(), [(86_400, "d"), (3_600, "h"), (60, "min")]);
    let unit = units.into_iter().find(|(unit_s, _)| seconds >= 2 * unit_s);
    unit.map_or_else(|| format!("{seconds} s"), |(unit_s, name)| format!("{} {name}", seconds / unit_s))
}

fn table(plan: &Plan) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADER);
    let mut tried: Vec<&Tried> = plan.tried.iter().collect();
    tried.sort_by(|a, b| rank(plan.optimize, a).total_cmp(&rank(plan.optimize, b)));
    for one in tried {
        table.add_row(row(plan, one));
    }
    for index in NUMBERS {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt().lines().map(|line| format!("  {}\n", line.trim_end())).collect()
}

/// The best first, what was refused last.
fn rank(optimize: Optimize, tried: &Tried) -> f64 {
    match (&tried.outcome, optimize) {
        (Err(_), _) => f64::MAX,
        (Ok(figures), Optimize::Latency) => figures.latency.as_secs_f64(),
        (Ok(figures), Optimize::Throughput) => -figures.rows_per_s,
    }
}

fn row(plan: &Plan, Tried { candidate, outcome }: &Tried) -> [String; 8] {
    let (figures, verdict) = match outcome {
        Ok(figures) => (numbers(figures), if *candidate == plan.candidate() { "chosen" } else { "" }.to_owned()),
        Err(reason) => ([String::new(), String::new(), String::new()], reason.clone()),
    };
    let [rows_per_s, run_ms, difference] = figures;
    [
        candidate.engine.clone(),
        candidate.precision.name().to_owned(),
        format!("{} × {}", candidate.slots, candidate.threads),
        candidate.batch.to_string(),
        rows_per_s,
        run_ms,
        difference,
        verdict,
    ]
}

fn numbers(figures: &Figures) -> [String; 3] {
    [
        format!("{:.1}", figures.rows_per_s),
        format!("{:.2}", figures.latency.as_secs_f64() * 1e3),
        format!("{:.2} %", figures.precision_error * 100.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let shown = [0, 119, 120, 7_199, 7_200, 172_800].map(|seconds| ago(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]);
    }
}
