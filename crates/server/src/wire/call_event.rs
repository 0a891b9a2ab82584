//! Messages of a live call as JSON: events out, control messages in.

use super::{DistressBody, StreamProblem, ms};
use crate::call_query::{CallFormat, audio_error};
use crate::error::ApiError;
use samovar_acoustics::VoiceFigures;
use samovar_models::whisper::{Language, Segment, Timestamps, Word};
use samovar_pipelines::{CallEvent, CallOptions, Turns};
use samovar_triage::Decision;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;

/// An event of a live call. `type` tells which. All times are seconds from the first sample of the call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum CallEventBody {
    /// Sound is taken in from now on, whether the models are loaded or not.
    Ready(CallReadyBody),
    /// Somebody began to speak.
    SpeechStarted {
        /// Counted from 0 within the call.
        utterance: u64,
        /// Where the speech begins.
        at_s: f64,
    },
    /// The speech is over; its final text follows.
    SpeechStopped {
        /// Which.
        utterance: u64,
        /// Where the speech ends.
        at_s: f64,
    },
    /// What an utterance that goes on sounds like so far.
    Partial {
        /// Which.
        utterance: u64,
        /// Where the utterance begins.
        start_s: f64,
        /// Up to where it was heard.
        end_s: f64,
        /// The whole text so far.
        text: String,
        /// The beginning of `text` that two hypotheses in a row agreed on: it stays in every later partial.
        stable: String,
        /// What is spoken, as a code.
        #[schema(value_type = Option<String>, example = "en")]
        language: Option<&'static str>,
        /// From the arrival of the sound at `end_s` to this text.
        latency_ms: f64,
    },
    /// What was said in an utterance. It does not change any more.
    Final(CallFinalBody),
    /// What the last seconds sound like. Measures of sound: none of them says what a person feels.
    Features(CallFeaturesBody),
    /// How urgent the call is, whenever that or its reasons change.
    Triage {
        /// The stream's name.
        stream: String,
        /// How much of the call was heard by then.
        at_s: f64,
        /// The decision, with everything that triggered it.
        #[serde(flatten)]
        #[schema(value_type = Object)]
        decision: Decision,
    },
    /// The speech model is being loaded: sound is held, everything else goes on.
    ModelWaiting,
    /// The speech model is there, and what was held is caught up with.
    ModelReady {
        /// How much of the call that is.
        behind_s: f64,
    },
    /// There is no model that hears voices: the call is cut into pieces of a fixed length.
    NoVoiceModel,
    /// This part of the call was not transcribed: more sound waited than may be held.
    Lost {
        /// Where it begins.
        from_s: f64,
        /// Where it ends.
        to_s: f64,
    },
    /// What is in force from the next utterance on: the answer to an options message.
    Options(CallOptionsBody),
    /// Something could not be done; the call goes on unless it is closed.
    Error {
        /// The utterance that has no text for it, where it concerns one.
        #[serde(skip_serializing_if = "Option::is_none")]
        utterance: Option<u64>,
        /// What went wrong.
        #[serde(flatten)]
        problem: StreamProblem,
    },
    /// The last event; the server closes with 1000.
    Ended {
        /// The stream's name.
        stream: String,
        /// How long the call was.
        heard_s: f64,
    },
}

/// How a call begins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallReadyBody {
    /// The stream's name at `/v1/streams`.
    pub(crate) stream: String,
    /// The call's name at `/v1/calls`; null where it is not kept.
    pub(crate) call: Option<String>,
    /// The configured name of the model that hears words.
    pub(crate) model: String,
    /// Where that model is in its life.
    #[schema(example = "ready")]
    pub(crate) model_state: &'static str,
    /// The model that hears voices.
    pub(crate) voice_model: Option<String>,
    /// What the binary messages hold.
    pub(crate) format: CallFormat,
    /// From the request to this event.
    pub(crate) open_ms: f64,
    /// What is in force.
    pub(crate) options: CallOptionsBody,
}

/// What is in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CallOptionsBody {
    /// What is spoken, as a code; null finds it out.
    #[schema(value_type = Option<String>, example = "en")]
    pub(crate) language: Option<&'static str>,
    /// Text that might have come before.
    pub(crate) prompt: Option<String>,
    /// A partial text after so much new sound; 0: none.
    pub(crate) partial_ms: u64,
    /// A pause of so many milliseconds ends an utterance.
    pub(crate) silence_ms: u32,
    /// Whether final texts have the times of their words.
    pub(crate) words: bool,
    /// Whether the voice is measured.
    pub(crate) features: bool,
}

/// What was said in an utterance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallFinalBody {
    /// The stream's name.
    pub(crate) stream: String,
    /// Counted from 0 within the call.
    pub(crate) utterance: u64,
    /// Where the utterance begins.
    pub(crate) start_s: f64,
    /// Where it ends.
    pub(crate) end_s: f64,
    /// The whole text; empty where it turned out that nobody spoke.
    pub(crate) text: String,
    /// Its pieces.
    pub(crate) segments: Vec<CallSegmentBody>,
    /// What is spoken, as a code.
    #[schema(value_type = Option<String>, example = "en")]
    pub(crate) language: Option<&'static str>,
    /// The mean of its tokens' natural log probabilities.
    pub(crate) average_logprob: f32,
    /// How likely it is that nobody speaks, 0 to 1.
    pub(crate) no_speech_prob: f32,
    /// Whether it takes something back that a partial told as stable.
    pub(crate) revised: bool,
    /// From the arrival of its last sound to this text.
    pub(crate) latency_ms: f64,
}

/// A piece of what was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallSegmentBody {
    /// Where it begins.
    start_s: f64,
    /// Where it ends.
    end_s: f64,
    /// Its text.
    text: String,
    /// Its words, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<CallWordBody>,
}

/// A word and where it sounds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallWordBody {
    /// The word, with its punctuation.
    word: String,
    /// Where it begins.
    start_s: f64,
    /// Where it ends.
    end_s: f64,
    /// How likely its tokens were on average, 0 to 1.
    probability: f32,
}

/// What the last seconds sound like.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallFeaturesBody {
    /// The end of those seconds.
    at_s: f64,
    /// How many they are.
    duration_s: f64,
    /// Figures by name; what cannot be told, as the pitch of silence, is absent.
    #[schema(value_type = std::collections::HashMap<String, f64>)]
    values: BTreeMap<&'static str, f64>,
    /// A score and what it is made of; null where nobody is heard.
    distress: Option<DistressBody>,
}

/// A message from the client. Unknown types and fields are answered with an error event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum CallControl {
    /// No more sound comes: the rest is told, then `ended`, and the server closes.
    End,
    /// Other options from the next utterance on; what is left out stays as it is.
    Options {
        /// A code or an English name; an empty one finds it out.
        language: Option<String>,
        /// Text that might have come before; an empty one takes it away.
        prompt: Option<String>,
        /// 0, or from 100 to 60,000.
        partial_ms: Option<u32>,
        /// From 100 to 10,000. What is being said at that moment is ended by it.
        silence_ms: Option<u32>,
    },
}

impl CallEventBody {
    /// As it is told of the stream of that name.
    pub(crate) fn new(event: CallEvent, stream: impl FnOnce() -> String) -> Self {
        match event {
            CallEvent::SpeechStarted { utterance, at_s } => Self::SpeechStarted { utterance, at_s: rounded(at_s) },
            CallEvent::SpeechStopped { utterance, at_s } => Self::SpeechStopped { utterance, at_s: rounded(at_s) },
            CallEvent::Partial { utterance, start_s, end_s, text, stable_bytes, language, latency } => Self::Partial {
                utterance,
                start_s: rounded(start_s),
                end_s: rounded(end_s),
                stable: text.get(..stable_bytes).unwrap_or_default().to_owned(),
                text,
                language: language.map(Language::code),
                latency_ms: ms(latency),
            },
            CallEvent::Final {
                utterance,
                start_s,
                end_s,
                segments,
                language,
                average_logprob,
                no_speech_prob,
                is_revised,
                latency,
            } => Self::Final(CallFinalBody {
                stream: stream(),
                utterance,
                start_s: rounded(start_s),
                end_s: rounded(end_s),
                text: whole_text(&segments),
                segments: segments.iter().map(CallSegmentBody::new).collect(),
                language: language.map(Language::code),
                average_logprob,
                no_speech_prob,
                revised: is_revised,
                latency_ms: ms(latency),
            }),
            CallEvent::Features(figures) => Self::Features(CallFeaturesBody::from(&figures)),
            CallEvent::Triage { at_s, decision } => Self::Triage { stream: stream(), at_s: rounded(at_s), decision },
            CallEvent::ModelWaiting => Self::ModelWaiting,
            CallEvent::ModelReady { behind_s } => Self::ModelReady { behind_s: rounded(behind_s) },
            CallEvent::NoVoiceModel => Self::NoVoiceModel,
            CallEvent::Lost { from_s, to_s } => Self::Lost { from_s: rounded(from_s), to_s: rounded(to_s) },
            CallEvent::Error { utterance, error } => Self::failed(utterance, &error.into()),
            CallEvent::AudioFailed(error) => Self::failed(None, &audio_error(&error)),
            CallEvent::Ended { heard_s } => Self::Ended { stream: stream(), heard_s: rounded(heard_s) },
        }
    }

    /// Something could not be done.
    pub(crate) fn failed(utterance: Option<u64>, error: &ApiError) -> Self {
        Self::Error { utterance, problem: error.stream_problem(None) }
    }
}

impl CallOptionsBody {
    /// Milliseconds, as they are told.
    pub(crate) fn whole_ms(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }
}

impl From<&CallOptions> for CallOptionsBody {
    fn from(options: &CallOptions) -> Self {
        let decode = &options.decode;
        Self {
            language: decode.language.map(Language::code),
            prompt: decode.prompt.clone(),
            partial_ms: Self::whole_ms(options.partial_every),
            silence_ms: match options.turns {
                Turns::Detected(turns) => turns.speech.silence_min_ms,
                Turns::Manual => 0,
            },
            words: decode.timestamps == Timestamps::Word,
            features: options.features,
        }
    }
}

/// What is said in these pieces, without space at its ends.
pub(crate) fn whole_text(segments: &[Segment]) -> String {
    let all: String = segments.iter().map(|segment| segment.text.as_str()).collect();
    all.trim().to_owned()
}

impl CallSegmentBody {
    fn new(segment: &Segment) -> Self {
        Self {
            start_s: rounded(segment.start_s),
            end_s: rounded(segment.end_s),
            text: segment.text.trim().to_owned(),
            words: segment.words.iter().map(CallWordBody::new).collect(),
        }
    }
}

impl CallWordBody {
    fn new(word: &Word) -> Self {
        Self {
            word: word.text.trim().to_owned(),
            start_s: rounded(word.start_s),
            end_s: rounded(word.end_s),
            probability: word.probability,
        }
    }
}

impl From<&VoiceFigures> for CallFeaturesBody {
    fn from(figures: &VoiceFigures) -> Self {
        Self {
            at_s: figures.at_s,
            duration_s: figures.duration_s,
            values: figures.values.clone(),
            distress: figures.distress.as_ref().map(DistressBody::from),
        }
    }
}

/// Seconds with three decimals.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
