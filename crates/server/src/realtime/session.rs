//! What is in force of what a realtime client may choose.

use crate::error::{ApiError, Refusal};
use crate::random_id::RandomId;
use crate::wire::{
    FlatSessionBody, NestedAudioBody, NestedInputBody, NestedSessionBody, OldRealtimeSessionUpdate, RealtimeFormat,
    RealtimeInputUpdate, RealtimeSessionBody, RealtimeSessionUpdate, RealtimeTranscription, RealtimeTurns,
};
use samovar_media::{LiveFormat, PcmEncoding};
use samovar_models::SpeechOptions;
use samovar_models::whisper::{DecodeOptions, Language};
use samovar_pipelines::{CallOptions, DetectedTurns, Turns};
use samovar_runtime::RunError;
use samovar_service::speech::language;

/// What is in force. Nothing of an update that is refused is.
#[derive(Clone, Debug)]
pub(super) struct RealtimeSession {
    pub(super) id: String,
    /// Whether its client speaks the older, flat form.
    pub(super) is_flat: bool,
    /// The model's configured name.
    pub(super) model: String,
    pub(super) language: Option<Language>,
    pub(super) prompt: Option<String>,
    hotwords: Vec<String>,
    encoding: PcmEncoding,
    rate_hz: u32,
    /// None: the client commits.
    turns: Option<ServerTurns>,
}

/// What ends an item.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ServerTurns {
    threshold: f32,
    prefix_padding_ms: u32,
    silence_duration_ms: u32,
}

const PCM_HZ: u32 = 24_000;
const TELEPHONE_HZ: u32 = 8_000;

impl Default for ServerTurns {
    fn default() -> Self {
        Self { threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500 }
    }
}

impl RealtimeSession {
    /// The defaults, with that model.
    pub(super) fn new(model: String, is_flat: bool) -> Self {
        Self {
            id: format!("sess_{}", RandomId::new()),
            is_flat,
            model,
            language: None,
            prompt: None,
            hotwords: Vec::new(),
            encoding: PcmEncoding::S16,
            rate_hz: PCM_HZ,
            turns: Some(ServerTurns::default()),
        }
    }

    /// With what is asked for.
    ///
    /// # Errors
    /// `invalid_option`, `unknown_language`, `text_too_long`.
    pub(super) fn updated(&self, update: RealtimeSessionUpdate) -> Result<Self, ApiError> {
        if update.kind.is_some_and(|kind| kind != "transcription") {
            return Err(option("sessions here only transcribe: `type` must be \"transcription\"").about("session.type"));
        }
        includes_nothing(update.include.as_deref())?;
        self.with_input(update.audio.input)
    }

    /// With what is asked for in the older form.
    ///
    /// # Errors
    /// Those of [`RealtimeSession::updated`].
    pub(super) fn updated_flat(&self, update: OldRealtimeSessionUpdate) -> Result<Self, ApiError> {
        includes_nothing(update.include.as_deref())?;
        let format = update.input_audio_format.as_deref().map(flat_format).transpose()?;
        let input = RealtimeInputUpdate {
            format,
            transcription: update.input_audio_transcription,
            turn_detection: update.turn_detection,
        };
        Ok(Self { is_flat: true, ..self.with_input(input)? })
    }

    fn with_input(&self, update: RealtimeInputUpdate) -> Result<Self, ApiError> {
        let mut next = self.clone();
        if let Some(format) = update.format {
            (next.encoding, next.rate_hz) = sound(&format)?;
        }
        if let Some(asked) = update.transcription {
            next.model = asked.model.unwrap_or(next.model);
            next.prompt = asked.prompt.map_or(next.prompt, |prompt| Some(prompt).filter(|prompt| !prompt.is_empty()));
            next.hotwords = asked.keywords.unwrap_or(next.hotwords);
            next.language = match asked.language.as_deref() {
                None => next.language,
                Some("") => None,
                Some(text) => Some(language(text)?),
            };
        }
        if let Some(asked) = update.turn_detection {
            next.turns = asked.map(|asked| turns(&asked)).transpose()?;
        }
        next.decode().validate().map_err(RunError::from)?;
        Ok(next)
    }

    /// How its sound is written.
    pub(super) const fn sound(&self) -> LiveFormat {
        LiveFormat::Pcm { encoding: self.encoding, rate_hz: self.rate_hz, channels: 1 }
    }

    /// Bytes of so much sound that it can hold a word: 100 ms.
    pub(super) const fn least_bytes(&self) -> usize {
        self.rate_hz as usize * self.encoding.bytes() / 10
    }

    /// Whether the client ends items, and nobody else.
    pub(super) const fn is_manual(&self) -> bool {
        self.turns.is_none()
    }

    /// Whether what cannot be changed once there is sound is as it is in the other.
    pub(super) fn hears_as(&self, other: &Self) -> bool {
        (&self.model, self.encoding, self.rate_hz, &self.hotwords)
            == (&other.model, other.encoding, other.rate_hz, &other.hotwords)
    }

    /// How it is heard; `options` has the defaults.
    pub(super) fn options(&self, mut options: CallOptions) -> CallOptions {
        (options.decode, options.turns) = (self.decode(), self.turns());
        (options.features, options.rules) = (false, None);
        options
    }

    /// What ends an item.
    pub(super) fn turns(&self) -> Turns {
        let Some(turns) = self.turns else { return Turns::Manual };
        let defaults = DetectedTurns::default();
        let speech = SpeechOptions {
            threshold: turns.threshold,
            padding_ms: turns.prefix_padding_ms,
            silence_min_ms: turns.silence_duration_ms,
            ..defaults.speech
        };
        Turns::Detected(DetectedTurns { speech, ..defaults })
    }

    fn decode(&self) -> DecodeOptions {
        DecodeOptions {
            language: self.language,
            prompt: self.prompt.clone(),
            hotwords: self.hotwords.clone(),
            ..DecodeOptions::default()
        }
    }

    /// As it is told.
    pub(super) fn body(&self) -> RealtimeSessionBody {
        let (id, object, include) = (self.id.clone(), "realtime.transcription_session", None);
        let (transcription, turn_detection) = (self.transcription(), self.turns.map(RealtimeTurns::from));
        if self.is_flat {
            return RealtimeSessionBody::Flat(FlatSessionBody {
                id,
                object,
                input_audio_format: self.flat_name(),
                input_audio_transcription: transcription,
                input_audio_noise_reduction: None,
                turn_detection,
                include,
            });
        }
        let input = NestedInputBody { format: self.format(), transcription, noise_reduction: None, turn_detection };
        let audio = NestedAudioBody { input };
        RealtimeSessionBody::Nested(NestedSessionBody { id, object, kind: "transcription", audio, include })
    }

    fn transcription(&self) -> RealtimeTranscription {
        RealtimeTranscription {
            model: Some(self.model.clone()),
            language: self.language.map(|language| language.code().to_owned()),
            prompt: self.prompt.clone(),
            keywords: Some(self.hotwords.clone()).filter(|words| !words.is_empty()),
        }
    }

    fn format(&self) -> RealtimeFormat {
        let (kind, rate) = match self.encoding {
            PcmEncoding::MuLaw => ("audio/pcmu", None),
            PcmEncoding::ALaw => ("audio/pcma", None),
            _ => ("audio/pcm", Some(self.rate_hz)),
        };
        RealtimeFormat { kind: kind.to_owned(), rate }
    }

    const fn flat_name(&self) -> &'static str {
        match self.encoding {
            PcmEncoding::MuLaw => "g711_ulaw",
            PcmEncoding::ALaw => "g711_alaw",
            _ => "pcm16",
        }
    }
}

impl From<ServerTurns> for RealtimeTurns {
    fn from(turns: ServerTurns) -> Self {
        Self {
            kind: "server_vad".to_owned(),
            threshold: Some(turns.threshold),
            prefix_padding_ms: Some(turns.prefix_padding_ms),
            silence_duration_ms: Some(turns.silence_duration_ms),
        }
    }
}

fn turns(asked: &RealtimeTurns) -> Result<ServerTurns, ApiError> {
    if asked.kind != "server_vad" {
        let error = option("turns are detected by pauses alone: send \"server_vad\", or null and commit yourself");
        return Err(error.about("session.audio.input.turn_detection.type"));
    }
    let defaults = ServerTurns::default();
    let turns = ServerTurns {
        threshold: asked.threshold.unwrap_or(defaults.threshold),
        prefix_padding_ms: asked.prefix_padding_ms.unwrap_or(defaults.prefix_padding_ms),
        silence_duration_ms: asked.silence_duration_ms.unwrap_or(defaults.silence_duration_ms),
    };
    let fits = (0.0..=1.0).contains(&turns.threshold)
        && turns.prefix_padding_ms <= 2_000
        && (100..=10_000).contains(&turns.silence_duration_ms);
    let error = || {
        option(
            "`threshold` must be from 0 to 1, `prefix_padding_ms` up to 2000, `silence_duration_ms` from 100 to 10000",
        )
        .about("session.audio.input.turn_detection")
    };
    fits.then_some(turns).ok_or_else(error)
}

fn sound(format: &RealtimeFormat) -> Result<(PcmEncoding, u32), ApiError> {
    match (format.kind.as_str(), format.rate) {
        ("audio/pcm", rate) => {
            let rate_hz = rate.unwrap_or(PCM_HZ);
            let fits = (TELEPHONE_HZ..=96_000).contains(&rate_hz);
            let error = || option("`rate` must be from 8000 to 96000").about("session.audio.input.format.rate");
            fits.then_some((PcmEncoding::S16, rate_hz)).ok_or_else(error)
        }
        ("audio/pcmu", None | Some(TELEPHONE_HZ)) => Ok((PcmEncoding::MuLaw, TELEPHONE_HZ)),
        ("audio/pcma", None | Some(TELEPHONE_HZ)) => Ok((PcmEncoding::ALaw, TELEPHONE_HZ)),
        _ => Err(option("sound is \"audio/pcm\", or \"audio/pcmu\" or \"audio/pcma\" at 8000")
            .about("session.audio.input.format.type")),
    }
}

fn flat_format(name: &str) -> Result<RealtimeFormat, ApiError> {
    let kind = match name {
        "pcm16" => "audio/pcm",
        "g711_ulaw" => "audio/pcmu",
        "g711_alaw" => "audio/pcma",
        _ => {
            return Err(
                option("sound is \"pcm16\", \"g711_ulaw\" or \"g711_alaw\"").about("session.input_audio_format")
            );
        }
    };
    Ok(RealtimeFormat { kind: kind.to_owned(), rate: None })
}

fn includes_nothing(include: Option<&[String]>) -> Result<(), ApiError> {
    let error = || option("log probabilities are not told here; leave `include` out").about("session.include");
    include.is_none_or(<[String]>::is_empty).then_some(()).ok_or_else(error)
}

fn option(detail: &'static str) -> ApiError {
    ApiError::new(Refusal::Option, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn updated(session: &RealtimeSession, update: Value) -> Result<RealtimeSession, ApiError> {
        session.updated(serde_json::from_value(update).unwrap())
    }

    #[test]
    fn what_is_left_out_stays_and_what_is_refused_changes_nothing() {
        let session = RealtimeSession::new("whisper".to_owned(), false);
        let german = json!({"type": "transcription", "audio": {"input": {"transcription": {"language": "German"}}}});
        let session = updated(&session, german).unwrap();
        assert_eq!(session.language.map(Language::code), Some("de"));
        let manual = updated(&session, json!({"audio": {"input": {"turn_detection": null}}})).unwrap();
        assert_eq!((manual.turns(), manual.language), (Turns::Manual, session.language));
        let telephone = json!({"audio": {"input": {"format": {"type": "audio/pcmu"}}}});
        let telephone = updated(&manual, telephone).unwrap();
        assert!(!telephone.hears_as(&manual) && telephone.turns() == Turns::Manual);
        let body = serde_json::to_value(telephone.body()).unwrap();
        assert_eq!(body["audio"]["input"]["format"], json!({"type": "audio/pcmu"}));
        assert_eq!((&body["type"], &body["audio"]["input"]["turn_detection"]), (&json!("transcription"), &Value::Null));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_field() {
        let session = RealtimeSession::new("whisper".to_owned(), false);
        let input = |input: Value| json!({"audio": {"input": input}});
        let vad = |field: &str, value: Value| input(json!({"turn_detection": {"type": "server_vad", field: value}}));
        for (update, field) in [
            (json!({"type": "realtime"}), "session.type"),
            (json!({"include": ["item.input_audio_transcription.logprobs"]}), "session.include"),
            (input(json!({"format": {"type": "audio/mp3"}})), "session.audio.input.format.type"),
            (input(json!({"format": {"type": "audio/pcm", "rate": 1}})), "session.audio.input.format.rate"),
            (input(json!({"turn_detection": {"type": "semantic_vad"}})), "session.audio.input.turn_detection.type"),
            (vad("threshold", json!(2.0)), "session.audio.input.turn_detection"),
            (vad("silence_duration_ms", json!(0)), "session.audio.input.turn_detection"),
        ] {
            assert_eq!(updated(&session, update).unwrap_err().field(), Some(field));
        }
        let klingon = input(json!({"transcription": {"language": "klingon"}}));
        assert_eq!(updated(&session, klingon).unwrap_err().code(), "unknown_language");
    }

    #[test]
    fn the_older_form_is_answered_in_the_older_form() {
        let session = RealtimeSession::new("whisper".to_owned(), false);
        let update = json!({"input_audio_format": "g711_alaw", "turn_detection": null});
        let session = session.updated_flat(serde_json::from_value(update).unwrap()).unwrap();
        let body = serde_json::to_value(session.body()).unwrap();
        assert_eq!((&body["input_audio_format"], &body["turn_detection"]), (&json!("g711_alaw"), &Value::Null));
        assert_eq!(body["input_audio_transcription"]["model"], "whisper");
    }
}
