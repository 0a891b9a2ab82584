//! What is known of a call so far: what was said and how it sounded.

use serde::{Deserialize, Serialize};

/// What is known of a call so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was said, in the order of time.
    #[serde(default)]
    pub utterances: Vec<Utterance>,
    /// How it sounded, in the order of time.
    #[serde(default)]
    pub measurements: Vec<Measurement>,
}

/// Something that was said without a longer pause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    /// The words as they were heard.
    pub text: String,
    /// Seconds from the beginning of the call.
    #[serde(default)]
    pub start_s: f64,
    /// Seconds from the beginning of the call.
    #[serde(default)]
    pub end_s: f64,
    /// The language as a code of two letters; rules of other languages do not look at it. None: all rules do.
    #[serde(default)]
    pub language: Option<String>,
}

/// One figure of the voice at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Seconds from the beginning of the call, where what was measured begins.
    pub at_s: f64,
    /// How many seconds it stands for.
    pub duration_s: f64,
    /// Which figure: `distress`, `pitch_hz` …
    pub feature: String,
    /// In the figure's own unit. What is not a number says nothing.
    pub value: f64,
}
