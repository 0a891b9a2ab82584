//! A picture from a request: the body itself, whatever type it claims to be, or a field of a form.

use crate::error::{ApiError, Refusal};
use crate::json_body::json_body;
use crate::request_body::{body_error, read_whole};
use crate::wire::PictureBody;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use samovar_media::{ImageLimits, Picture};

/// The picture of a request, still compressed; only its header has been read.
pub(crate) async fn picture(request: Request, limits: ImageLimits) -> Result<Picture, ApiError> {
    let bytes =
        if is_form(request.headers()) { form_field(request).await? } else { read_whole(request.into_body()).await? };
    if bytes.is_empty() {
        return Err(ApiError::new(Refusal::Body, "the body is empty; send a JPEG, PNG or WebP picture"));
    }
    Ok(Picture::encoded(bytes, limits)?)
}

/// The same, or a picture in base64 in JSON: `{"image": …}`.
pub(crate) async fn picture_or_json(request: Request, limits: ImageLimits) -> Result<Picture, ApiError> {
    if !says(request.headers(), "application/json") {
        return picture(request, limits).await;
    }
    let body: PictureBody = json_body(request).await?;
    body.image.picture("image", limits)
}

/// Whether the body says that it is a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    says(headers, "multipart/form-data")
}

fn says(headers: &HeaderMap, kind: &str) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with(kind))
}

async fn form_field(request: Request) -> Result<Bytes, ApiError> {
    let broken = |_| ApiError::new(Refusal::Body, "the form has no boundary");
    let mut form = Multipart::from_request(request, &()).await.map_err(broken)?;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if matches!(field.name(), Some("file" | "image")) {
            return field.bytes().await.map_err(unreadable);
        }
    }
    Err(ApiError::new(Refusal::Body, "the form has no field `file` or `image`"))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands the error over")]
fn unreadable(error: MultipartError) -> ApiError {
    body_error(&error)
}
