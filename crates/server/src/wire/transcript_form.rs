//! What is asked about a recording in a form of OpenAI's: its fields, one after the other, then all of them against each other.

use crate::error::{ApiError, Refusal};
use samovar_models::SpeechOptions;
use samovar_models::whisper::{DecodeOptions, Language, Timestamps};
use samovar_service::ServiceError;
use samovar_service::speech::{Chunking, language};
use serde::Deserialize;
use std::str::FromStr;
use utoipa::ToSchema;

/// What is asked about a recording.
#[derive(Debug, Default)]
pub(crate) struct TranscriptForm {
    /// The model's configured name.
    pub(crate) model: Option<String>,
    /// How the answer is written.
    pub(crate) format: TranscriptFormat,
    /// Whether it is told while it is heard.
    pub(crate) stream: bool,
    /// Whether it is told how likely each token is.
    pub(crate) logprobs: bool,
    /// Which times are told.
    pub(crate) times: Granularities,
    /// How long it may take.
    pub(crate) timeout_ms: Option<u64>,
    language: Option<Language>,
    prompt: Option<String>,
    temperature: f32,
    hotwords: Vec<String>,
    beams: Option<usize>,
    vad: VadFields,
}

/// The form as it is described; it is read field by field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is only described")]
pub(crate) struct TranscriptFormBody {
    /// The recording: WAV, FLAC, MP3, AAC, Ogg Vorbis; with the ffmpeg program also M4A, Opus, WebM and the sound of videos.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
    /// The configured name of a model that hears words. May be left out where there is only one.
    model: Option<String>,
    /// What is spoken: `en`. It is detected where left out.
    language: Option<String>,
    /// Text that might have come before: spelling and style follow it.
    prompt: Option<String>,
    /// `json`, `text`, `srt`, `verbose_json` or `vtt`; `json` where left out.
    response_format: Option<String>,
    /// 0 to 1; at 0, and where left out, it rises by itself where a text is not likely enough.
    temperature: Option<f32>,
    /// `segment` and `word`, in the format `verbose_json`.
    #[schema(rename = "timestamp_granularities[]")]
    timestamp_granularities: Option<Vec<String>>,
    /// Whether it is told while it is heard.
    stream: Option<bool>,
    /// `logprobs`: how likely each token is.
    #[schema(rename = "include[]")]
    include: Option<Vec<String>>,
    /// `auto`, or an object: `type` is `server_vad`, beside it `threshold`, `prefix_padding_ms` and `silence_duration_ms`.
    chunking_strategy: Option<String>,
    /// Words to expect; `hotwords[]` is the same.
    #[schema(rename = "keywords[]")]
    keywords: Option<Vec<String>>,
    /// Hypotheses that are followed, 1 to 16.
    beams: Option<u8>,
    /// How long it may take, in milliseconds; it only lowers the server's own limit.
    timeout_ms: Option<u64>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TranscriptFormat {
    #[default]
    Json,
    Text,
    Srt,
    VerboseJson,
    Vtt,
}

/// Which times are asked for; those of segments where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Granularities {
    segment: bool,
    word: bool,
}

/// `chunking_strategy`, as text, as JSON, or with a field for each of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct VadFields {
    #[serde(rename = "type")]
    kind: Option<String>,
    prefix_padding_ms: Option<u32>,
    silence_duration_ms: Option<u32>,
    threshold: Option<f32>,
}

/// The fields that are taken.
const FIELDS: &str = "`file`, `model`, `language`, `prompt`, `response_format`, `temperature`, `timestamp_granularities[]`, `stream`, \
    `include[]`, `chunking_strategy`, `keywords[]`, `hotwords[]`, `beams` and `timeout_ms`";

impl TranscriptForm {
    /// Takes a field in. One that is there twice holds as it was said last.
    ///
    /// # Errors
    /// `invalid_option`, `unsupported_option`, `unknown_language` and `invalid_body` for a field that is not taken, each about its field.
    pub(crate) fn set(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        let name = name.trim_end_matches("[]");
        if let Some(field) = name.strip_prefix("chunking_strategy[").and_then(|rest| rest.strip_suffix(']')) {
            return self.vad.set(field, value);
        }
        match name {
            "model" => self.model = given(value),
            "language" | "languages" => self.set_language(&value)?,
            "prompt" => self.prompt = given(value),
            "response_format" => self.format = TranscriptFormat::parse(&value)?,
            "temperature" => self.temperature = number(&value, "temperature")?,
            "timestamp_granularities" => self.times.add(&value)?,
            "stream" => self.stream = truth(&value, "stream")?,
            "include" => self.include(&value)?,
            "chunking_strategy" => self.vad = VadFields::parse(value)?,
            "keywords" | "hotwords" => self.hotwords.extend(given(value)),
            "beams" => self.beams = Some(number(&value, "beams")?),
            "timeout_ms" => self.timeout_ms = Some(number(&value, "timeout_ms")?),
            _ => return Err(not_taken(name)),
        }
        Ok(())
    }

    /// Whether what is asked for goes together.
    ///
    /// # Errors
    /// `invalid_option`, about the field that cannot be beside another.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.times != Granularities::default() && self.format != TranscriptFormat::VerboseJson {
            return Err(invalid("timestamp_granularities", "times are told in the format `verbose_json` alone"));
        }
        if self.stream && matches!(self.format, TranscriptFormat::Srt | TranscriptFormat::Vtt) {
            return Err(invalid(
                "response_format",
                "a stream of events has the format `json`, `text` or `verbose_json`",
            ));
        }
        if self.logprobs && !matches!(self.format, TranscriptFormat::Json | TranscriptFormat::VerboseJson) {
            return Err(invalid("include", "`logprobs` are told in the formats `json` and `verbose_json` alone"));
        }
        if !(0.0..=1.0).contains(&self.temperature) {
            return Err(invalid("temperature", "`temperature` is 0 to 1"));
        }
        Ok(())
    }

    /// How the recording is heard.
    pub(crate) fn decode_options(&self, translate: bool) -> DecodeOptions {
        let default = DecodeOptions::default();
        DecodeOptions {
            language: self.language,
            translate,
            beams: self.beams.unwrap_or(default.beams),
            temperatures: if self.temperature > 0.0 { vec![self.temperature] } else { default.temperatures.clone() },
            prompt: self.prompt.clone(),
            hotwords: self.hotwords.clone(),
            timestamps: if self.times.word { Timestamps::Word } else { Timestamps::Segment },
            ..default
        }
    }

    /// Whether it depends on a voice model in which pieces it is heard.
    pub(crate) fn asks_for_voices(&self) -> bool {
        self.vad.kind.as_deref() == Some("auto")
    }

    /// In which pieces. `auto` leaves that to the server, which hears only speech where it `has_voices`.
    ///
    /// # Errors
    /// `invalid_option`, about `chunking_strategy`.
    pub(crate) fn chunking(&self, has_voices: bool) -> Result<Chunking, ApiError> {
        let options = SpeechOptions {
            // Those of OpenAI's `server_vad`.
            threshold: self.vad.threshold.unwrap_or(0.5),
            silence_min_ms: self.vad.silence_duration_ms.unwrap_or(200),
            padding_ms: self.vad.prefix_padding_ms.unwrap_or(300),
            ..SpeechOptions::default()
        };
        match self.vad.kind.as_deref() {
            None if self.vad.is_empty() => Ok(Chunking::Windows),
            Some("auto") if self.vad.is_empty() => {
                Ok(if has_voices { Chunking::Speech(options) } else { Chunking::Windows })
            }
            Some("server_vad") => {
                options.validate().map_err(|error| ApiError::from(error).about("chunking_strategy"))?;
                Ok(Chunking::Speech(options))
            }
            _ => Err(invalid(
                "chunking_strategy",
                "`chunking_strategy` is `auto`, or an object whose `type` is `server_vad`",
            )),
        }
    }

    fn set_language(&mut self, value: &str) -> Result<(), ApiError> {
        let Some(value) = given(value.to_owned()) else { return Ok(()) };
        let found = language(&value)?;
        if self.language.is_some_and(|before| before != found) {
            return Err(unsupported(
                "languages",
                "one language is heard in a recording; leave them out, and it is detected",
            ));
        }
        self.language = Some(found);
        Ok(())
    }

    fn include(&mut self, value: &str) -> Result<(), ApiError> {
        if value != "logprobs" {
            return Err(invalid("include", "`include[]` may be `logprobs`"));
        }
        self.logprobs = true;
        Ok(())
    }
}

impl TranscriptFormat {
    fn parse(value: &str) -> Result<Self, ApiError> {
        match value {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            "srt" => Ok(Self::Srt),
            "verbose_json" => Ok(Self::VerboseJson),
            "vtt" => Ok(Self::Vtt),
            "diarized_json" => Err(unsupported("response_format", "it is not told who speaks; ask for `verbose_json`")),
            _ => Err(invalid("response_format", "`response_format` is `json`, `text`, `srt`, `verbose_json` or `vtt`")),
        }
    }
}

impl Granularities {
    /// Whether segments are told.
    pub(crate) const fn segments(self) -> bool {
        self.segment || !self.word
    }

    /// Whether words are told.
    pub(crate) const fn words(self) -> bool {
        self.word
    }

    fn add(&mut self, value: &str) -> Result<(), ApiError> {
        match value {
            "segment" => self.segment = true,
            "word" => self.word = true,
            _ => {
                return Err(invalid(
                    "timestamp_granularities",
                    "`timestamp_granularities[]` may be `segment` and `word`",
                ));
            }
        }
        Ok(())
    }
}

impl VadFields {
    /// `auto`, or the object as JSON.
    fn parse(value: String) -> Result<Self, ApiError> {
        if !value.trim_start().starts_with('{') {
            return Ok(Self { kind: given(value), ..Self::default() });
        }
        let refused = |_| {
            invalid(
                "chunking_strategy",
                "`chunking_strategy` takes `type`, `prefix_padding_ms`, `silence_duration_ms` and `threshold`",
            )
        };
        serde_json::from_str(&value).map_err(refused)
    }

    fn set(&mut self, field: &str, value: String) -> Result<(), ApiError> {
        const NAME: &str = "chunking_strategy";
        match field {
            "type" => self.kind = given(value),
            "prefix_padding_ms" => self.prefix_padding_ms = Some(number(&value, NAME)?),
            "silence_duration_ms" => self.silence_duration_ms = Some(number(&value, NAME)?),
            "threshold" => self.threshold = Some(number(&value, NAME)?),
            _ => return Err(invalid(NAME, "`chunking_strategy` has no such field")),
        }
        Ok(())
    }

    const fn is_empty(&self) -> bool {
        self.prefix_padding_ms.is_none() && self.silence_duration_ms.is_none() && self.threshold.is_none()
    }
}

/// Programs that have nothing to say about a field send it empty.
fn given(value: String) -> Option<String> {
    (!value.trim().is_empty()).then_some(value)
}

fn truth(value: &str, field: &'static str) -> Result<bool, ApiError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(invalid(field, format!("`{field}` is `true` or `false`"))),
    }
}

fn number<T: FromStr>(value: &str, field: &'static str) -> Result<T, ApiError> {
    value.trim().parse().map_err(|_| invalid(field, format!("`{field}` is not such a number")))
}

fn invalid(field: &'static str, detail: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ServiceError::invalid("invalid_option", detail).about(field).into()
}

fn unsupported(field: &'static str, detail: &'static str) -> ApiError {
    ServiceError::invalid("unsupported_option", detail).about(field).into()
}

/// What OpenAI has and Samovar has not is told by its name; a name that nobody has is told back only if it is plain.
fn not_taken(name: &str) -> ApiError {
    match name {
        "known_speaker_names" => unsupported("known_speaker_names", "speakers are not told apart"),
        "known_speaker_references" => unsupported("known_speaker_references", "speakers are not told apart"),
        _ => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            let shown = (name.len() <= 64 && !name.is_empty() && name.bytes().all(plain)).then_some(name);
            let named =
                shown.map_or_else(|| "there is no such field".to_owned(), |name| format!("there is no field `{name}`"));
            ApiError::new(Refusal::Body, format!("{named}; there are {FIELDS}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<TranscriptForm, ApiError> {
        let mut form = TranscriptForm::default();
        fields.iter().try_for_each(|(name, value)| form.set(name, (*value).to_owned()))?;
        form.check()?;
        form.chunking(true)?;
        Ok(form)
    }

    #[test]
    fn what_openais_clients_send_is_taken() {
        let form = form(&[
            ("model", "whisper"),
            ("chunking_strategy[type]", "server_vad"),
            ("chunking_strategy[threshold]", "0.25"),
            ("include[]", "logprobs"),
            ("keywords[]", "Mill Road"),
            ("keywords[]", "ambulance"),
            ("languages[]", "English"),
            ("language", "en"),
            ("prompt", ""),
            ("response_format", "verbose_json"),
            ("stream", "False"),
            ("temperature", "0.2"),
            ("timestamp_granularities[]", "word"),
        ])
        .unwrap();
        let options = form.decode_options(true);
        assert_eq!((form.model.as_deref(), form.stream, form.logprobs), (Some("whisper"), false, true));
        assert_eq!((options.language, options.translate, options.prompt), (Some(Language::ENGLISH), true, None));
        assert_eq!((options.temperatures, options.timestamps), (vec![0.2], Timestamps::Word));
        assert_eq!(options.hotwords, ["Mill Road", "ambulance"]);
        assert_eq!((form.times.segments(), form.times.words()), (false, true));
        let Ok(Chunking::Speech(speech)) = form.chunking(false) else { panic!("by voices") };
        assert_eq!((speech.threshold, speech.silence_min_ms, speech.padding_ms), (0.25, 200, 300));
    }

    #[test]
    fn auto_takes_what_the_server_has() {
        let auto = form(&[("chunking_strategy", "auto")]).unwrap();
        assert!(matches!(auto.chunking(true), Ok(Chunking::Speech(_))));
        assert_eq!(auto.chunking(false).unwrap(), Chunking::Windows);
        assert_eq!(form(&[]).unwrap().chunking(true).unwrap(), Chunking::Windows);
        let json = form(&[("chunking_strategy", "{\"type\": \"server_vad\", \"silence_duration_ms\": 7}")]).unwrap();
        assert!(matches!(json.chunking(true), Ok(Chunking::Speech(speech)) if speech.silence_min_ms == 7));
        let plain = form(&[("temperature", "0")]).unwrap().decode_options(false);
        assert_eq!(plain, DecodeOptions::default(), "0 leaves the falling back to the model");
    }

    #[test]
    fn what_cannot_be_is_told_with_its_field() {
        type Fields = &'static [(&'static str, &'static str)];
        let cases: &[(Fields, &str, Option<&str>)] = &[
            (&[("response_format", "yaml")], "invalid_option", Some("response_format")),
            (&[("response_format", "diarized_json")], "unsupported_option", Some("response_format")),
            (&[("known_speaker_names[]", "ada")], "unsupported_option", Some("known_speaker_names")),
            (&[("known_speaker_references[]", "data:")], "unsupported_option", Some("known_speaker_references")),
            (&[("languages[]", "en"), ("languages[]", "de")], "unsupported_option", Some("languages")),
            (&[("language", "klingon")], "unknown_language", Some("language")),
            (&[("temperature", "1.5")], "invalid_option", Some("temperature")),
            (&[("temperature", "NaN")], "invalid_option", Some("temperature")),
            (&[("temperature", "warm")], "invalid_option", Some("temperature")),
            (&[("stream", "perhaps")], "invalid_option", Some("stream")),
            (&[("stream", "true"), ("response_format", "vtt")], "invalid_option", Some("response_format")),
            (&[("include[]", "everything")], "invalid_option", Some("include")),
            (&[("include[]", "logprobs"), ("response_format", "srt")], "invalid_option", Some("include")),
            (&[("timestamp_granularities[]", "word")], "invalid_option", Some("timestamp_granularities")),
            (&[("timestamp_granularities[]", "letter")], "invalid_option", Some("timestamp_granularities")),
            (&[("chunking_strategy", "thirds")], "invalid_option", Some("chunking_strategy")),
            (&[("chunking_strategy", "{\"kind\": 1}")], "invalid_option", Some("chunking_strategy")),
            (
                &[("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "7")],
                "invalid_option",
                Some("chunking_strategy"),
            ),
            (&[("chunking_strategy[threshold]", "0.5")], "invalid_option", Some("chunking_strategy")),
            (&[("chunking_strategy[x]", "1")], "invalid_option", Some("chunking_strategy")),
            (&[("beams", "-1")], "invalid_option", Some("beams")),
            (&[("timeout_ms", "")], "invalid_option", Some("timeout_ms")),
            (&[("tempreature", "1")], "invalid_body", None),
        ];
        for (fields, code, field) in cases {
            let error = form(fields).unwrap_err();
            assert_eq!((error.code(), error.field(), error.status().as_u16()), (*code, *field, 400), "{fields:?}");
        }
        assert!(
            form(&[("tempreature", "1")])
                .unwrap_err()
                .sentence()
                .starts_with("there is no field `tempreature`; there are `file`")
        );
        assert!(form(&[("a\nb", "1")]).unwrap_err().sentence().starts_with("there is no such field; "));
    }
}
