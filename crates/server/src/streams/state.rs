//! What kind of stream one is, and where it is in its life.

use serde::Serialize;
use std::time::{Duration, SystemTime};
use utoipa::ToSchema;

/// What a stream's frames are looked at, or listened to, for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StreamKind {
    /// Objects.
    Detect,
    /// The class of every pixel.
    Segment,
    /// People, and whether they move unusually.
    Anomaly,
    /// What is said, how it sounds, and how urgent it is.
    Call,
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum StreamState {
    /// Its models, or its source, are being made ready.
    Opening,
    /// Frames are looked at.
    Live,
    /// Its source is away and will be tried again.
    Waiting {
        /// Why, for programs.
        reason: &'static str,
        /// When it is tried again.
        retry_at: SystemTime,
    },
    /// Its source has come to its end, and the stream stays to say so.
    Ended,
    /// It was told to end.
    Closing,
}

impl StreamState {
    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Live => "live",
            Self::Waiting { .. } => "waiting",
            Self::Ended => "ended",
            Self::Closing => "closing",
        }
    }

    /// Why nothing comes, for programs.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Waiting { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// How long until the source is tried again.
    pub(crate) fn retry_in(self) -> Option<Duration> {
        match self {
            Self::Waiting { retry_at, .. } => Some(retry_at.duration_since(SystemTime::now()).unwrap_or_default()),
            _ => None,
        }
    }
}
