//! `POST /v1/zero-shot`: which of some labels fits a picture.

use crate::app::App;
use crate::error::ApiError;
use crate::json_body::{json_answer, json_body};
use crate::wire::{OpenAiError, ZeroShotAnswerBody, ZeroShotBody};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use samovar_models::Activation;
use samovar_service::access::Caller;
use samovar_service::text::ZeroShotRequest;
use std::sync::Arc;

/// Which of some labels fits a picture, by a pair of towers that was never trained on them.
#[utoipa::path(
    post, path = "/v1/zero-shot", tag = "texts", request_body = ZeroShotBody,
    responses(
        (status = 200, description = "The most probable label first", body = ZeroShotAnswerBody),
        (status = 400, description = "No picture, no labels, or a model that is no pair", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 429, description = "Too much at once", body = OpenAiError),
        (status = 503, description = "The model is not ready", body = OpenAiError),
        (status = 504, description = "Too late", body = OpenAiError),
    ),
)]
pub(crate) async fn zero_shot(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let body: ZeroShotBody = json_body(request).await?;
    caller.require_items(body.labels.len())?;
    let activation = |several| if several { Activation::Sigmoid } else { Activation::Softmax };
    let request = ZeroShotRequest {
        model: body.model,
        picture: body.image.picture("image", app.options.limits.image)?,
        labels: body.labels,
        template: body.template.unwrap_or_else(|| ZeroShotRequest::TEMPLATE.to_owned()),
        activation: body.multi_label.map(activation),
        deadline: app.deadline(body.timeout_ms),
    };
    let answer = app.texts.zero_shot(&caller, request).await?;
    let labels = answer.labels.len();
    json_answer(ZeroShotAnswerBody::from(answer), labels).await
}
