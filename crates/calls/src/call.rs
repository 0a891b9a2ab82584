//! One conversation: who it belongs to, when it was, and what is known of it.

use crate::{CallId, CallTime, Decided, Features, Segment};
use samovar_triage::Priority;
use serde::{Deserialize, Serialize};

/// One conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its name.
    pub id: CallId,
    /// The key that it came with: nobody else sees it.
    pub owner: String,
    /// Live or from a file.
    pub origin: CallOrigin,
    /// Whether it goes on.
    pub state: CallState,
    /// What its sender calls it: a number of a case, a name of a file.
    pub label: Option<String>,
    /// When it began.
    pub began: CallTime,
    /// When it ended.
    pub ended: Option<CallTime>,
    /// Seconds of audio.
    pub duration_s: Option<f64>,
    /// The language as a code, where one was found.
    pub language: Option<String>,
    /// How urgent it is, by the newest decision.
    pub priority: Option<Priority>,
    /// What it is about, by the newest decision.
    pub category: Option<String>,
    /// Where its audio is kept, if it is.
    pub audio: Option<AudioKept>,
    /// Its first words, where anything was said.
    pub opening: Option<String>,
}

/// A call and everything that was kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallDetail {
    /// The call.
    pub call: Call,
    /// What was said, in the order of time.
    pub segments: Vec<Segment>,
    /// How it sounded, in the order of time.
    pub features: Vec<Features>,
    /// What was decided, in the order of time.
    pub decisions: Vec<Decided>,
}

/// What is known when a call begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// Its name, a new one.
    pub id: CallId,
    /// The key that it came with.
    pub owner: String,
    /// Live or from a file.
    pub origin: CallOrigin,
    /// What its sender calls it.
    pub label: Option<String>,
}

/// What is known when a call ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallEnd {
    /// Seconds of audio.
    pub duration_s: Option<f64>,
    /// The language as a code.
    pub language: Option<String>,
    /// Where its audio is kept.
    pub audio: Option<AudioKept>,
    /// It did not come to its end: the caller was cut off, or the server stopped.
    pub interrupted: bool,
}

/// A file with a call's audio, in the folder that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioKept {
    /// The file's name within the folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
}

/// Where a call came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallOrigin {
    /// A stream.
    Live,
    /// A recording.
    Upload,
}

/// Whether a call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// It goes on.
    Open,
    /// It came to its end.
    Ended,
    /// It was cut off: what is kept is what had been heard until then.
    Interrupted,
}

impl CallOrigin {
    /// The word in files and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Upload => "upload",
        }
    }
}

impl CallState {
    /// The word in files and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Interrupted => "interrupted",
        }
    }
}
