//! `POST /v1/audio/transcriptions` and `/v1/audio/translations`: recordings as text, as OpenAI's clients ask for it.

use super::audio_stream::stream;
use crate::app::App;
use crate::audio_upload::ReceivedAudio;
use crate::error::{ApiError, Refusal};
use crate::jobs::{Form, FormField};
use crate::json_body::json_answer;
use crate::metrics::{SpeechRequest, SpeechSurface};
use crate::upload::is_form;
use crate::wire::{
    LogprobBody, OpenAiError, TranscriptForm, TranscriptFormBody, TranscriptFormat, TranscriptionBody,
    VerboseTranscriptionBody, transcript_numbers,
};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderName;
use http::header::CONTENT_TYPE;
use samovar_media::ChannelChoice;
use samovar_models::whisper::WhisperModel;
use samovar_runtime::Class;
use samovar_service::access::Caller;
use samovar_service::speech::{TranscribeRequest, Transcript, subtitles};
use std::sync::Arc;

/// What is said in a recording, in the language that is spoken.
///
/// As OpenAI has it, in all its formats but `diarized_json`; errors, too. With `stream=true` the text comes as Server-Sent Events while the
/// recording is heard: `transcript.text.delta` and `transcript.text.segment` for each segment, then `transcript.text.done`. What is beyond
/// OpenAI (`hotwords[]`, `beams`, `timeout_ms`) is optional.
#[utoipa::path(
    post, path = "/v1/audio/transcriptions", tag = "speech",
    request_body(content = TranscriptFormBody, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What is said", content(
            (TranscriptionBody = "application/json"), (VerboseTranscriptionBody = "application/json"), (String = "text/plain"),
            (crate::wire::TranscriptEventBody = "text/event-stream"),
        )),
        (status = 400, description = "A field, or an option that the model has not", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 413, description = "Too large or too long", body = OpenAiError),
        (status = 415, description = "No audio that is read here", body = OpenAiError),
        (status = 422, description = "Damaged or empty audio", body = OpenAiError),
        (status = 429, description = "Too much at once", body = OpenAiError),
        (status = 503, description = "The model is not ready", body = OpenAiError),
        (status = 504, description = "Too late", body = OpenAiError),
    ),
)]
pub(crate) async fn transcriptions(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    answer(&app, caller, request, SpeechSurface::Transcriptions).await
}

/// What is said in a recording, in English.
///
/// The same as `/v1/audio/transcriptions`, by models that translate. `language` is what is spoken.
#[utoipa::path(
    post, path = "/v1/audio/translations", tag = "speech",
    request_body(content = TranscriptFormBody, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What is said", content(
            (TranscriptionBody = "application/json"), (VerboseTranscriptionBody = "application/json"), (String = "text/plain"),
            (crate::wire::TranscriptEventBody = "text/event-stream"),
        )),
        (status = 400, description = "A field, or a model that does not translate", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 413, description = "Too large or too long", body = OpenAiError),
        (status = 415, description = "No audio that is read here", body = OpenAiError),
        (status = 422, description = "Damaged or empty audio", body = OpenAiError),
        (status = 429, description = "Too much at once", body = OpenAiError),
        (status = 503, description = "The model is not ready", body = OpenAiError),
        (status = 504, description = "Too late", body = OpenAiError),
    ),
)]
pub(crate) async fn translations(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    answer(&app, caller, request, SpeechSurface::Translations).await
}

/// Says of an answer that a part of the recording was not heard: the code of the reason. Not every format has another place for it.
pub(super) const INCOMPLETE: HeaderName = HeaderName::from_static("samovar-incomplete");

/// Bytes of all fields beside the recording.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// A recording and what is asked about it.
pub(super) struct Asked {
    pub(super) form: TranscriptForm,
    pub(super) request: TranscribeRequest,
    /// Keeps the recording.
    pub(super) audio: ReceivedAudio,
    pub(super) counted: SpeechRequest,
}

async fn answer(
    app: &Arc<App>,
    caller: Caller,
    request: Request,
    surface: SpeechSurface,
) -> Result<Response, ApiError> {
    let mut counted = SpeechRequest::begin(&app.metrics, surface);
    let (form, request, audio) = match ask(app, &caller, request, surface).await {
        Ok(asked) => asked,
        Err(error) => return Err(counted.failing(error)),
    };
    counted.received();
    let asked = Asked { form, request, audio, counted };
    if asked.form.stream { stream(app, caller, asked).await } else { at_once(app, &caller, asked).await }
}

/// The answer when everything was heard.
async fn at_once(app: &App, caller: &Caller, asked: Asked) -> Result<Response, ApiError> {
    let Asked { form, request, audio: _audio, counted } = asked;
    let answer = async {
        let transcript = app.speech.transcribe(caller, request, |_| ()).await?;
        let response = written(app, &form, &transcript).await?;
        Ok((transcript.duration_s, response))
    };
    match answer.await {
        Ok((duration_s, response)) => {
            counted.answered(duration_s);
            Ok(response)
        }
        Err(error) => Err(counted.failing(error)),
    }
}

async fn ask(
    app: &App,
    caller: &Caller,
    request: Request,
    surface: SpeechSurface,
) -> Result<(TranscriptForm, TranscribeRequest, ReceivedAudio), ApiError> {
    let (form, audio) = read(app, caller, request).await?;
    form.check()?;
    let deadline = app.recording_deadline(form.timeout_ms);
    let transcriber = app.speech.transcriber(form.model.as_deref(), deadline).await?;
    let has_voices = form.asks_for_voices() && app.speech.voice_detector(&transcriber, deadline).await?.is_some();
    let request = TranscribeRequest {
        // By its name from now on: what else is loaded meanwhile is not meant.
        model: Some(transcriber.handle().name().to_owned()),
        audio: audio.input.clone(),
        channels: ChannelChoice::default(),
        options: form.decode_options(surface == SpeechSurface::Translations),
        chunking: form.chunking(has_voices)?,
        class: Class::Interactive,
        deadline,
    };
    Ok((form, request, audio))
}

/// The form to its end, in whichever order its fields come.
async fn read(app: &App, caller: &Caller, request: Request) -> Result<(TranscriptForm, ReceivedAudio), ApiError> {
    if !is_form(request.headers()) {
        return Err(ApiError::new(
            Refusal::Body,
            "send a form (`multipart/form-data`) with the recording as its field `file`",
        ));
    }
    let (mut parts, mut form, mut audio, mut left) =
        (Form::read(request).await?, TranscriptForm::default(), None, TEXT_BYTES_MAX);
    while let Some(mut field) = parts.next_field().await? {
        match field.name().map(str::to_owned).as_deref() {
            Some("file") if audio.is_none() => {
                let mut upload = app.audio_uploads.begin(caller)?;
                while let Some(chunk) = field.chunk().await? {
                    upload.write(&chunk).await?;
                }
                audio = Some(upload.finish().await?);
            }
            Some("file") => {
                return Err(ApiError::new(Refusal::Body, "the form has more than one field `file`").about("file"));
            }
            Some(name) => form.set(name, text(&mut field, &mut left).await?)?,
            None => return Err(ApiError::new(Refusal::Body, "a field of the form has no name")),
        }
    }
    let none =
        || ApiError::new(Refusal::Body, "the form has no field `file`; send the recording as that").about("file");
    Ok((form, audio.ok_or_else(none)?))
}

/// The text of a field, as long as all of them have no more bytes than they may.
async fn text(field: &mut FormField<'_>, left: &mut usize) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        let long = || ApiError::new(Refusal::Body, "the fields of the form are longer than they need to be");
        *left = left.checked_sub(chunk.len()).ok_or_else(long)?;
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::new(Refusal::Body, "a field of the form is no UTF-8"))
}

/// A transcript in the format that was asked for.
async fn written(app: &App, form: &TranscriptForm, transcript: &Transcript) -> Result<Response, ApiError> {
    let logprobs = match form.logprobs {
        true => Some(logprobs(&*whisper(app, &transcript.model)?, transcript)),
        false => None,
    };
    let numbers = transcript_numbers(transcript) + 6 * logprobs.as_ref().map_or(0, Vec::len);
    let mut response = match form.format {
        TranscriptFormat::Json => json_answer(TranscriptionBody::new(transcript, logprobs), numbers).await?,
        TranscriptFormat::VerboseJson => {
            json_answer(VerboseTranscriptionBody::new(transcript, form.times, logprobs), numbers).await?
        }
        TranscriptFormat::Text => plain(transcript.text() + "\n"),
        TranscriptFormat::Srt => plain(subtitles::srt(transcript)),
        TranscriptFormat::Vtt => plain(subtitles::vtt(transcript)),
    };
    if let Some(failure) = &transcript.failure {
        response.headers_mut().insert(INCOMPLETE, http::HeaderValue::from_static(failure.kind().code()));
    }
    Ok(response)
}

/// The model that hears.
pub(super) fn whisper(app: &App, model: &str) -> Result<Arc<WhisperModel>, ApiError> {
    Ok(app.speech.transcriber_named(model)?.model()?)
}

fn logprobs(model: &WhisperModel, transcript: &Transcript) -> Vec<LogprobBody> {
    transcript.segments.iter().flat_map(|segment| LogprobBody::of(segment, model.tokenizer())).collect()
}

fn plain(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
