//! How urgent a call is, and everything that says so.

use crate::Priority;
use serde::{Deserialize, Serialize};

/// How urgent a call is, and everything that says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// How urgent.
    pub priority: Priority,
    /// What it is about.
    pub category: String,
    /// Rules that hold, the weightiest first, each with what triggered it. Empty: nothing did, and the book's defaults stand.
    pub reasons: Vec<Reason>,
    /// What would have triggered a rule if a word before it did not turn it round: "there is no fire". For people to look at.
    #[serde(default)]
    pub negated: Vec<Reason>,
}

/// One piece of evidence for one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's name in the file.
    pub rule: String,
    /// What the rule says that it is about; none where it only raises the priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The priority that the rule gives; none where it raises another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Steps by which the rule raises the priority.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub raise: u8,
    /// The words as they were heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The figure of the voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Seconds from the beginning of the call.
    pub start_s: f64,
    /// Seconds from the beginning of the call.
    pub end_s: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(steps: &u8) -> bool {
    *steps == 0
}
