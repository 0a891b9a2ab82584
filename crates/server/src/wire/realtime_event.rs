//! What OpenAI's realtime clients are sent while they have sound transcribed.

use super::openai_error::OpenAiErrorBody;
use super::realtime_session::RealtimeSessionBody;
use crate::random_id::RandomId;
use serde::Serialize;
use utoipa::ToSchema;

/// An event of a realtime session, with a name of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RealtimeEvent {
    /// Nobody else's.
    event_id: String,
    /// What happened.
    #[serde(flatten)]
    body: RealtimeEventBody,
}

/// What happened. `type` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub(crate) enum RealtimeEventBody {
    /// The first event.
    #[serde(rename = "session.created")]
    SessionCreated {
        /// What is in force.
        session: RealtimeSessionBody,
    },
    /// The answer to `session.update`.
    #[serde(rename = "session.updated")]
    SessionUpdated {
        /// What is in force.
        session: RealtimeSessionBody,
    },
    /// The first event, for clients of the older form.
    #[serde(rename = "transcription_session.created")]
    OldSessionCreated {
        /// What is in force.
        session: RealtimeSessionBody,
    },
    /// The answer to `transcription_session.update`.
    #[serde(rename = "transcription_session.updated")]
    OldSessionUpdated {
        /// What is in force.
        session: RealtimeSessionBody,
    },
    /// Somebody began to speak.
    #[serde(rename = "input_audio_buffer.speech_started")]
    SpeechStarted {
        /// From the first sample of the session.
        audio_start_ms: u64,
        /// The item that it becomes.
        item_id: String,
    },
    /// The speech is over.
    #[serde(rename = "input_audio_buffer.speech_stopped")]
    SpeechStopped {
        /// From the first sample of the session.
        audio_end_ms: u64,
        /// The item that it becomes.
        item_id: String,
    },
    /// The sound since the last item has become one.
    #[serde(rename = "input_audio_buffer.committed")]
    Committed {
        /// The one before; null for the first.
        previous_item_id: Option<String>,
        /// The item.
        item_id: String,
    },
    /// The sound since the last item is forgotten.
    #[serde(rename = "input_audio_buffer.cleared")]
    Cleared,
    /// There is an item; for clients of the older form.
    #[serde(rename = "conversation.item.created")]
    ItemCreated(RealtimeItemPlace),
    /// There is an item.
    #[serde(rename = "conversation.item.added")]
    ItemAdded(RealtimeItemPlace),
    /// It is whole.
    #[serde(rename = "conversation.item.done")]
    ItemDone(RealtimeItemPlace),
    /// More of an item's text, which stays.
    #[serde(rename = "conversation.item.input_audio_transcription.delta")]
    Delta {
        /// The item.
        item_id: String,
        /// Always 0: an item has one piece of sound.
        content_index: u32,
        /// What comes behind what was told.
        delta: String,
    },
    /// The whole text of an item.
    #[serde(rename = "conversation.item.input_audio_transcription.completed")]
    Completed {
        /// The item.
        item_id: String,
        /// Always 0.
        content_index: u32,
        /// Empty where it turned out that nobody spoke.
        transcript: String,
        /// How much sound that was.
        usage: RealtimeUsage,
    },
    /// An item has no text.
    #[serde(rename = "conversation.item.input_audio_transcription.failed")]
    Failed {
        /// The item.
        item_id: String,
        /// Always 0.
        content_index: u32,
        /// Why.
        error: OpenAiErrorBody,
    },
    /// Something could not be done; the session goes on unless it is closed.
    #[serde(rename = "error")]
    Error {
        /// Why.
        error: RealtimeErrorBody,
    },
}

/// An item and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RealtimeItemPlace {
    /// The one before; null for the first.
    previous_item_id: Option<String>,
    /// The item.
    item: RealtimeItem,
}

/// What somebody said, as a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RealtimeItem {
    id: String,
    object: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    role: &'static str,
    content: [RealtimeContent; 1],
}

/// The sound of an item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RealtimeContent {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Comes by itself.
    transcript: Option<String>,
}

/// How much sound was transcribed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RealtimeUsage {
    /// Always `duration`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// How long the sound is.
    pub(crate) seconds: f64,
}

/// An error, and which of the client's events it is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RealtimeErrorBody {
    /// In OpenAI's form.
    #[serde(flatten)]
    pub(crate) error: OpenAiErrorBody,
    /// The client's own name of its event, where it gave one.
    pub(crate) event_id: Option<String>,
}

impl From<RealtimeEventBody> for RealtimeEvent {
    fn from(body: RealtimeEventBody) -> Self {
        Self { event_id: format!("event_{}", RandomId::new()), body }
    }
}

impl RealtimeItemPlace {
    /// An item of sound behind another.
    pub(crate) fn new(item_id: String, previous_item_id: Option<String>) -> Self {
        let item = RealtimeItem {
            id: item_id,
            object: "realtime.item",
            kind: "message",
            status: "completed",
            role: "user",
            content: [RealtimeContent { kind: "input_audio", transcript: None }],
        };
        Self { previous_item_id, item }
    }
}
