//! What became of the frames of one stream, as its client sees it.

use super::latencies::Latencies;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Where a stream is. Several together are where the first of these is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamState {
    /// It broke off.
    Failed,
    /// Not open yet.
    #[default]
    Opening,
    /// Frames are sent.
    Live,
    /// It has come to its end.
    Ended,
}

/// What became of the frames of one stream. Every frame that was sent is answered, dropped, refused or not heard of.
#[derive(Debug, Default)]
pub struct Tally {
    /// Where the stream is.
    pub state: StreamState,
    /// Frames sent.
    pub sent: u64,
    /// Frames with a result.
    pub answered: u64,
    /// Frames that newer ones took the place of, as the server told.
    pub dropped: u64,
    /// Frames that the server could not use.
    pub refused: u64,
    /// From sending to result.
    pub latencies: Latencies,
    /// What the newest result found: how many of each label.
    pub seen: BTreeMap<String, u64>,
    /// What happened: how many events of each name.
    pub events: BTreeMap<String, u64>,
    /// Lately, in each second: frames sent, and results.
    pub rates: [f64; 2],
    /// Frames of which nothing was heard yet, oldest first: number and time of sending.
    waiting: VecDeque<(u64, Instant)>,
    /// When the rates were last told, and the counts then.
    rated: Option<(Instant, [u64; 2])>,
}

/// Frames that are remembered while nothing is heard; a server tells of each sooner.
const WAITING_MAX: usize = 4_096;

impl Tally {
    /// Counts a frame that is being sent; the server gives it the same number.
    pub fn send(&mut self, now: Instant) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back((self.sent, now));
        }
        self.sent += 1;
    }

    /// Takes in an event of the server. Tells the number of the frame and its latency where it is a result.
    pub fn hear(&mut self, event: &Value, now: Instant) -> Option<(u64, Duration)> {
        let frame = event["frame"].as_u64()?;
        match event["type"].as_str()? {
            "result" => {
                let latency = now.saturating_duration_since(self.settle(frame)?);
                self.answered += 1;
                self.latencies.add(latency);
                self.seen = seen(event);
                return Some((frame, latency));
            }
            "dropped" => {
                let count = event["count"].as_u64().unwrap_or(1);
                self.dropped += count;
                self.settle((frame + count).saturating_sub(1));
            }
            "error" => {
                self.refused += 1;
                self.settle(frame);
            }
            "event" => {
                let name = event["event"].as_str().unwrap_or_default();
                *self.events.entry(name.to_owned()).or_default() += 1;
            }
            _ => {}
        }
        None
    }

    /// Frames of which nothing has been heard.
    pub const fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.answered + self.dropped + self.refused)
    }

    /// Works the rates out anew, from what came since they were last told.
    pub fn rate(&mut self, now: Instant) {
        let counts = [self.sent, self.answered];
        if let Some((then, before)) = self.rated.replace((now, counts)) {
            let seconds = now.saturating_duration_since(then).as_secs_f64().max(1e-3);
            self.rates = [0, 1].map(|i| (counts[i] - before[i]) as f64 / seconds);
        }
    }

    /// Has the next rates count from `start`, when nothing had been sent.
    pub const fn rate_from(&mut self, start: Instant) {
        self.rated = Some((start, [0, 0]));
    }

    /// Forgets the frames up to this one, which events are told in the order of; tells when it was sent.
    fn settle(&mut self, frame: u64) -> Option<Instant> {
        let mut sent = None;
        while let Some((_, at)) = self.waiting.pop_front_if(|(number, _)| *number <= frame) {
            sent = Some(at);
        }
        sent
    }
}

/// Objects by their label; people as such, and those who move unusually once more.
fn seen(event: &Value) -> BTreeMap<String, u64> {
    let objects = event["detections"].as_array().into_iter().flatten().filter_map(|found| found["label"].as_str());
    let persons = event["persons"].as_array().into_iter().flatten();
    let words = persons.flat_map(|person| {
        let unusual = person["anomalous"] == true;
        std::iter::once("person").chain(unusual.then_some("unusual"))
    });
    let mut seen = BTreeMap::new();
    for word in objects.chain(words) {
        *seen.entry(word.to_owned()).or_default() += 1;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_frame_is_accounted_for() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        (0..6).for_each(|number| tally.send(at(number * 10)));
        let found = json!([{ "label": "person" }, { "label": "dog" }, { "label": "person" }]);
        let result = |frame| json!({ "type": "result", "frame": frame, "detections": found });
        assert_eq!(tally.hear(&result(0), at(7)), Some((0, Duration::from_millis(7))));
        assert_eq!(tally.hear(&json!({ "type": "dropped", "frame": 1, "count": 2 }), at(40)), None);
        tally.hear(&json!({ "type": "error", "frame": 3, "code": "corrupt_media" }), at(50));
        assert_eq!(tally.hear(&result(4), at(61)), Some((4, Duration::from_millis(21))));
        assert_eq!((tally.sent, tally.answered, tally.dropped, tally.refused, tally.unanswered()), (6, 2, 2, 1, 1));
        assert_eq!(tally.seen, BTreeMap::from([("dog".to_owned(), 1), ("person".to_owned(), 2)]));
    }

    #[test]
    fn people_and_what_happens_to_them_are_counted() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        tally.send(now);
        let persons = json!([{ "track": 1, "anomalous": false }, { "track": 2, "anomalous": true }]);
        tally.hear(&json!({ "type": "result", "frame": 0, "persons": persons }), now);
        for name in ["person.appeared", "anomaly.started", "person.appeared"] {
            tally.hear(&json!({ "type": "event", "event": name, "frame": 0 }), now);
        }
        assert_eq!(tally.seen, BTreeMap::from([("person".to_owned(), 2), ("unusual".to_owned(), 1)]));
        let events = [("anomaly.started".to_owned(), 1), ("person.appeared".to_owned(), 2)];
        assert_eq!((tally.events, tally.answered), (BTreeMap::from(events), 1));
    }

    #[test]
    fn a_result_that_nobody_sent_for_counts_for_nothing() {
        let mut tally = Tally::default();
        assert_eq!(tally.hear(&json!({ "type": "result", "frame": 3 }), Instant::now()), None);
        assert_eq!((tally.answered, tally.unanswered()), (0, 0));
    }

    #[test]
    fn rates_are_those_since_last_time() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        tally.rate(start);
        (0..24).for_each(|_| tally.send(start));
        tally.rate(start + Duration::from_secs(2));
        assert_eq!(tally.rates, [12.0, 0.0]);
        tally.rate(start + Duration::from_secs(3));
        assert_eq!(tally.rates, [0.0, 0.0]);
        tally.rate_from(start);
        tally.rate(start + Duration::from_secs(4));
        assert_eq!(tally.rates, [6.0, 0.0]);
    }
}
