//! `ModelInfer`: one request, one answer.

use super::asker::Asker;
use super::framing::{self, MessageReader};
use super::infer_answer;
use super::infer_message::InferMessage;
use super::status::refused;
use crate::app::App;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use tonic::Status;

/// Answers one inference.
pub(super) async fn infer(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(&app, request).await.map_or_else(Status::into_http, framing::answer)
}

async fn answer(app: &App, request: Request) -> Result<VecDeque<Bytes>, Status> {
    let asker = Asker::of(request.extensions())?;
    let mut reader = MessageReader::new(request.into_body(), asker.message_bytes_max(app));
    let message = InferMessage::decode(reader.only().await?)?;
    let request = message.into_request(asker.deadline.left())?;
    let response = app.tensors.infer(&asker.caller, request).await.map_err(refused)?;
    infer_answer::whole(response).into_frame()
}
