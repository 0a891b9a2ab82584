//! `POST /v1/detect`: one picture in, boxes out, as JSON or drawn on the picture.

use crate::app::App;
use crate::connection::Peer;
use crate::detect_query::DetectQuery;
use crate::error::ApiError;
use crate::in_time::{open_by, result_by};
use crate::picture_answer::{encoding, picture_answer};
use crate::upload;
use crate::wire::{DetectAnswer, Problem};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::HeaderMap;
use samovar_media::{Canvas, FramePool, ImageEncoding, Picture, encode_image};
use samovar_models::Detection;
use samovar_runtime::Class;
use std::sync::Arc;
use tokio::time::Instant;

/// Detects objects in a picture.
///
/// The body is a JPEG, PNG or WebP picture, or a form with a field `file` or `image`. With `Accept: image/jpeg` or
/// `image/png` the answer is the picture with the boxes drawn on it.
#[utoipa::path(
    post, path = "/v1/detect", tag = "vision", params(DetectQuery),
    request_body(content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "multipart/form-data"),
    ), description = "One picture, known by its content, whatever the content type says"),
    responses(
        (status = 200, description = "What was found", content(
            (DetectAnswer = "application/json"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"),
        )),
        (status = 400, description = "The query or an option", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a picture that is read here", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A damaged picture", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too much at once", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The model is not ready", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "Too late", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn detect(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: DetectQuery,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    query.check_single()?;
    let limits = &app.options.limits;
    let detector = app.detector(query.model.as_deref())?;
    let picture = upload::picture(request, limits.image).await?;
    let arrived = Instant::now();
    let deadline = arrived + query.timeout(limits.request_time);
    open_by(detector.handle(), deadline).await?;
    let options = query.options(&*detector.model()?)?;
    let call = peer.caller.call(Class::Interactive, deadline.into_std());
    let completed = result_by(detector.detect(picture.clone(), options, call)?, deadline).await?;
    let Some(encoding) = encoding(&headers) else {
        return Ok(Json(DetectAnswer::new(&completed, arrived.elapsed())).into_response());
    };
    let found = completed.output.items;
    picture_answer(&app, encoding, &completed.generation, move || draw(&picture, &found, encoding)).await
}

fn draw(picture: &Picture, found: &[Detection], encoding: ImageEncoding) -> Result<Vec<u8>, ApiError> {
    // The picture is drawn once, so nothing is kept for a next one.
    let pool = FramePool::new(0);
    let mut canvas = Canvas::new(&*picture.frame(&pool)?, &pool);
    for Detection { class_id, label, score, bbox } in found {
        let corners = [bbox.x1, bbox.y1, bbox.x2, bbox.y2];
        canvas.draw_box(corners, &format!("{label} {score:.2}"), *class_id as usize);
    }
    Ok(encode_image(canvas.frame(), encoding, &pool)?)
}
