//! The open streams of a running server as a table for people.

use comfy_table::{CellAlignment, Table, presets};
use serde::Deserialize;

/// Every open stream.
#[derive(Debug, Deserialize)]
pub struct StreamList {
    data: Vec<StreamView>,
}

#[derive(Debug, Deserialize)]
struct StreamView {
    id: String,
    kind: String,
    state: String,
    reason: Option<String>,
    source: Option<String>,
    models: Vec<String>,
    figures: FiguresView,
}

#[derive(Debug, Deserialize)]
struct FiguresView {
    open_s: f64,
    fps_in: f64,
    fps: f64,
    latency_p50_ms: Option<f64>,
    latency_p99_ms: Option<f64>,
    dropped: DropsView,
    events: u64,
    last_event: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DropsView {
    overloaded: u64,
    not_ready: u64,
}

/// Columns of numbers.
const NUMBERS: std::ops::Range<usize> = 5..12;

impl StreamList {
    /// A line for each.
    pub fn text(&self) -> String {
        if self.data.is_empty() {
            return "no stream is open\n".to_owned();
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header([
            "stream",
            "kind",
            "source",
            "models",
            "state",
            "open",
            "fps in",
            "fps",
            "p50 ms",
            "p99 ms",
            "dropped",
            "events",
            "last event",
        ]);
        for stream in &self.data {
            table.add_row(stream.row());
        }
        for column in NUMBERS {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        format!("{}\n", table.trim_fmt())
    }
}

impl StreamView {
    fn row(&self) -> [String; 13] {
        let figures = &self.figures;
        let state = match &self.reason {
            Some(reason) => format!("{}: {reason}", self.state),
            None => self.state.clone(),
        };
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let ms = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
        [
            self.id.clone(),
            self.kind.clone(),
            or_none(&self.source),
            self.models.join(", "),
            state,
            open(figures.open_s),
            format!("{:.1}", figures.fps_in),
            format!("{:.1}", figures.fps),
            ms(figures.latency_p50_ms),
            ms(figures.latency_p99_ms),
            (figures.dropped.overloaded + figures.dropped.not_ready).to_string(),
            figures.events.to_string(),
            or_none(&figures.last_event),
        ]
    }
}

/// How long a stream has been open: `45s`, `12m`, `3h`, `2d`.
fn open(seconds: f64) -> String {
    match seconds as u64 {
        s @ 0..120 => format!("{s}s"),
        s @ 120..7_200 => format!("{}m", s / 60),
        s @ 7_200..172_800 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_line() {
        let list = serde_json::json!({ "object": "list", "data": [{
            "id": "6f96", "kind": "anomaly", "state": "waiting", "reason": "refused", "source": "entrance",
            "models": ["pose", "movement"], "weight": 1, "opened": "2026-11-21T06:23:14.120Z",
            "figures": {
                "open_s": 130.0, "frames": 10, "results": 8, "errors": 0, "events": 2, "last_event": "person.left",
                "dropped": { "overloaded": 1, "not_ready": 1, "still": 5, "paced": 7 },
                "fps_in": 12.0, "fps": 10.25, "latency_p50_ms": 20.51, "latency_p99_ms": null,
            },
        }] });
        let list: StreamList = serde_json::from_value(list).unwrap();
        let text = list.text();
        let [_, line] = text.lines().collect::<Vec<_>>().try_into().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected = "6f96 anomaly entrance pose, movement waiting: refused 2m 12.0 10.2 20.5 - 2 2 person.left";
        assert_eq!(words.join(" "), expected);
        assert_eq!(StreamList { data: Vec::new() }.text(), "no stream is open\n");
    }

    #[test]
    fn times_are_told_in_the_largest_unit_that_says_enough() {
        assert_eq!([119.9, 120.0, 7_199.0, 7_200.0, 200_000.0].map(open), ["119s", "2m", "119m", "2h", "2d"]);
    }
}
