//! `POST /api/analyze`: a recording in; what was said, how it sounds and how urgent it is out, kept where calls are kept.

use crate::app::App;
use crate::calls::{Analysed, AnalysisRequest, analyse_recording};
use crate::error::{ApiError, Refusal};
use crate::json_body::json_answer;
use crate::wire::{AcousticsBody, AnalysisBody, AnalysisTimings, AnalysisTranscript, DegradedBody, PeakBody, Problem};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::response::Response;
use http::request::Parts;
use samovar_models::whisper::DecodeOptions;
use samovar_runtime::RunError;
use samovar_service::access::Caller;
use samovar_service::speech::language;
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::IntoParams;

/// What a client may choose about an analysis. Unknown names are refused.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalyzeQuery {
    /// The model that hears words, by its configured name; without it the configured one, or the only Whisper.
    #[param(example = "whisper")]
    model: Option<String>,
    /// What is spoken, as a code or an English name; found out where left out.
    #[param(example = "en")]
    language: Option<String>,
    /// Text that might have come before: names and spelling follow it.
    prompt: Option<String>,
    /// How long the answer may take once the recording has arrived; it only lowers the server's own limit.
    #[param(example = 60_000)]
    timeout_ms: Option<u64>,
    /// Whether the call is kept, where the server keeps calls; it is where left out.
    store: Option<bool>,
    /// What the sender calls the call: the number of a case.
    #[param(example = "case 4711")]
    label: Option<String>,
    /// Whether the figures of each second are told; they are where left out.
    seconds: Option<bool>,
}

/// Hears a recording, measures the voice and applies the rules.
///
/// A model that failed costs the words alone: the answer then has `transcript: null` and says why in `degraded`. A model that is still
/// being loaded is waited for, as long as the request may take.
#[utoipa::path(
    post, path = "/api/analyze", tag = "calls", params(AnalyzeQuery),
    request_body(content(
        (Vec<u8> = "audio/wav"), (Vec<u8> = "audio/flac"), (Vec<u8> = "multipart/form-data"),
    ), description = "One recording: the body itself, or the field `file` of a form"),
    responses(
        (status = 200, description = "What came of it", body = AnalysisBody),
        (status = 400, description = "The query or an option", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No recording that is read here", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Damaged, empty or too long", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too much at once", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The model is not ready", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "Too late", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn analyze(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: AnalyzeQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let begun = Instant::now();
    // What cannot be done is refused before the recording comes.
    let decode = query.decode()?;
    app.speech.check_model(query.model.as_deref())?;
    let received = app.audio_uploads.receive(&caller, request).await?;
    let (receive, deadline) = (begun.elapsed(), app.recording_deadline(query.timeout_ms));
    let transcriber = app.speech.transcriber(query.model.as_deref(), deadline).await?;
    let model = transcriber.handle().name().to_owned();
    let request = AnalysisRequest {
        transcriber,
        decode,
        audio: received.input.clone(),
        deadline,
        store: query.store != Some(false),
        label: query.label.clone(),
    };
    let analysed = analyse_recording(&app, &caller, request).await?;
    let body = body(&analysed, &model, receive, query.seconds != Some(false));
    let numbers = body.acoustics.numbers();
    json_answer(body, numbers).await
}

fn body(analysed: &Analysed, model: &str, receive: Duration, with_seconds: bool) -> AnalysisBody {
    let Analysed { analysis, said, call, wait, audio_fault, storage_fault } = analysed;
    let words_fault = analysis.failure.clone().map(ApiError::from);
    let parts = [("transcript", &words_fault), ("audio", audio_fault), ("storage", storage_fault)];
    let degraded = parts.into_iter().filter_map(|(part, fault)| Some(DegradedBody::new(part, fault.as_ref()?)));
    // What was heard before the model failed is worth telling; nothing at all is told as such.
    let heard = words_fault.is_none() || !said.is_empty();
    let language = analysis.language.map(|language| language.code());
    AnalysisBody {
        call_id: call.map(|id| id.to_string()),
        duration_s: analysis.heard_s,
        transcript: heard.then(|| AnalysisTranscript::new(language, model, said)),
        acoustics: AcousticsBody::new(analysis, with_seconds),
        distress: PeakBody::of(&analysis.seconds),
        triage: analysis.decision.clone(),
        degraded: degraded.collect(),
        timings: AnalysisTimings::new(receive, *wait, analysis),
    }
}

impl AnalyzeQuery {
    fn decode(&self) -> Result<DecodeOptions, ApiError> {
        if self.label.as_ref().is_some_and(|label| label.len() > LABEL_BYTES_MAX) {
            return Err(ApiError::new(Refusal::Option, "`label` has at most 200 bytes").about("label"));
        }
        let language = self.language.as_deref().map(language).transpose()?;
        let options = DecodeOptions { language, prompt: self.prompt.clone(), ..DecodeOptions::default() };
        options.validate().map_err(RunError::from)?;
        Ok(options)
    }
}

/// Bytes of a label.
const LABEL_BYTES_MAX: usize = 200;

impl<S: Send + Sync> FromRequestParts<S> for AnalyzeQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let unreadable = |_: QueryRejection| {
            let detail =
                "the query takes model, language, prompt, timeout_ms, store, label and seconds, each at most once";
            ApiError::new(Refusal::Query, detail)
        };
        Query::<Self>::from_request_parts(parts, state).await.map(|Query(query)| query).map_err(unreadable)
    }
}
