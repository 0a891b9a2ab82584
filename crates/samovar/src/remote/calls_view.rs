//! Calls that a server keeps, as people read them.

use crate::triage::decision_text;
use comfy_table::{Table, presets};
use samovar_calls::Distress;
use samovar_service::speech::subtitles::vtt_time;
use samovar_triage::Decision;
use serde::Deserialize;
use std::fmt::Write;

/// What is shown of a call in a list.
#[derive(Debug, Deserialize)]
pub struct CallView {
    id: String,
    owner: String,
    origin: String,
    state: String,
    label: Option<String>,
    began: String,
    duration_s: Option<f64>,
    language: Option<String>,
    priority: Option<String>,
    category: Option<String>,
    audio: Option<String>,
    opening: Option<String>,
}

/// A call with everything that is kept of it.
#[derive(Debug, Deserialize)]
pub struct CallDetailView {
    #[serde(flatten)]
    call: CallView,
    segments: Vec<SegmentView>,
    features: Vec<FeaturesView>,
    decisions: Vec<DecisionView>,
}

#[derive(Debug, Deserialize)]
struct SegmentView {
    start_s: f64,
    end_s: f64,
    text: String,
}

#[derive(Debug, Deserialize)]
struct FeaturesView {
    at_s: f64,
    distress: Option<Distress>,
}

#[derive(Debug, Deserialize)]
struct DecisionView {
    at_s: f64,
    #[serde(flatten)]
    decision: Decision,
}

/// A line for each call.
pub fn table(calls: &[CallView]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["call", "began", "state", "length", "priority", "category", "label", "words"]);
    for call in calls {
        table.add_row(call.row());
    }
    format!("{}\n", table.trim_fmt())
}

impl CallView {
    fn row(&self) -> [String; 8] {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let words = self.opening.as_deref().unwrap_or("-");
        let cut = if words.chars().count() > WORDS_MAX { "…" } else { "" };
        [
            self.id.clone(),
            self.began.clone(),
            self.state.clone(),
            self.duration_s.map_or_else(|| "-".to_owned(), seconds),
            or_none(&self.priority),
            or_none(&self.category),
            or_none(&self.label),
            words.chars().take(WORDS_MAX).collect::<String>() + cut,
        ]
    }

    /// Who, when and how long.
    fn head(&self) -> String {
        let label = self.label.as_ref().map_or_else(String::new, |label| format!("  {label}"));
        let facts = [
            Some(format!("{} call of {}", self.origin, self.owner)),
            Some(self.state.clone()),
            Some(format!("began {}", self.began)),
            self.duration_s.map(seconds),
            self.language.clone(),
            self.audio.as_ref().map(|path| format!("sound at {path}")),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        format!("{}{label}\n{}\n", self.id, facts.join(", "))
    }
}

impl CallDetailView {
    /// All of it, one part below the other.
    pub fn text(&self) -> String {
        let parts = [self.call.head(), self.decided(), self.transcript(), self.distress()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The decision that stands, with its reasons, and what was decided before.
    fn decided(&self) -> String {
        let Some((last, before)) = self.decisions.split_last() else { return String::new() };
        let mut text = decision_text(&last.decision);
        for DecisionView { at_s, decision } in before {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "  before: {} {} at {}", decision.priority, decision.category, vtt_time(*at_s));
        }
        text
    }

    fn transcript(&self) -> String {
        let line = |segment: &SegmentView| {
            format!("[{} --> {}]  {}\n", vtt_time(segment.start_s), vtt_time(segment.end_s), segment.text.trim())
        };
        self.segments.iter().map(line).collect()
    }

    /// The highest score with what it was made of, beside the mean.
    fn distress(&self) -> String {
        let scored: Vec<(f64, &Distress)> =
            self.features.iter().filter_map(|second| Some((second.at_s, second.distress.as_ref()?))).collect();
        let highest = scored.iter().copied().reduce(|best, next| if next.1.score > best.1.score { next } else { best });
        let Some((at_s, highest)) = highest else { return String::new() };
        let mean = scored.iter().map(|(_, distress)| distress.score).sum::<f64>() / scored.len() as f64;
        let mut text = format!("distress {:.2} at most, at {}, {mean:.2} in the mean\n", highest.score, vtt_time(at_s));
        for part in highest.parts.iter().filter(|part| part.contribution > 0.0) {
            let usual = part.usual.map_or_else(String::new, |usual| format!(", usual {usual:.2}"));
            let (figure, value) = (&part.figure, part.value);
            let _ = writeln!(text, "  {:.2} of {:.2}: {figure} {value:.2}{usual}", part.contribution, part.weight);
        }
        text
    }
}

/// The longest beginning of a transcript in a list, in characters.
const WORDS_MAX: usize = 60;

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn call() -> Value {
        json!({
            "id": "6f96", "object": "call", "owner": "desk", "origin": "live", "state": "ended", "label": "case 7",
            "began": "2026-11-21T06:23:14.120Z", "ended": "2026-11-21T06:23:44.120Z", "duration_s": 30.04, "language": "en",
            "priority": "P1", "category": "medical", "audio": null, "opening": "Hello. ".repeat(20),
        })
    }

    #[test]
    fn a_list_has_a_line_for_each_call_and_the_first_words() {
        let text = table(&[serde_json::from_value(call()).unwrap()]);
        let words: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        let line = words.join(" ");
        assert!(
            line.starts_with("6f96 2026-11-21T06:23:14.120Z ended 30.0 s P1 medical case 7 Hello. Hello."),
            "{line}"
        );
        assert!(line.ends_with("Hell…"), "{line}");
    }

    #[test]
    fn one_call_is_told_with_reasons_words_and_the_parts_of_the_score() {
        let reason = json!({ "rule": "breath", "priority": "P1", "category": "medical", "quote": "not breathing", "start_s": 7.4, "end_s": 9.0 });
        let second = |at_s: f64, score: f64| {
            let parts = json!([
                { "figure": "pitch_hz", "value": 412.0, "usual": 210.5, "contribution": score, "weight": 0.2 },
                { "figure": "jitter", "value": 0.01, "usual": null, "contribution": 0.0, "weight": 0.05 },
            ]);
            json!({ "at_s": at_s, "duration_s": 3.0, "values": {}, "distress": { "score": score, "parts": parts } })
        };
        let mut all = call();
        all.as_object_mut().unwrap().extend([
            ("segments".to_owned(), json!([{ "start_s": 7.4, "end_s": 9.0, "text": "He is not breathing." }])),
            (
                "features".to_owned(),
                json!([second(1.0, 0.0), second(2.0, 0.1),
                { "at_s": 3.0, "duration_s": 3.0, "values": {}, "distress": null }]),
            ),
            (
                "decisions".to_owned(),
                json!([
                    { "at_s": 3.0, "priority": "P4", "category": "other", "reasons": [] },
                    { "at_s": 9.0, "priority": "P1", "category": "medical", "reasons": [reason] },
                ]),
            ),
        ]);
        let call: CallDetailView = serde_json::from_value(all).unwrap();
        let expected = "6f96  case 7\nlive call of desk, ended, began 2026-11-21T06:23:14.120Z, 30.0 s, en\n\n\
            P1 medical\n  breath: P1 medical, \"not breathing\"\n  before: P4 other at 00:03.000\n\n\
            [00:07.400 --> 00:09.000]  He is not breathing.\n\n\
            distress 0.10 at most, at 00:02.000, 0.05 in the mean\n  0.10 of 0.20: pitch_hz 412.00, usual 210.50\n";
        assert_eq!(call.text(), expected);
    }
}
