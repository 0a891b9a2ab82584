//! The one state value of a source: what everybody who asks is told.

use super::SourceFault;
use std::sync::Arc;
use std::time::SystemTime;

/// Where a source is in its life: `Connecting → Live → Waiting → Connecting …`, then `Ended` or `Stopped`.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceState {
    /// It is being opened.
    Connecting {
        /// Which try since it was last live, from 1.
        tries: u32,
    },
    /// It gives frames.
    Live {
        /// Since when.
        since: SystemTime,
        /// Width and height of the delivered frames, in pixels.
        size: (u32, u32),
        /// FFmpeg's name of the codec, such as `h264`.
        codec: Option<Arc<str>>,
    },
    /// It was lost or could not be opened, and is opened again then; sooner where its port answers again.
    Waiting {
        /// When, at the latest.
        retry_at: SystemTime,
        /// Why.
        fault: SourceFault,
        /// Tries since it was last live.
        tries: u32,
    },
    /// A file that was fetched came to its end. The last state.
    Ended,
    /// It was stopped by its owner. The last state.
    Stopped,
}

impl SourceState {
    /// The name in answers and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "connecting",
            Self::Live { .. } => "live",
            Self::Waiting { .. } => "waiting",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
        }
    }

    /// Whether no further frame comes.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Ended | Self::Stopped)
    }

    /// Why it gives no frames, where that is a fault.
    pub const fn fault(&self) -> Option<SourceFault> {
        match self {
            Self::Waiting { fault, .. } => Some(*fault),
            _ => None,
        }
    }
}
