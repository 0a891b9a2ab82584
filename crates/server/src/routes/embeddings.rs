//! `POST /v1/embeddings`: vectors in OpenAI's form; and the short forms `/embed/text` and `/embed/vision`.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::json_body::{json_answer, json_body};
use crate::upload;
use crate::wire::{
    EmbeddingAnswer, EmbeddingRequest, OpenAiError, PictureBody, Problem, TextBody, VectorAnswer, numbers,
};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use samovar_models::{Heads, Truncate};
use samovar_service::access::Caller;
use samovar_service::text::{EmbedRequest, Item};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Vectors of texts, and of pictures where a pair or an image tower is named.
///
/// As OpenAI has it; errors, too. `dimensions`, `encoding_format` and every form of `input` are taken. What is beyond OpenAI is optional.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "texts", request_body = EmbeddingRequest,
    responses(
        (status = 200, description = "A vector for each item", body = EmbeddingAnswer),
        (status = 400, description = "Empty, too many, too long, or an option that the model has not", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 413, description = "Too large", body = OpenAiError),
        (status = 429, description = "Too much at once", body = OpenAiError),
        (status = 503, description = "The model is not ready", body = OpenAiError),
        (status = 504, description = "Too late", body = OpenAiError),
    ),
)]
pub(crate) async fn embeddings(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let body: EmbeddingRequest = json_body(request).await?;
    caller.require_items(body.input.count())?;
    let format = body.encoding_format.unwrap_or_default();
    let answer = app.texts.embed(&caller, embed_request(body, &app)?).await?;
    let numbers = numbers(&answer.items);
    json_answer(EmbeddingAnswer::new(answer, format), numbers).await
}

/// The vector of a text, or those of several.
#[utoipa::path(
    post, path = "/embed/text", tag = "texts", params(ModelQuery), request_body = TextBody,
    responses(
        (status = 200, body = VectorAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn embed_text(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ModelQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let query = read(query)?;
    let body: TextBody = json_body(request).await?;
    let model = the_one(query.model, body.model.clone())?.or_else(|| only_pair(&app));
    let (input, several) = body.input()?;
    caller.require_items(input.count())?;
    let items = input.items("text", app.options.limits.image)?;
    vectors(&app, &caller, model, items, several).await
}

/// The vector of a picture.
#[utoipa::path(
    post, path = "/embed/vision", tag = "texts", params(ModelQuery),
    request_body(content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "multipart/form-data"),
        (PictureBody = "application/json"),
    ), description = "One picture: the body itself, a field `file` or `image` of a form, or base64 in JSON"),
    responses(
        (status = 200, body = VectorAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a picture that is read here", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn embed_vision(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ModelQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let query = read(query)?;
    let picture = upload::picture_or_json(request, app.options.limits.image).await?;
    let model = query.model.or_else(|| only_pair(&app));
    vectors(&app, &caller, model, vec![Item::Picture(picture)], false).await
}

/// Which model makes the vector.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ModelQuery {
    /// The configured name of a model or of a pair. Without it the only pair, else the only model that it can be.
    pub(super) model: Option<String>,
}

pub(super) fn read(query: Result<Query<ModelQuery>, QueryRejection>) -> Result<ModelQuery, ApiError> {
    let refused = |_| ApiError::new(Refusal::Query, "the query takes `model`, at most once");
    query.map(|Query(query)| query).map_err(refused)
}

/// The model that the address names, or the body.
fn the_one(in_query: Option<String>, in_body: Option<String>) -> Result<Option<String>, ApiError> {
    match (in_query, in_body) {
        (Some(one), Some(other)) if one != other => {
            let detail = "the address names one model and the body another";
            Err(ApiError::new(Refusal::Query, detail).about("model"))
        }
        (in_query, in_body) => Ok(in_query.or(in_body)),
    }
}

async fn vectors(
    app: &App,
    caller: &Caller,
    model: Option<String>,
    items: Vec<Item>,
    several: bool,
) -> Result<Response, ApiError> {
    let request = EmbedRequest { truncate: Truncate::End, ..EmbedRequest::new(model, items, app.deadline(None)) };
    let answer = app.texts.embed(caller, request).await?;
    let numbers = numbers(&answer.items);
    json_answer(VectorAnswer::new(answer.items, several), numbers).await
}

/// Whoever asks for both texts and pictures means vectors that can be compared.
fn only_pair(app: &App) -> Option<String> {
    let mut names = app.texts.pairs().keys();
    names.next().filter(|_| names.next().is_none()).cloned()
}

fn embed_request(body: EmbeddingRequest, app: &App) -> Result<EmbedRequest, ApiError> {
    let deadline = app.deadline(body.timeout_ms);
    let items = body.input.items("input", app.options.limits.image)?;
    Ok(EmbedRequest {
        prompt: body.prompt_name,
        purpose: body.input_type.map(Into::into),
        dimensions: body.dimensions,
        normalize: body.normalize,
        truncate: body.truncate.map_or(Truncate::Refuse, Into::into),
        heads: Heads {
            dense: body.return_dense.unwrap_or(true),
            sparse: body.return_sparse.unwrap_or(false),
            multi_vector: body.return_multi_vector.unwrap_or(false),
        },
        ..EmbedRequest::new(body.model, items, deadline)
    })
}
