//! `POST /v1/rerank`: documents in the order in which they answer a query.

use crate::app::App;
use crate::error::ApiError;
use crate::json_body::{json_answer, json_body};
use crate::wire::{DocumentBody, OpenAiError, RerankAnswerBody, RerankBody};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use samovar_models::Truncate;
use samovar_service::access::Caller;
use samovar_service::text::RerankRequest;
use std::sync::Arc;

/// Documents in the order in which they answer a query, the best first.
///
/// A cross-encoder reads the query and a document at once. A model of texts compares their vectors: by the cosine, or, of BGE-M3, by
/// its three heads together. The answer says which it was.
#[utoipa::path(
    post, path = "/v1/rerank", tag = "texts", request_body = RerankBody,
    responses(
        (status = 200, description = "The best first", body = RerankAnswerBody),
        (status = 400, description = "Empty, too many, or an option that the model has not", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 429, description = "Too much at once", body = OpenAiError),
        (status = 503, description = "The model is not ready", body = OpenAiError),
        (status = 504, description = "Too late", body = OpenAiError),
    ),
)]
pub(crate) async fn rerank(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let body: RerankBody = json_body(request).await?;
    caller.require_items(body.documents.len())?;
    let documents: Vec<String> = body.documents.into_iter().map(DocumentBody::text).collect();
    let told = body.return_documents.unwrap_or(false).then(|| documents.clone());
    let request = RerankRequest {
        model: body.model,
        query: body.query,
        documents,
        top_n: body.top_n,
        raw_scores: body.raw_scores.unwrap_or(false),
        truncate: body.truncate.map_or(Truncate::End, Into::into),
        weights: body.weights.map(Into::into),
        deadline: app.deadline(body.timeout_ms),
    };
    let answer = app.texts.rerank(&caller, request).await?;
    let ranked = answer.ranked.len();
    json_answer(RerankAnswerBody::new(&answer, told.as_deref()), ranked).await
}
