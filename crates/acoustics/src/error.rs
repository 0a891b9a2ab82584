//! What an analyser refuses.

use crate::window::WINDOW_SECONDS_MAX;
use thiserror::Error;

/// Why no analyser was made.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum AcousticsError {
    /// The window is empty or longer than memory is kept for.
    #[error("a window of {0} s is outside 1 to {WINDOW_SECONDS_MAX} s; ask for a length within")]
    Window(usize),
}

impl AcousticsError {
    /// Which refusal this is, for programs.
    pub const fn kind(&self) -> AcousticsErrorKind {
        match self {
            Self::Window(_) => AcousticsErrorKind::InvalidWindow,
        }
    }
}

/// The kinds of [`AcousticsError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcousticsErrorKind {
    /// The window's length is not one that can be kept.
    InvalidWindow,
}

impl AcousticsErrorKind {
    /// A name that stays.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidWindow => "invalid_window",
        }
    }
}
