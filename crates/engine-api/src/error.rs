//! The one error of the seam: a kind for programs and a sentence for people.

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineErrorKind {
    /// The engine's library is not on this machine, or is one that it cannot use.
    Unavailable,
    /// The file is absent or cannot be read.
    File,
    /// The file is not a model, is damaged, or refers to data outside its folder.
    Model,
    /// The graph uses something that this engine does not have (operator, precision, device).
    Unsupported,
    /// A tensor's shape is not what the graph takes or gives.
    Shape,
    /// A tensor's element type is not what was asked for.
    ElementType,
    /// The run itself failed.
    Run,
}

/// An engine's failure. The message may hold library text: it is for logs, never for a client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct EngineError {
    kind: EngineErrorKind,
    message: String,
}

impl EngineError {
    /// An error of `kind` with a sentence for people.
    pub fn new(kind: EngineErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What went wrong, for programs.
    pub const fn kind(&self) -> EngineErrorKind {
        self.kind
    }
}
