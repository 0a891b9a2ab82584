//! Inference: JSON, binary tensors behind JSON, or one raw tensor.

use super::answer;
use super::target::Target;
use crate::app::App;
use crate::connection::Peer;
use crate::error::ApiError;
use crate::request_body::body_error;
use crate::wire::oip::{Form, ReadRequest, answer_of, read_request};
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt;
use samovar_service::tensor::{ByteChunks, ByteCollector, InferResponse};
use samovar_service::{ServiceError, ServiceErrorKind};
use std::sync::Arc;

/// Says how many bytes of a body are JSON; 0: none, the body is one tensor.
const JSON_LENGTH: &str = "inference-header-content-length";
/// What takes longer to read or to write than a moment goes to a thread of its own: so many bytes of JSON.
const QUICK_BYTES: usize = 128 << 10;

/// One inference.
pub(super) async fn infer(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let target = Target::from_request_parts(&mut parts, &()).await?;
    refuse_encoding(&parts.headers)?;
    let json_bytes = json_length(&parts.headers)?;
    let peer = parts.extensions.remove::<Peer>().ok_or_else(ApiError::internal)?;
    let chunks = collect(body).await?;
    let mut read = match json_bytes {
        Some(0) => {
            let request = app.tensors.raw_request(target.model(), target.version(), chunks).await?;
            ReadRequest { request, form: Form { binary: true, outputs: Vec::new() } }
        }
        _ => read_json(chunks, json_bytes).await?,
    };
    read.request.model = target.model.unwrap_or_default();
    read.request.version = target.version;
    let response = app.tensors.infer(&peer.caller, read.request).await?;
    write(response, read.form).await
}

/// Text generation: no model of Samovar generates text.
pub(super) async fn generate() -> ApiError {
    let kind = ServiceErrorKind::Unsupported { code: "generate_unsupported" };
    ServiceError::new(kind, "no model here generates text; use /infer").into()
}

/// A body that was compressed would have a size that no limit has seen.
fn refuse_encoding(headers: &HeaderMap) -> Result<(), ServiceError> {
    let plain = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Ok(());
    }
    let kind = ServiceErrorKind::Unsupported { code: "content_encoding_unsupported" };
    Err(ServiceError::new(kind, "compressed bodies are not taken; send it without `Content-Encoding`"))
}

fn json_length(headers: &HeaderMap) -> Result<Option<usize>, ServiceError> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|value| value.parse().ok());
    let wrong = || ServiceError::invalid("invalid_header", "`Inference-Header-Content-Length` is a number of bytes");
    length.map(Some).ok_or_else(wrong)
}

/// The body in the pieces that it came in.
async fn collect(mut body: Body) -> Result<ByteChunks, ApiError> {
    let mut collector = ByteCollector::default();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| body_error(&error))?.into_data() {
            collector.push(data);
        }
    }
    Ok(collector.end())
}

async fn read_json(chunks: ByteChunks, json_bytes: Option<usize>) -> Result<ReadRequest, ApiError> {
    if json_bytes.unwrap_or_else(|| chunks.len()) <= QUICK_BYTES {
        return Ok(read_request(chunks, json_bytes)?);
    }
    let read = tokio::task::spawn_blocking(move || read_request(chunks, json_bytes));
    Ok(read.await.map_err(|_| ApiError::internal())??)
}

async fn write(response: InferResponse, form: Form) -> Result<Response, ApiError> {
    let in_text = |(index, data): (usize, usize)| if form.is_binary(index) { 0 } else { data };
    let text: usize = response.outputs.iter().map(|output| output.data.len()).enumerate().map(in_text).sum();
    if text <= QUICK_BYTES {
        return Ok(answer::response(answer_of(response, &form)));
    }
    let written = tokio::task::spawn_blocking(move || answer_of(response, &form));
    Ok(answer::response(written.await.map_err(|_| ApiError::internal())?))
}
