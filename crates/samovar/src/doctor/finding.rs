//! One thing that was looked at, and how it was found.

use serde::Serialize;

/// How a thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Works without it, but less well.
    Note,
    /// Something that is configured cannot work.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What: `engine openvino`, `model person`.
    pub subject: String,
    /// How it was found.
    pub health: Health,
    /// The facts in a sentence.
    pub detail: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { subject: subject.into(), health: Health::Ok, detail: detail.into(), cure: None }
    }

    /// Works without it, but less well.
    pub fn note(subject: impl Into<String>, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { subject: subject.into(), health: Health::Note, detail: detail.into(), cure: Some(cure.into()) }
    }

    /// Something that is configured cannot work.
    pub fn problem(subject: impl Into<String>, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { subject: subject.into(), health: Health::Problem, detail: detail.into(), cure: Some(cure.into()) }
    }
}
