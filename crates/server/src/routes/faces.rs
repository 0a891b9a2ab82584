//! `POST /v1/faces`, also as `POST /face/detect`: the faces of a picture, their points, and who they are.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::json_body::json_answer;
use crate::upload;
use crate::wire::{FaceAnswerBody, OpenAiError, PictureBody, Problem};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::response::Response;
use http::request::Parts;
use samovar_media::ImageEncoding;
use samovar_service::access::Caller;
use samovar_service::media::FaceRequest;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;
use utoipa::IntoParams;

/// What a client may choose about faces. Unknown names are refused: a threshold that is misspelt must not be ignored.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FaceQuery {
    /// The configured name of the model that finds faces. May be left out where there is only one.
    #[param(example = "yunet")]
    model: Option<String>,
    /// Only what scores above this is told, 0 to 1.
    #[param(example = 0.6)]
    score_min: Option<f32>,
    /// Two boxes that overlap by more than this are one face, 0 to 1.
    #[param(example = 0.3)]
    iou_max: Option<f32>,
    /// The most faces that are told; 100 at most with vectors or crops.
    faces_max: Option<usize>,
    /// Whether each gets a vector that tells who it is.
    #[serde(default)]
    embeddings: bool,
    /// The configured name of the model that gives the vectors.
    embedding_model: Option<String>,
    /// Whether each is told as an upright picture of 112 pixels a side.
    #[serde(default)]
    crops: bool,
    /// How long the answer may take, in milliseconds; it only lowers the server's own limit.
    #[param(example = 1000)]
    timeout_ms: Option<u64>,
}

/// Finds the faces of a picture, each with five points.
#[utoipa::path(
    post, path = "/v1/faces", tag = "vision", params(FaceQuery),
    request_body(content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "multipart/form-data"),
        (PictureBody = "application/json"),
    ), description = "One picture: the body itself, a field `file` or `image` of a form, or base64 in JSON"),
    responses(
        (status = 200, description = "The faces, best score first", body = FaceAnswerBody),
        (status = 400, description = "The query or an option", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 413, description = "Too large", body = OpenAiError),
        (status = 415, description = "Not a picture that is read here", body = OpenAiError),
        (status = 429, description = "Too much at once", body = OpenAiError),
        (status = 503, description = "The model is not ready", body = OpenAiError),
        (status = 504, description = "Too late", body = OpenAiError),
    ),
)]
pub(crate) async fn faces(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: FaceQuery,
    request: Request,
) -> Result<Response, ApiError> {
    answer(&app, &caller, query, request).await
}

/// The same by a shorter name.
#[utoipa::path(
    post, path = "/face/detect", tag = "vision", params(FaceQuery),
    request_body(content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "multipart/form-data"), (PictureBody = "application/json"),
    )),
    responses(
        (status = 200, description = "The faces, best score first", body = FaceAnswerBody),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn detect_faces(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: FaceQuery,
    request: Request,
) -> Result<Response, ApiError> {
    answer(&app, &caller, query, request).await
}

async fn answer(app: &App, caller: &Caller, query: FaceQuery, request: Request) -> Result<Response, ApiError> {
    let picture = upload::picture_or_json(request, app.options.limits.image).await?;
    let arrived = Instant::now();
    let own = &app.options.faces;
    let wants = query.embeddings || query.embedding_model.is_some();
    let request = FaceRequest {
        model: query.model.or_else(|| own.detector.clone()),
        score_min: query.score_min,
        iou_max: query.iou_max,
        faces_max: query.faces_max,
        embeddings: query.embeddings,
        embedding_model: query.embedding_model.or_else(|| own.embedding.clone().filter(|_| wants)),
        crops: query.crops.then_some(ImageEncoding::Jpeg { quality: CROP_QUALITY }),
        ..FaceRequest::new(picture, app.deadline(query.timeout_ms))
    };
    let found = app.media.faces(caller, request).await?;
    let body = FaceAnswerBody::new(found, arrived.elapsed());
    let numbers = body.numbers();
    json_answer(body, numbers).await
}

const CROP_QUALITY: u8 = 95;

impl<S: Send + Sync> FromRequestParts<S> for FaceQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let unreadable = |_: QueryRejection| {
            let detail = "the query takes model, score_min, iou_max, faces_max, embeddings, embedding_model, crops and timeout_ms, each \
                at most once";
            ApiError::new(Refusal::Query, detail)
        };
        Query::<Self>::from_request_parts(parts, state).await.map(|Query(query)| query).map_err(unreadable)
    }
}
