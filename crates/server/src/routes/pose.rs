//! `POST /v1/pose`: one picture in, people with their key points out, as JSON or drawn on the picture.

use crate::app::App;
use crate::connection::Peer;
use crate::detect_query::DetectQuery;
use crate::error::ApiError;
use crate::in_time::{open_by, result_by};
use crate::picture_answer::{encoding, picture_answer};
use crate::upload;
use crate::wire::{PoseAnswer, Problem};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::HeaderMap;
use samovar_media::{CLASS_PALETTE, Canvas, FramePool, ImageEncoding, Picture, encode_image};
use samovar_models::{COCO_KEYPOINTS, COCO_LIMBS, PersonPose};
use samovar_runtime::{Call, Class};
use std::sync::Arc;
use tokio::time::Instant;

/// Finds people and their key points in a picture.
///
/// The body is a JPEG, PNG or WebP picture, or a form with a field `file` or `image`. With `Accept: image/jpeg` or
/// `image/png` the answer is the picture with boxes and skeletons drawn on it.
#[utoipa::path(
    post, path = "/v1/pose", tag = "vision", params(DetectQuery),
    request_body(content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "multipart/form-data"),
    ), description = "One picture, known by its content, whatever the content type says"),
    responses(
        (status = 200, description = "Who was found", content(
            (PoseAnswer = "application/json"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"),
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
pub(crate) async fn pose(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: DetectQuery,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    query.check_single()?;
    let limits = &app.options.limits;
    let estimator = app.pose_estimator(query.model.as_deref())?;
    let picture = upload::picture(request, limits.image).await?;
    let arrived = Instant::now();
    let deadline = arrived + query.timeout(limits.request_time);
    open_by(estimator.handle(), deadline).await?;
    let options = query.options(&*estimator.model()?)?;
    let call = Call { deadline: Some(deadline.into_std()), ..Call::new(Class::Interactive, peer.key) };
    let completed = result_by(estimator.estimate(picture.clone(), options, call)?, deadline).await?;
    let Some(encoding) = encoding(&headers) else {
        return Ok(Json(PoseAnswer::new(&completed, arrived.elapsed())).into_response());
    };
    let found = completed.output.items;
    picture_answer(&app, encoding, &completed.generation, move || draw(&picture, &found, encoding)).await
}

/// Each person in a colour of its own.
fn draw(picture: &Picture, found: &[PersonPose], encoding: ImageEncoding) -> Result<Vec<u8>, ApiError> {
    /// Key points that the model is less sure of are mostly hidden ones.
    const POINT_SCORE_MIN: f32 = 0.5;
    // The picture is drawn once, so nothing is kept for a next one.
    let pool = FramePool::new(0);
    let mut canvas = Canvas::new(&*picture.frame(&pool)?, &pool);
    for (index, PersonPose { score, bbox, keypoints }) in found.iter().enumerate() {
        canvas.draw_box([bbox.x1, bbox.y1, bbox.x2, bbox.y2], &format!("{score:.2}"), index);
        if keypoints.len() == COCO_KEYPOINTS.len() {
            let points: Vec<_> = keypoints.iter().map(|point| [point.x, point.y, point.score]).collect();
            let color = CLASS_PALETTE[index % CLASS_PALETTE.len()];
            canvas.draw_pose(&points, &COCO_LIMBS, color, POINT_SCORE_MIN);
        }
    }
    Ok(encode_image(canvas.frame(), encoding, &pool)?)
}
