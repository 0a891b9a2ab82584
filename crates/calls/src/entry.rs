//! What is written down while a call goes on.

use crate::Features;
use samovar_triage::Decision;
use serde::{Deserialize, Serialize};

/// What is written down while a call goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Something was said, and will not change any more.
    Segment(Segment),
    /// How the last moments sounded.
    Features(Features),
    /// How urgent the call is now.
    Decided(Decided),
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Seconds from the beginning of the call.
    pub start_s: f64,
    /// Seconds from the beginning of the call.
    pub end_s: f64,
    /// The words.
    pub text: String,
    /// The language as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Mean logarithm of the tokens' probabilities: how sure the model is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_logprob: Option<f64>,
    /// How probable it is that nobody spoke, 0–1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_speech_prob: Option<f64>,
}

/// How urgent a call was at some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// Seconds from the beginning of the call.
    pub at_s: f64,
    /// The decision and everything that triggered it.
    pub decision: Decision,
}
