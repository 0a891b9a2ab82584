//! Everything that the demo shows, at one moment: streams as their clients see them, models and process as the server tells.

use super::figures::{ModelFigures, ServerFigures};
use super::latencies::Latencies;
use super::tally::{StreamState, Tally};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Since the streams began.
    pub elapsed_s: f64,
    /// Each stream.
    pub streams: Vec<StreamStatus>,
    /// All streams together.
    pub total: StreamStatus,
    /// Each model.
    pub models: Vec<ModelFigures>,
    /// The process: server and clients together.
    pub process: ProcessStatus,
}

/// One stream, or all of them together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StreamStatus {
    /// Where it is.
    pub state: StreamState,
    /// Frames sent: all of them are answered, dropped, refused or unanswered.
    pub sent: u64,
    /// With a result.
    pub answered: u64,
    /// Newer ones took their place.
    pub dropped: u64,
    /// Not to be used.
    pub refused: u64,
    /// Not heard of yet.
    pub unanswered: u64,
    /// Frames sent in each second, lately.
    pub sent_per_s: f64,
    /// Results in each second, lately.
    pub answered_per_s: f64,
    /// From sending to result, for half of all.
    pub p50_ms: f64,
    /// For 99 in 100.
    pub p99_ms: f64,
    /// What the newest result found, by label.
    pub seen: BTreeMap<String, u64>,
    /// What happened, by the events' names.
    pub events: BTreeMap<String, u64>,
}

/// The process.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProcessStatus {
    /// Its memory.
    pub resident_bytes: u64,
    /// What it grew by for each stream since the streams began.
    pub stream_bytes: u64,
    /// Cores that were busy with it, lately.
    pub cores_busy: f64,
    /// Cores that it may use.
    pub cores: usize,
    /// Panics that the server caught.
    pub panics: u64,
}

impl Status {
    /// Puts together what the clients counted, what the server says, and what its memory was before the streams began.
    pub fn new(
        elapsed_s: f64,
        tallies: &[&Tally],
        server: &ServerFigures,
        (resident_bytes_before, cores_busy): (u64, f64),
    ) -> Self {
        let grown = server.resident_bytes.saturating_sub(resident_bytes_before);
        let process = ProcessStatus {
            resident_bytes: server.resident_bytes,
            stream_bytes: grown / tallies.len().max(1) as u64,
            cores_busy,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            panics: server.panics,
        };
        Self {
            elapsed_s,
            streams: tallies.iter().map(|tally| StreamStatus::new(tally)).collect(),
            total: StreamStatus::of_all(tallies),
            models: server.models.clone(),
            process,
        }
    }
}

impl StreamStatus {
    fn new(tally: &Tally) -> Self {
        Self {
            state: tally.state,
            sent: tally.sent,
            answered: tally.answered,
            dropped: tally.dropped,
            refused: tally.refused,
            unanswered: tally.unanswered(),
            sent_per_s: tally.rates[0],
            answered_per_s: tally.rates[1],
            p50_ms: tally.latencies.percentile_ms(0.5),
            p99_ms: tally.latencies.percentile_ms(0.99),
            seen: tally.seen.clone(),
            events: tally.events.clone(),
        }
    }

    fn of_all(tallies: &[&Tally]) -> Self {
        let mut latencies = Latencies::default();
        let mut all = Self { state: StreamState::Ended, ..Self::default() };
        for tally in tallies {
            latencies.add_all(&tally.latencies);
            all.add(&Self::new(tally));
        }
        Self { p50_ms: latencies.percentile_ms(0.5), p99_ms: latencies.percentile_ms(0.99), ..all }
    }

    fn add(&mut self, one: &Self) {
        self.state = self.state.min(one.state);
        self.sent += one.sent;
        self.answered += one.answered;
        self.dropped += one.dropped;
        self.refused += one.refused;
        self.unanswered += one.unanswered;
        self.sent_per_s += one.sent_per_s;
        self.answered_per_s += one.answered_per_s;
        add_all(&mut self.seen, &one.seen);
        add_all(&mut self.events, &one.events);
    }
}

fn add_all(sum: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (word, count) in counts {
        *sum.entry(word.clone()).or_default() += count;
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Two streams of 12 fps after two seconds, of which the second lost a frame; one model.
    pub fn status() -> Status {
        let start = Instant::now();
        let tally = |dropped: u64| {
            let mut tally = Tally::default();
            tally.state = StreamState::Live;
            tally.rate_from(start);
            for frame in 0..24 {
                tally.send(start);
                let event = if frame < dropped {
                    serde_json::json!({ "type": "dropped", "frame": frame, "count": 1 })
                } else {
                    let found = serde_json::json!([{ "label": "person" }, { "label": "person" }, { "label": "car" }]);
                    serde_json::json!({ "type": "result", "frame": frame, "detections": found })
                };
                tally.hear(&event, start + Duration::from_millis(10));
            }
            tally.rate(start + Duration::from_secs(2));
            tally
        };
        let model = ModelFigures {
            model: "starter-detect".to_owned(),
            state: "ready".to_owned(),
            engine: "rten".to_owned(),
            precision: "f32".to_owned(),
            loads: 1,
            load_ms: 38.2,
            warm_ups: 1,
            warm_up_ms: 21.4,
            warm_ups_skipped: 1,
            memory_bytes: 61_000_000,
        };
        let server = ServerFigures { models: vec![model], resident_bytes: 100_600_000, panics: 0 };
        let mut status = Status::new(2.0, &[&tally(0), &tally(1)], &server, (100_000_000, 0.75));
        status.process.cores = 2;
        status
    }

    #[test]
    fn all_streams_together_are_the_sum() {
        let Status { total, streams, process, .. } = status();
        assert_eq!((total.sent, total.answered, total.dropped, total.unanswered), (48, 47, 1, 0));
        assert_eq!((total.sent_per_s, total.answered_per_s, total.p99_ms), (24.0, 23.5, 10.0));
        assert_eq!((total.state, total.seen["person"], streams[1].answered), (StreamState::Live, 4, 23));
        assert_eq!(process.stream_bytes, 300_000);
    }

    #[test]
    fn memory_that_shrank_is_no_growth() {
        let status = Status::new(1.0, &[&Tally::default()], &ServerFigures::default(), (5, 0.0));
        assert_eq!(status.process.stream_bytes, 0);
    }
}
