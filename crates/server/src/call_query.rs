//! What a client may choose about a live call, by query or by control message.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use samovar_media::{AudioError, ChannelChoice, FfmpegProgram, LiveCoding, LiveFormat, PcmEncoding};
use samovar_models::VoiceDetector;
use samovar_models::whisper::{DecodeOptions, Language, Timestamps};
use samovar_pipelines::{CallModels, CallOptions, DetectedTurns, Turns};
use samovar_runtime::{RunError, RunErrorKind};
use samovar_service::speech::language;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

/// What a client may choose. Unknown names are refused.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallQuery {
    /// The model that hears words, by its configured name; without it the configured one, or the only Whisper.
    #[param(example = "whisper")]
    model: Option<String>,
    /// The model that hears where somebody speaks; without it the configured or the only one. An empty one means: without, and the call
    /// is cut into pieces of a fixed length.
    #[param(example = "silero-vad")]
    voice_model: Option<String>,
    /// What is spoken, as a code or an English name; found out where left out.
    #[param(example = "en")]
    language: Option<String>,
    /// What the binary messages hold; `pcm16` where left out.
    format: Option<CallFormat>,
    /// Samples per second of plain samples: 16,000 where left out, of `mulaw` and `alaw` 8,000. Coded streams tell it themselves.
    #[param(example = 16_000)]
    rate_hz: Option<u32>,
    /// Channels of plain samples, interleaved; 1 where left out.
    #[param(example = 1)]
    channels: Option<u16>,
    /// Which channel is heard, from 0; their mean where left out.
    #[param(example = 0)]
    channel: Option<u16>,
    /// A partial text after so much new sound, 100 to 60,000 ms; 500 where left out, none with 0.
    #[param(example = 500)]
    partial_ms: Option<u32>,
    /// A pause of so many milliseconds ends an utterance, 100 to 10,000; 500 where left out.
    #[param(example = 500)]
    silence_ms: Option<u32>,
    /// Text that might have come before: names and spelling follow it.
    prompt: Option<String>,
    /// Words to expect, separated by commas.
    #[param(example = "Mill Road,insulin")]
    hotwords: Option<String>,
    /// Whether final texts have the times of their words.
    words: Option<bool>,
    /// Whether the voice is measured once a second; it is where left out.
    features: Option<bool>,
    /// What the sender calls the call: the number of a case.
    #[param(example = "case 4711")]
    label: Option<String>,
    /// Whether the call is kept, where the server keeps calls; it is where left out.
    store: Option<bool>,
}

/// What the binary messages of a call hold. Chunks may be cut anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallFormat {
    /// 16-bit integers, little-endian.
    #[default]
    Pcm16,
    /// 32-bit floating point, little-endian, full scale is ±1.
    PcmF32,
    /// G.711 µ-law.
    Mulaw,
    /// G.711 A-law.
    Alaw,
    /// WebM, as browsers record it.
    Webm,
    /// Ogg with Opus or Vorbis.
    Ogg,
    /// Bare packets of Opus, one in each message.
    Opus,
}

/// The longest label, in bytes.
const LABEL_BYTES_MAX: usize = 200;

impl CallQuery {
    /// What the call is kept as; none: it is not to be kept.
    pub(crate) fn label(&self) -> Option<Option<String>> {
        (self.store != Some(false)).then(|| self.label.clone())
    }

    /// What is in force at the beginning.
    pub(crate) fn format(&self) -> CallFormat {
        self.format.unwrap_or_default()
    }

    /// The models that are to hear.
    pub(crate) async fn models(&self, app: &App) -> Result<CallModels, ApiError> {
        let deadline = app.deadline(None);
        let transcriber = app.speech.transcriber(self.model.as_deref(), deadline).await?;
        let voices = match self.voice_model.as_deref() {
            None => app.speech.voice_detector(&transcriber, deadline).await?,
            Some("") => None,
            Some(name) => Some(VoiceDetector::new(app.model(name)?)),
        };
        Ok(CallModels { transcriber, voices })
    }

    /// How it is heard; `options` has the defaults.
    pub(crate) fn options(&self, mut options: CallOptions, app: &App) -> Result<CallOptions, ApiError> {
        options.decode = self.decode()?;
        options.partial_every = partial_every(self.partial_ms)?.unwrap_or(options.partial_every);
        options.turns = Turns::Detected(turns(self.silence_ms)?);
        options.features = self.features.unwrap_or(true);
        options.rules = Some(Arc::clone(&app.rules));
        Ok(options)
    }

    /// Which channel is heard.
    pub(crate) fn channel(&self) -> ChannelChoice {
        self.channel.map_or(ChannelChoice::Mean, ChannelChoice::One)
    }

    /// What the messages hold, and the place of its decoder.
    ///
    /// # Errors
    /// `decoder_missing`, `too_many_streams`.
    pub(crate) fn sound(&self, app: &App) -> Result<(LiveFormat, Option<OwnedSemaphorePermit>), ApiError> {
        match self.format().coding() {
            Ok(encoding) => Ok((self.plain(encoding), None)),
            Err(coding) => {
                let (program, place) = decoder(app)?;
                Ok((LiveFormat::Coded { coding, program }, Some(place)))
            }
        }
    }

    fn plain(&self, encoding: PcmEncoding) -> LiveFormat {
        let rate_hz = self.rate_hz.unwrap_or(if encoding.bytes() == 1 { 8_000 } else { 16_000 });
        LiveFormat::Pcm { encoding, rate_hz, channels: self.channels.unwrap_or(1) }
    }

    fn decode(&self) -> Result<DecodeOptions, ApiError> {
        let hotwords = self.hotwords.iter().flat_map(|words| words.split(',')).map(str::trim);
        let options = DecodeOptions {
            language: self.language.as_deref().map(language).transpose()?,
            prompt: self.prompt.clone(),
            hotwords: hotwords.filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            timestamps: if self.words == Some(true) { Timestamps::Word } else { Timestamps::Segment },
            ..DecodeOptions::default()
        };
        options.validate().map_err(RunError::from)?;
        Ok(options)
    }

    /// Refuses what no call can be, before any model is looked at.
    fn check(&self) -> Result<(), ApiError> {
        self.decode()?;
        partial_every(self.partial_ms)?;
        turns(self.silence_ms)?;
        let is_coded = self.format().coding().is_err();
        if is_coded && (self.rate_hz.is_some() || self.channels.is_some()) {
            return Err(option("`rate_hz` and `channels` are for plain samples; a coded stream tells them itself"));
        }
        let is_label =
            |label: &String| (1..=LABEL_BYTES_MAX).contains(&label.len()) && !label.chars().any(char::is_control);
        if !self.label.as_ref().is_none_or(is_label) {
            return Err(option("`label` must have 1 to 200 bytes and no control characters"));
        }
        Ok(())
    }
}

impl CallFormat {
    /// Plain samples, or a coded stream.
    const fn coding(self) -> Result<PcmEncoding, LiveCoding> {
        match self {
            Self::Pcm16 => Ok(PcmEncoding::S16),
            Self::PcmF32 => Ok(PcmEncoding::F32),
            Self::Mulaw => Ok(PcmEncoding::MuLaw),
            Self::Alaw => Ok(PcmEncoding::ALaw),
            Self::Webm => Err(LiveCoding::WebM),
            Self::Ogg => Err(LiveCoding::Ogg),
            Self::Opus => Err(LiveCoding::OpusPackets),
        }
    }
}

/// How much new sound there must be for another partial text.
pub(crate) fn partial_every(partial_ms: Option<u32>) -> Result<Option<Duration>, ApiError> {
    match partial_ms {
        Some(asked) if asked != 0 && !(100..=60_000).contains(&asked) => {
            Err(option("`partial_ms` must be 0, or from 100 to 60000"))
        }
        asked => Ok(asked.map(|asked| Duration::from_millis(u64::from(asked)))),
    }
}

/// What ends an utterance.
pub(crate) fn turns(silence_ms: Option<u32>) -> Result<DetectedTurns, ApiError> {
    let mut turns = DetectedTurns::default();
    match silence_ms {
        Some(asked) if !(100..=10_000).contains(&asked) => {
            return Err(option("`silence_ms` must be from 100 to 10000"));
        }
        asked => turns.speech.silence_min_ms = asked.unwrap_or(turns.speech.silence_min_ms),
    }
    Ok(turns)
}

/// Another language, empty to find it out.
pub(crate) fn changed_language(text: Option<&str>) -> Result<Option<Option<Language>>, ApiError> {
    match text {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => Ok(Some(Some(language(text)?))),
    }
}

/// What is wrong with the sound of a call.
pub(crate) fn audio_error(error: &AudioError) -> ApiError {
    let kind = RunErrorKind::Input { code: error.kind().code() };
    ApiError::from(RunError::new(kind, error.to_string()))
}

fn decoder(app: &App) -> Result<(FfmpegProgram, OwnedSemaphorePermit), ApiError> {
    let program = app.speech.settings().ffmpeg.clone().or_else(|| app.options.ffmpeg.clone());
    let missing = || ApiError::new(Refusal::NoDecoder, "there is no ffmpeg program on the server; send plain samples");
    let program = program.ok_or_else(missing)?;
    let full = |_| ApiError::new(Refusal::Streams, "as many streams are decoded as may be");
    let place = Arc::clone(&app.decoders).try_acquire_owned().map_err(full)?;
    Ok((program, place))
}

fn option(detail: &'static str) -> ApiError {
    ApiError::new(Refusal::Option, detail)
}

impl<S: Send + Sync> FromRequestParts<S> for CallQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<Self>::from_request_parts(parts, state).await.map_err(unreadable)?;
        query.check()?;
        Ok(query)
    }
}

fn unreadable(_: QueryRejection) -> ApiError {
    let detail = "the query takes model, voice_model, language, format (pcm16, pcm_f32, mulaw, alaw, webm, ogg or opus), \
        rate_hz, channels, channel, partial_ms, silence_ms, prompt, hotwords, words, features, label and store, each at most once";
    ApiError::new(Refusal::Query, detail)
}
