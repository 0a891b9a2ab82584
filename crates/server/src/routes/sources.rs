//! Cameras and files that the server opens itself: which there are, how they do, adding and removing them while it runs.

use crate::app::App;
use crate::detect_query::changed;
use crate::error::{ApiError, Refusal};
use crate::names::is_name;
use crate::sources::{
    self, NotAdmitted, RunningSource, SourceError, SourceOptions, SourcePipeline, SourceSettings, admit,
};
use crate::stream_kind::weight;
use crate::wire::{AnomalyControlOptions, Control, PipelineName, Problem, SourceBody, SourceList, SourceRequest};
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use samovar_media::MotionGateOptions;
use samovar_models::DetectOptions;
use samovar_pipelines::{AnomalyOptions, SourceSpec};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Every source, by name.
#[utoipa::path(get, path = "/v1/sources", tag = "sources", responses((status = 200, body = SourceList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<SourceList> {
    let data = app.sources.list().iter().map(|source| SourceBody::from(&**source)).collect();
    Json(SourceList { object: "list", data })
}

/// One source.
#[utoipa::path(
    get, path = "/v1/sources/{name}", tag = "sources", params(("name" = String, Path)),
    responses(
        (status = 200, body = SourceBody),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show(Named(source): Named) -> Json<SourceBody> {
    Json(SourceBody::from(&*source))
}

/// Adds a source, where the configuration allows clients to. It is opened at once and goes on until it is removed; a restart forgets it.
#[utoipa::path(
    post, path = "/v1/sources", tag = "sources", request_body(content = SourceRequest),
    responses(
        (status = 201, description = "It runs; its state tells how far it is", body = SourceBody),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "No such address may be added", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its name is taken", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "There are as many as may be", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn add(State(app): State<Arc<App>>, body: Bytes) -> Result<(StatusCode, Json<SourceBody>), ApiError> {
    let unreadable = "the body must be an object with `name` and `address`; see /docs for the other fields";
    check_length(&body, &app)?;
    let request: SourceRequest = serde_json::from_slice(&body).map_err(|_| ApiError::new(Refusal::Body, unreadable))?;
    if !is_name(&request.name) {
        return Err(SourceError::Name.into());
    }
    let address = admit(&request.address, &app.options.source_additions).await?;
    let pipeline = pipeline(&app, &request)?;
    check_models(&app, &pipeline)?;
    let spec = SourceSpec {
        fps_max: request.fps_max,
        weight: weight(request.weight)?,
        keyframes_only: request.keyframes_only,
        motion_gate: request.motion_gate.then(MotionGateOptions::default),
        bound: true,
        ..SourceSpec::new(request.name, address)
    };
    let settings = SourceSettings { spec, pipeline, sinks: request.sinks, evidence: request.evidence };
    let source = sources::add(&app, settings, false)?;
    tracing::info!(source = %source.name(), "a client has added a source");
    Ok((StatusCode::CREATED, Json(SourceBody::from(&*source))))
}

/// Changes thresholds, zones and times from the next frame on; what is left out stays as it is.
#[utoipa::path(
    post, path = "/v1/sources/{name}/options", tag = "sources", params(("name" = String, Path)),
    request_body(content = Object, description = "As the control messages of streams", example = json!({"score_start": 4.0})),
    responses(
        (status = 200, body = SourceBody),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn set_options(
    State(app): State<Arc<App>>,
    Named(source): Named,
    body: Bytes,
) -> Result<Json<SourceBody>, ApiError> {
    check_length(&body, &app)?;
    let options = serde_json::from_slice(&body).map_err(|_| unreadable("the fields that change"))?;
    let present = source.options.borrow().clone();
    let options = match (present, &source.settings.pipeline) {
        (SourceOptions::Anomaly(present), _) => SourceOptions::Anomaly(anomaly_options(options, &present)?),
        (SourceOptions::Detect(present), SourcePipeline::Detect { model, .. }) => {
            SourceOptions::Detect(detect_options(&app, model.as_deref(), options, &present)?)
        }
        _ => return Err(ApiError::internal()),
    };
    source.options.send_replace(options);
    Ok(Json(SourceBody::from(&*source)))
}

/// Removes a source: what it last tells still goes out. One that is configured comes back when the server starts again.
#[utoipa::path(
    delete, path = "/v1/sources/{name}", tag = "sources", params(("name" = String, Path)),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove(Named(source): Named) -> StatusCode {
    source.end().await;
    tracing::info!(source = %source.name(), "a client has removed a source");
    StatusCode::NO_CONTENT
}

/// The source that the address names. A name outside of the pattern is nobody's.
pub(crate) struct Named(Arc<RunningSource>);

impl FromRequestParts<Arc<App>> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let name = Path::<String>::from_request_parts(parts, app).await;
        let source = name.ok().and_then(|Path(name)| app.sources.find(&name));
        source.map(Self).ok_or_else(|| ApiError::new(Refusal::SourceUnknown, "there is no source of this name"))
    }
}

/// What a client says of a source is kept and shown as long as it runs.
fn check_length(body: &Bytes, app: &App) -> Result<(), ApiError> {
    let fits = body.len() <= app.options.limits.stream.control_bytes_max;
    fits.then_some(()).ok_or_else(|| ApiError::new(Refusal::Body, "the body is longer than any source needs"))
}

/// A model that nobody has configured never comes; one that is only not loaded is waited for.
fn check_models(app: &App, pipeline: &SourcePipeline) -> Result<(), ApiError> {
    pipeline.models().iter().filter(|name| !name.is_empty()).try_for_each(|name| app.model(name).map(drop))
}

fn pipeline(app: &App, request: &SourceRequest) -> Result<SourcePipeline, ApiError> {
    let options = request.options.clone();
    match request.pipeline {
        PipelineName::Anomaly if request.model.is_some() => Err(ApiError::new(
            Refusal::Body,
            "`model` is for `detect`; an anomaly source takes pose, sequence and others",
        )),
        PipelineName::Anomaly => {
            let mut settings = app.options.anomaly.clone().unwrap_or_default();
            settings.options = anomaly_options(options, &settings.options)?;
            let named = |asked: &Option<String>, own: Option<String>| asked.clone().or(own);
            settings.detector = named(&request.detector, settings.detector);
            settings.pose = named(&request.pose, settings.pose);
            settings.sequence = named(&request.sequence, settings.sequence);
            settings.appearance = named(&request.appearance, settings.appearance);
            Ok(SourcePipeline::Anomaly(settings))
        }
        PipelineName::Detect => {
            let model = request.model.clone();
            let options = match options.is_empty() {
                true => DetectOptions::default(),
                false => detect_options(app, model.as_deref(), options, &DetectOptions::default())?,
            };
            Ok(SourcePipeline::Detect { model, options })
        }
    }
}

fn anomaly_options(options: Map<String, Value>, present: &AnomalyOptions) -> Result<AnomalyOptions, ApiError> {
    let control: AnomalyControlOptions =
        serde_json::from_value(Value::Object(options)).map_err(|_| unreadable(AnomalyControlOptions::FIELDS))?;
    let options = control.over(present);
    options.validate().map_err(|error| ApiError::new(Refusal::Option, error.to_string()))?;
    Ok(options)
}

/// Classes are names that only the model knows, so it must be there.
fn detect_options(
    app: &App,
    model: Option<&str>,
    mut options: Map<String, Value>,
    present: &DetectOptions,
) -> Result<DetectOptions, ApiError> {
    options.insert("type".to_owned(), Value::from("options"));
    let control: Control = serde_json::from_value(Value::Object(options)).map_err(|_| unreadable(Control::FIELDS))?;
    let model = app.detector(model)?.model()?;
    changed(present, control, &model)
}

fn unreadable(fields: &str) -> ApiError {
    ApiError::new(Refusal::Body, format!("the options are an object with {fields}"))
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        let refusal = match error {
            SourceError::Exists => Refusal::SourceExists,
            SourceError::Full | SourceError::Closing => Refusal::Sources,
            SourceError::Name | SourceError::Sink | SourceError::Settings(_) => Refusal::Option,
            SourceError::NoDecoder => Refusal::NoDecoder,
        };
        Self::new(refusal, error.to_string())
    }
}

impl From<NotAdmitted> for ApiError {
    fn from(why: NotAdmitted) -> Self {
        let forbidden = |detail: &'static str| Self::new(Refusal::SourceForbidden, detail);
        match why {
            NotAdmitted::Address(error) => Self::new(Refusal::Option, error.to_string()),
            NotAdmitted::Scheme => forbidden("sources of this kind of address may not be added here"),
            NotAdmitted::Host => forbidden("sources of this host may not be added here, or there is no such host"),
            NotAdmitted::Playlist => {
                forbidden("playlists may name any address as theirs, so that only the configuration may name one")
            }
            NotAdmitted::Path => forbidden("this file may not be played here, or there is no such file"),
        }
    }
}
