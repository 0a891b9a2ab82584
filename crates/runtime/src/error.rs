//! What a caller may be told instead of a result: a kind for programs and a sentence for people.

use std::time::Duration;

/// Why there is no result, for programs. Wires turn it into a status in exactly one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunErrorKind {
    /// No model of that name is configured.
    UnknownModel,
    /// The model is loading, failed or unloaded; it may be ready after the wait.
    NotReady {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The queue is full.
    QueueFull {
        /// When to ask again.
        retry_after: Duration,
    },
    /// A newer frame of the same stream took its place.
    Displaced,
    /// The deadline or the queue's waiting limit passed before the work was started.
    DeadlineExceeded,
    /// The input cannot be worked with; the code is the input error's own.
    Input {
        /// Stable machine code.
        code: &'static str,
    },
    /// The engine or the code around it failed.
    Internal,
    /// The server is going down.
    ShuttingDown,
}

impl RunErrorKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownModel => "model_not_found",
            Self::NotReady { .. } => "model_not_ready",
            Self::QueueFull { .. } => "queue_full",
            Self::Displaced => "frame_displaced",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Input { code } => code,
            Self::Internal => "internal",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

/// A call without a result. The message names no path and no library text, so that it may reach a client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    kind: RunErrorKind,
    message: String,
}

impl RunError {
    /// An error of `kind` with a sentence for people.
    pub fn new(kind: RunErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Why there is no result, for programs.
    pub const fn kind(&self) -> RunErrorKind {
        self.kind
    }

    pub(crate) fn internal(message: &str) -> Self {
        Self::new(RunErrorKind::Internal, message)
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new(RunErrorKind::ShuttingDown, "the server is shutting down")
    }
}
