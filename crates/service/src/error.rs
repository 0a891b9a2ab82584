//! What a caller is told instead of an answer: a kind for programs and a sentence for people.

use samovar_runtime::{RunError, RunErrorKind};
use std::borrow::Cow;
use std::time::Duration;

/// Why there is no answer, for programs. Each wire turns it into its own status in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceErrorKind {
    /// The request cannot be done as it is; the code is the fault's own.
    Invalid {
        /// Stable machine code.
        code: &'static str,
    },
    /// What is asked for is not here; the code says what.
    NotFound {
        /// Stable machine code.
        code: &'static str,
    },
    /// It is over a limit of its size.
    TooLarge {
        /// Stable machine code.
        code: &'static str,
    },
    /// The protocol has it, Samovar does not, or not as it is configured.
    Unsupported {
        /// Stable machine code.
        code: &'static str,
    },
    /// The model gave what cannot be told, such as numbers that are none.
    Broken {
        /// Stable machine code.
        code: &'static str,
    },
    /// No key, or one that is not known.
    Unauthenticated,
    /// The key may not do this.
    Forbidden,
    /// The key has used up its rate or its places.
    RateLimited {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The runtime has no result.
    Run(RunErrorKind),
}

impl ServiceErrorKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid { code }
            | Self::NotFound { code }
            | Self::TooLarge { code }
            | Self::Unsupported { code }
            | Self::Broken { code } => code,
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::RateLimited { .. } => "rate_limited",
            Self::Run(kind) => kind.code(),
        }
    }
}

/// A request without an answer. The message names no path, address or library text, so that it may reach a client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    kind: ServiceErrorKind,
    message: Cow<'static, str>,
    field: Option<&'static str>,
}

impl ServiceError {
    /// An error of `kind` with a sentence for people.
    pub fn new(kind: ServiceErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), field: None }
    }

    /// The same error, about that field of the request.
    #[must_use]
    pub fn about(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// The field of the request that it is about, where it is about one.
    pub const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// A request that cannot be done as it is.
    pub fn invalid(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ServiceErrorKind::Invalid { code }, message)
    }

    /// Why there is no answer, for programs.
    pub const fn kind(&self) -> ServiceErrorKind {
        self.kind
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<RunError> for ServiceError {
    fn from(error: RunError) -> Self {
        Self::new(ServiceErrorKind::Run(error.kind()), error.to_string())
    }
}
