//! Why a file of rules or cases was refused.

/// Why a file of rules or cases was refused: a kind for programs, a sentence that names the rule and the cure for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct TriageError {
    kind: TriageErrorKind,
    sentence: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriageErrorKind {
    /// The file is not TOML, or a field is missing, unknown or of another type.
    Syntax,
    /// A rule can never hold, names what does not exist, or says the same as another.
    Rule,
    /// There are more rules, phrases or words than are allowed.
    TooLarge,
    /// The file cannot be read.
    Unreadable,
}

impl TriageError {
    pub(crate) fn new(kind: TriageErrorKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    pub(crate) fn rule(id: &str, what: impl std::fmt::Display) -> Self {
        Self::new(TriageErrorKind::Rule, format!("rule {id:?}: {what}"))
    }

    /// The file cannot be read.
    pub fn unreadable() -> Self {
        Self::new(TriageErrorKind::Unreadable, "the file cannot be read: look at its name and at who may read it")
    }

    /// A rule looks at a figure that nobody tells.
    pub fn unknown_figure(name: &str, near: Option<&str>) -> Self {
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        Self::new(TriageErrorKind::Rule, format!("there is no figure {name:?}{near}"))
    }

    /// What is wrong.
    pub const fn kind(&self) -> TriageErrorKind {
        self.kind
    }
}

impl TriageErrorKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Syntax => "triage_syntax",
            Self::Rule => "triage_rule",
            Self::TooLarge => "triage_too_large",
            Self::Unreadable => "triage_unreadable",
        }
    }
}
