//! The status as text: a table for a terminal, one line where there is none.

use super::figures::ModelFigures;
use super::status::{ProcessStatus, Status, StreamStatus};
use super::tally::StreamState;
use crate::run::plural;
use comfy_table::{CellAlignment, Table, presets};
use std::collections::BTreeMap;

/// Streams and models, each with a line.
pub fn table(status: &Status) -> String {
    format!("{}\n\n{}\n\n {}\n", streams(status), models(&status.models), process(&status.process))
}

/// Everything in one line.
pub fn line(status: &Status) -> String {
    let StreamStatus { answered_per_s, sent_per_s, p50_ms, p99_ms, dropped, .. } = &status.total;
    format!(
        "{:.0} s: {}, {sent_per_s:.1} frames/s in, {answered_per_s:.1} out, p50 {p50_ms:.1} ms, \
         p99 {p99_ms:.1} ms, {dropped} dropped; {}\n",
        status.elapsed_s,
        plural(status.streams.len() as u64, "stream"),
        process(&status.process)
    )
}

/// Bytes in a unit (of powers of ten) that leaves few digits.
pub fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e6 => format!("{:.0} kB", bytes / 1e3),
        bytes if bytes < 1e7 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{:.0} MB", bytes / 1e6),
    }
}

/// `3 person, 1 bus`: the commonest labels first.
pub fn counts(seen: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = seen.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown: Vec<_> = counts.iter().take(LABELS_SHOWN).map(|(label, count)| format!("{count} {label}")).collect();
    let more = if counts.len() > LABELS_SHOWN { " …" } else { "" };
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") + more }
}

const LABELS_SHOWN: usize = 3;

fn streams(status: &Status) -> String {
    let mut table =
        plain(["stream", "state", "fps in", "fps out", "p50 ms", "p99 ms", "dropped", "events", "seen now"]);
    for (number, stream) in status.streams.iter().enumerate() {
        table.add_row(stream_row(format!("{}", number + 1), stream));
    }
    if status.streams.len() > 1 {
        table.add_row(stream_row("all".to_owned(), &status.total));
    }
    align(&mut table, 2..8);
    table.trim_fmt()
}

fn stream_row(name: String, stream: &StreamStatus) -> [String; 9] {
    let state = match stream.state {
        StreamState::Opening => "opening",
        StreamState::Live => "live",
        StreamState::Ended => "ended",
        StreamState::Failed => "FAILED",
    };
    [
        name,
        state.to_owned(),
        format!("{:.1}", stream.sent_per_s),
        format!("{:.1}", stream.answered_per_s),
        format!("{:.1}", stream.p50_ms),
        format!("{:.1}", stream.p99_ms),
        stream.dropped.to_string(),
        stream.events.values().sum::<u64>().to_string(),
        counts(&stream.seen),
    ]
}

fn models(models: &[ModelFigures]) -> String {
    let header = ["model", "state", "engine", "precision", "loads", "ms", "warm-ups", "ms", "skipped", "memory"];
    let mut table = plain(header);
    // What nobody has asked for yet is not shown.
    for model in models.iter().filter(|model| model.state != "absent") {
        table.add_row([
            model.model.clone(),
            model.state.clone(),
            or_dash(&model.engine),
            or_dash(&model.precision),
            model.loads.to_string(),
            format!("{:.0}", model.load_ms),
            model.warm_ups.to_string(),
            format!("{:.0}", model.warm_up_ms),
            model.warm_ups_skipped.to_string(),
            size(model.memory_bytes),
        ]);
    }
    align(&mut table, 4..10);
    table.trim_fmt()
}

/// `150 MB in all, 300 kB a stream, 1.2 of 2 cores`.
pub fn process(process: &ProcessStatus) -> String {
    format!(
        "{} in all, {} a stream, {:.1} of {} cores",
        size(process.resident_bytes),
        size(process.stream_bytes),
        process.cores_busy,
        process.cores
    )
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn plain<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    table
}

/// Numbers stand under each other.
fn align(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::status::tests::status;

    #[test]
    fn everything_stands_under_its_heading() {
        let expected = "\x20\
stream  state  fps in  fps out  p50 ms  p99 ms  dropped  events  seen now
 1       live     12.0     12.0    10.0    10.0        0       0  2 person, 1 car
 2       live     12.0     11.5    10.0    10.0        1       0  2 person, 1 car
 all     live     24.0     23.5    10.0    10.0        1       0  4 person, 2 car

 model           state  engine  precision  loads  ms  warm-ups  ms  skipped  memory
 starter-detect  ready  rten    f32            1  38         1  21        1   61 MB

 101 MB in all, 300 kB a stream, 0.8 of 2 cores
";
        assert_eq!(table(&status()), expected);
    }

    #[test]
    fn one_line_says_it_too() {
        let expected = "2 s: 2 streams, 24.0 frames/s in, 23.5 out, p50 10.0 ms, p99 10.0 ms, 1 dropped; \
            101 MB in all, 300 kB a stream, 0.8 of 2 cores\n";
        assert_eq!(line(&status()), expected);
        assert_eq!([900, 1_500_000, 61_400_000].map(size), ["1 kB", "1.5 MB", "61 MB"]);
    }

    #[test]
    fn many_labels_are_cut_short() {
        let seen = [("a", 1), ("b", 4), ("c", 2), ("d", 3)].map(|(label, count)| (label.to_owned(), count));
        assert_eq!(counts(&seen.into()), "4 b, 3 d, 2 c …");
        assert_eq!(counts(&BTreeMap::new()), "-");
    }
}
