//! Why a model could not be measured.

use crate::FailureKind;
use crate::load::LoadError;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TuneFailure {
    /// For programs.
    pub kind: TuneFailureKind,
    /// For people who run the server; may name files.
    pub reason: String,
}

/// Why there is no plan, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TuneFailureKind {
    /// The model cannot be loaded at all, or there is no memory for a second copy.
    Load(FailureKind),
    /// No way to run it could be measured, or all disagreed with f32.
    NothingWorks,
    /// The device was never idle for long enough.
    Busy,
    /// Somebody wanted it to end, or what was measured has gone.
    Stopped,
}

impl TuneFailureKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Load(kind) => kind.code(),
            Self::NothingWorks => "plan_nothing_works",
            Self::Busy => "plan_device_busy",
            Self::Stopped => "plan_stopped",
        }
    }
}

impl TuneFailure {
    pub(crate) fn new(kind: TuneFailureKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    pub(crate) fn stopped() -> Self {
        Self::new(TuneFailureKind::Stopped, "the measurement was ended before it was through")
    }
}

impl From<LoadError> for TuneFailure {
    fn from(error: LoadError) -> Self {
        Self::new(TuneFailureKind::Load(error.kind), error.reason)
    }
}
