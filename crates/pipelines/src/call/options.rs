//! What a live call is heard with, and what whoever opens it may choose.

use samovar_models::whisper::{DecodeOptions, Language, Transcriber};
use samovar_models::{SpeechOptions, VoiceDetector};
use samovar_runtime::{Call, Class, StreamKey};
use samovar_triage::CurrentRules;
use std::sync::Arc;
use std::time::Duration;

/// The models that hear a call. They may be loading still.
#[derive(Clone)]
pub struct CallModels {
    /// Hears words.
    pub transcriber: Transcriber,
    /// Hears whether somebody speaks. Without one a call is cut into windows of a fixed length.
    pub voices: Option<VoiceDetector>,
}

/// How a call is heard.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// How its final texts are decoded. Partials are greedy, tried once, without words.
    pub decode: DecodeOptions,
    /// What ends an utterance.
    pub turns: Turns,
    /// How much new sound there must be for another partial; none are made with zero. Default 500 ms.
    pub partial_every: Duration,
    /// Whether the voice is measured, once a second. Default true.
    pub features: bool,
    /// The rules that decide how urgent the call is; none decides nothing. Default none.
    pub rules: Option<Arc<CurrentRules>>,
    /// Sound that may wait to be heard, at least a second: for a model that loads, or a machine that is overloaded. What is older is lost, and told.
    /// Default 60 s.
    pub held_max: Duration,
    /// The terms of its runs: whose turn they take. A live call is a client of its own.
    pub caller: Call,
}

/// What ends an utterance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Turns {
    /// A pause, as the model that hears voices tells it.
    Detected(DetectedTurns),
    /// [`CallStream::commit`](super::CallStream::commit), and at the latest ten minutes.
    Manual,
}

/// How turns are detected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectedTurns {
    /// What counts as speech and as a pause. Default: a pause is 500 ms, and 200 ms around speech are heard with it; the rest is Silero's.
    pub speech: SpeechOptions,
    /// An utterance that lasts longer is cut, and the next one begins there. Default 60 s.
    pub utterance_max: Duration,
}

impl Default for DetectedTurns {
    fn default() -> Self {
        let speech = SpeechOptions { silence_min_ms: 500, padding_ms: 200, ..SpeechOptions::default() };
        Self { speech, utterance_max: Duration::from_secs(60) }
    }
}

impl CallOptions {
    /// The defaults, for a call by this connection.
    pub fn new(key: StreamKey) -> Self {
        Self {
            decode: DecodeOptions::default(),
            turns: Turns::Detected(DetectedTurns::default()),
            partial_every: Duration::from_millis(500),
            features: true,
            rules: None,
            held_max: Duration::from_secs(60),
            caller: Call::new(Class::Live, key),
        }
    }
}

/// What may be changed while a call goes on; none leaves it. It holds from the next window on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnChange {
    /// What is spoken; `Some(None)` detects it.
    pub language: Option<Option<Language>>,
    /// Text that might have come before.
    pub prompt: Option<Option<String>>,
    /// How much new sound there must be for another partial.
    pub partial_every: Option<Duration>,
    /// What ends an utterance. What is being said at that moment is ended by it.
    pub turns: Option<Turns>,
}
