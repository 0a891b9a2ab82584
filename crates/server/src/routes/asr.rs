//! `POST /asr/transcribe`: one recording in, what is said in it out, with one address and a query.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::json_body::json_answer;
use crate::metrics::{SpeechRequest, SpeechSurface};
use crate::wire::{AsrAnswer, AsrTimings, Problem, transcript_numbers};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use samovar_media::ChannelChoice;
use samovar_models::SpeechOptions;
use samovar_models::whisper::{DecodeOptions, Timestamps};
use samovar_runtime::Class;
use samovar_service::access::Caller;
use samovar_service::speech::{Chunking, TranscribeRequest, Transcript, language};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::IntoParams;

/// How a recording is heard.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsrQuery {
    /// The model's configured name. May be left out where there is only one.
    #[param(example = "whisper")]
    model: Option<String>,
    /// What is spoken: `en`, `English`. It is detected where left out.
    #[param(example = "en")]
    language: Option<String>,
    /// Gives English whatever is spoken.
    translate: bool,
    /// Tells where each word sounds.
    words: bool,
    /// Hears only what the voice model takes for speech.
    vad: bool,
    /// Hypotheses that are followed, 1 to 16; 1 where left out.
    beams: Option<usize>,
    /// Words to expect, separated by commas.
    #[param(example = "Mill Road,ambulance")]
    hotwords: Option<String>,
    /// Text that might have come before: spelling and style follow it.
    prompt: Option<String>,
    /// How long it may take, in milliseconds; it only lowers the server's own limit.
    timeout_ms: Option<u64>,
}

/// What is said in a recording.
///
/// The body is the recording, whatever type it claims to be, or a form with the field `file`. WAV, FLAC, MP3, AAC and Ogg Vorbis are read everywhere; M4A, Opus,
/// WebM and the sound of videos where the server has the ffmpeg program.
#[utoipa::path(
    post, path = "/asr/transcribe", tag = "speech", params(AsrQuery),
    request_body(content(
        (Vec<u8> = "audio/wav"), (Vec<u8> = "audio/mpeg"), (Vec<u8> = "audio/flac"), (Vec<u8> = "application/octet-stream"),
        (Vec<u8> = "multipart/form-data"),
    ), description = "One recording, known by its content, whatever the content type says"),
    responses(
        (status = 200, body = AsrAnswer),
        (status = 400, description = "The query, or an option that the model has not", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large or too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No audio that is read here", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Damaged or empty audio", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too much at once", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The model is not ready", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "Too late", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn transcribe(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<AsrQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut counted = SpeechRequest::begin(&app.metrics, SpeechSurface::Asr);
    match hear(&app, &caller, query, request, &mut counted).await {
        Ok((duration_s, response)) => {
            counted.answered(duration_s);
            Ok(response)
        }
        Err(error) => Err(counted.failing(error)),
    }
}

/// How long the recording is, and the answer.
async fn hear(
    app: &App,
    caller: &Caller,
    query: Result<Query<AsrQuery>, QueryRejection>,
    request: Request,
    counted: &mut SpeechRequest,
) -> Result<(f64, Response), ApiError> {
    let began = Instant::now();
    let refused = |_| {
        ApiError::new(
            Refusal::Query,
            "the query takes `model`, `language`, `translate`, `words`, `vad`, `beams`, `hotwords`, `prompt` and `timeout_ms`, each at most once",
        )
    };
    let Query(query) = query.map_err(refused)?;
    let options = query.options()?;
    // Nobody has to send a recording to learn that nothing here hears it.
    app.speech.check_model(query.model.as_deref())?;
    let audio = app.audio_uploads.receive(caller, request).await?;
    counted.received();
    let received = Instant::now();
    let request = TranscribeRequest {
        model: query.model,
        audio: audio.input.clone(),
        channels: ChannelChoice::default(),
        options,
        chunking: if query.vad { Chunking::Speech(SpeechOptions::default()) } else { Chunking::Windows },
        class: Class::Interactive,
        deadline: app.recording_deadline(query.timeout_ms),
    };
    let transcript = app.speech.transcribe(caller, request, |_| ()).await?;
    let response = written(&transcript, query.words, (received - began, received.elapsed())).await?;
    Ok((transcript.duration_s, response))
}

async fn written(
    transcript: &Transcript,
    words: bool,
    (receive, heard): (Duration, Duration),
) -> Result<Response, ApiError> {
    let timings = AsrTimings::new(receive, heard, transcript.duration_s);
    json_answer(AsrAnswer::new(transcript, words, timings), transcript_numbers(transcript)).await
}

impl AsrQuery {
    fn options(&self) -> Result<DecodeOptions, ApiError> {
        let default = DecodeOptions::default();
        let words = self.hotwords.iter().flat_map(|words| words.split(','));
        let options = DecodeOptions {
            language: self.language.as_deref().filter(|text| !text.is_empty()).map(language).transpose()?,
            translate: self.translate,
            beams: self.beams.unwrap_or(default.beams),
            prompt: self.prompt.clone(),
            hotwords: words.map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            timestamps: if self.words { Timestamps::Word } else { Timestamps::Segment },
            ..default
        };
        options.validate().map_err(samovar_runtime::RunError::from)?;
        Ok(options)
    }
}
