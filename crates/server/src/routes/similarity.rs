//! `POST /v1/similarity`: how alike texts and pictures are.

use crate::app::App;
use crate::error::ApiError;
use crate::json_body::{json_answer, json_body};
use crate::wire::{OpenAiError, SimilarityAnswerBody, SimilarityBody};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use samovar_service::access::Caller;
use samovar_service::text::SimilarityRequest;
use std::sync::Arc;

/// How alike each item of `left` is to each of `right`: texts by a model of texts, texts and pictures by a pair.
#[utoipa::path(
    post, path = "/v1/similarity", tag = "texts", request_body = SimilarityBody,
    responses(
        (status = 200, description = "A row for each item of `left`", body = SimilarityAnswerBody),
        (status = 400, description = "Empty, too many, or a scoring that the model has not", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 429, description = "Too much at once", body = OpenAiError),
        (status = 503, description = "The model is not ready", body = OpenAiError),
        (status = 504, description = "Too late", body = OpenAiError),
    ),
)]
pub(crate) async fn similarity(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let body: SimilarityBody = json_body(request).await?;
    caller.require_items(body.left.count() + body.right.count())?;
    let image = app.options.limits.image;
    let request = SimilarityRequest {
        model: body.model,
        left: body.left.items("left", image)?,
        right: body.right.items("right", image)?,
        scoring: body.scoring.into(),
        deadline: app.deadline(body.timeout_ms),
    };
    let answer = app.texts.similarity(&caller, request).await?;
    let numbers = answer.scores.iter().map(Vec::len).sum();
    json_answer(SimilarityAnswerBody::from(answer), numbers).await
}
