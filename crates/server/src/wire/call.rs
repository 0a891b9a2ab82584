//! Calls that are kept, as JSON.

use super::{DistressBody, rfc3339};
use samovar_calls::{Call, CallDetail, CallTime, Decided, Features, Segment};
use samovar_triage::Decision;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};
use utoipa::ToSchema;

/// Calls, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(crate) object: &'static str,
    /// The calls, without more of what was said than how it begins.
    pub(crate) data: Vec<CallBody>,
    /// What to ask with, as `after`, for those that come behind; null where there are none.
    #[schema(example = "1041")]
    pub(crate) next: Option<String>,
}

/// A call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallBody {
    /// Its name.
    #[schema(example = "6f9619ff8b86d011b42d00c04fc964ff")]
    id: String,
    /// Always `call`.
    #[schema(example = "call")]
    object: &'static str,
    /// The key that it came with; where no keys are configured, the address.
    owner: String,
    /// `live` or `upload`.
    #[schema(example = "live")]
    origin: &'static str,
    /// `open`, `ended` or `interrupted`.
    #[schema(example = "ended")]
    state: &'static str,
    /// What its sender calls it.
    #[schema(example = "case 4711")]
    label: Option<String>,
    /// When it began (RFC 3339).
    #[schema(example = "2026-11-21T06:23:14.120Z")]
    began: String,
    /// When it ended.
    ended: Option<String>,
    /// Seconds of sound.
    duration_s: Option<f64>,
    /// What is spoken, as a code.
    #[schema(example = "en")]
    language: Option<String>,
    /// How urgent it is, `P1` to `P5`, by the newest decision.
    #[schema(example = "P1")]
    priority: Option<String>,
    /// What it is about, by the newest decision.
    #[schema(example = "fire")]
    category: Option<String>,
    /// Where its sound is, where it is kept.
    #[schema(example = "/v1/calls/6f9619ff8b86d011b42d00c04fc964ff/audio")]
    audio: Option<String>,
    /// Its first words; null where nothing was said.
    #[schema(example = "Hello, I need help. There is a fire in the kitchen.")]
    opening: Option<String>,
}

/// A call with everything that is kept of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallDetailBody {
    /// The call.
    #[serde(flatten)]
    call: CallBody,
    /// What was said, in the order of time.
    segments: Vec<KeptSegmentBody>,
    /// How it sounded, in the order of time. Measures of sound: none of them says what a person feels.
    features: Vec<KeptFeaturesBody>,
    /// What was decided, in the order of time; the last one stands.
    decisions: Vec<KeptDecisionBody>,
}

/// Something that was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeptSegmentBody {
    /// Seconds from the beginning.
    start_s: f64,
    /// Seconds from the beginning.
    end_s: f64,
    /// The words.
    text: String,
    /// What is spoken, as a code.
    language: Option<String>,
    /// The mean of its tokens' natural log probabilities.
    average_logprob: Option<f64>,
    /// How likely it is that nobody speaks, 0 to 1.
    no_speech_prob: Option<f64>,
}

/// How some seconds sounded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeptFeaturesBody {
    /// Their end, in seconds from the beginning.
    at_s: f64,
    /// How many they are.
    duration_s: f64,
    /// Figures by name.
    #[schema(value_type = std::collections::HashMap<String, f64>)]
    values: BTreeMap<String, f64>,
    /// What the figure `distress` is made of; null where nobody is heard, and in calls that were kept before it was written down.
    distress: Option<DistressBody>,
}

/// How urgent the call was at some time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeptDecisionBody {
    /// Seconds from the beginning.
    at_s: f64,
    /// The decision, with everything that triggered it.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    decision: Decision,
}

impl From<&Call> for CallBody {
    fn from(call: &Call) -> Self {
        Self {
            id: call.id.to_string(),
            object: "call",
            owner: call.owner.clone(),
            origin: call.origin.name(),
            state: call.state.name(),
            label: call.label.clone(),
            began: text(call.began),
            ended: call.ended.map(text),
            duration_s: call.duration_s,
            language: call.language.clone(),
            priority: call.priority.map(|priority| priority.to_string()),
            category: call.category.clone(),
            audio: call.audio.as_ref().map(|_| format!("/v1/calls/{}/audio", call.id)),
            opening: call.opening.clone(),
        }
    }
}

impl From<CallDetail> for CallDetailBody {
    fn from(detail: CallDetail) -> Self {
        Self {
            call: CallBody::from(&detail.call),
            segments: detail.segments.into_iter().map(KeptSegmentBody::from).collect(),
            features: detail.features.into_iter().map(KeptFeaturesBody::from).collect(),
            decisions: detail.decisions.into_iter().map(KeptDecisionBody::from).collect(),
        }
    }
}

impl CallDetailBody {
    /// About how many numbers it has.
    pub(crate) fn numbers(&self) -> usize {
        self.segments.len() * 8 + self.features.len() * 56 + self.decisions.len() * 16
    }
}

impl From<Segment> for KeptSegmentBody {
    fn from(segment: Segment) -> Self {
        let Segment { start_s, end_s, text, language, average_logprob, no_speech_prob } = segment;
        Self { start_s, end_s, text, language, average_logprob, no_speech_prob }
    }
}

impl From<Features> for KeptFeaturesBody {
    fn from(Features { at_s, duration_s, values, distress }: Features) -> Self {
        Self { at_s, duration_s, values, distress: distress.map(DistressBody::from) }
    }
}

impl From<Decided> for KeptDecisionBody {
    fn from(Decided { at_s, decision }: Decided) -> Self {
        Self { at_s, decision }
    }
}

fn text(time: CallTime) -> String {
    rfc3339(UNIX_EPOCH + Duration::from_millis(time.0))
}
