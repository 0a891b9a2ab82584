//! Events that every live stream has, as JSON.

use crate::error::ApiError;
use crate::stream_link::StreamText;
use samovar_runtime::RunError;
use serde::Serialize;
use utoipa::ToSchema;

/// An event that every kind of stream has. `type` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum StreamNotice {
    /// Frames that were not looked at: newer ones took their place, or they waited too long.
    Dropped {
        /// Number of the first of them.
        frame: u64,
        /// How many in a row.
        count: u64,
        /// Why: `overloaded`, or `not_ready` for frames that came before `ready`.
        reason: &'static str,
    },
    /// A frame that could not be looked at, or a message that was not understood; the stream goes on unless it is closed.
    Error(StreamProblem),
}

/// What went wrong with a frame or a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamProblem {
    /// Number of the frame, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frame: Option<u64>,
    /// The mode that could not be had, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
    /// For programs.
    #[schema(example = "corrupt_media")]
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cure: Option<&'static str>,
    /// When to try again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_s: Option<u64>,
}

impl StreamNotice {
    /// Newer frames took the place of these.
    pub(crate) const fn overloaded(frame: u64, count: u64) -> Self {
        Self::Dropped { frame, count, reason: "overloaded" }
    }

    /// A frame that could not be looked at.
    pub(crate) fn failed(frame: u64, error: RunError) -> Self {
        Self::Error(ApiError::from(error).stream_problem(Some(frame)))
    }

    /// As it is sent.
    pub(crate) fn text(&self) -> StreamText {
        match self {
            Self::Dropped { .. } => StreamText::replaceable(self),
            Self::Error(_) => StreamText::lasting(self),
        }
    }
}
