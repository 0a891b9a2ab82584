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
use samovar_media::{Canvas, FramePool, ImageEncoding, Picture, class_color, encode_image};
use samovar_models::{COCO_KEYPOINTS, COCO_LIMBS, PersonPose};
use samovar_runtime::Class;
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
    let call = peer.caller.call(Class::Interactive, deadline.into_std());
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
        let color = class_color(index);
        canvas.draw_colored_box([bbox.x1, bbox.y1, bbox.x2, bbox.y2], &format!("{score:.2}"), color);
        if keypoints.len() == COCO_KEYPOINTS.len() {
            let points: Vec<_> = keypoints.iter().map(|point| [point.x, point.y, point.score]).collect();
            canvas.draw_pose(&points, &COCO_LIMBS, color, POINT_SCORE_MIN);
        }
    }
    Ok(encode_image(canvas.frame(), encoding, &pool)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_media::{Frame, ImageHeader, ImageLimits, PixelFormat, decode_image};
    use samovar_models::{BoundingBox, Keypoint};
    use std::time::Duration;

    #[test]
    fn limbs_have_the_colour_of_their_persons_box() {
        let pool = FramePool::new(0);
        let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(200, 200));
        pixels.fill(255);
        let white = Frame::new(200, 200, PixelFormat::Rgb8, Duration::ZERO, pixels);
        let point = |index: usize| Keypoint { x: 60.0 + (index % 2) as f32 * 80.0, y: 100.0, score: 0.9 };
        let bbox = BoundingBox { x1: 20.0, y1: 40.0, x2: 180.0, y2: 180.0 };
        let person = PersonPose { score: 0.9, bbox, keypoints: (0..COCO_KEYPOINTS.len()).map(point).collect() };
        let drawn = draw(&Picture::decoded(Arc::new(white)), &[person], ImageEncoding::Png).unwrap();
        let limits = ImageLimits::default();
        let drawn = decode_image(&drawn, &ImageHeader::read(&drawn, &limits).unwrap(), &limits, &pool).unwrap();
        let at = |x: usize, y: usize| &drawn.pixels()[(y * 200 + x) * 3..][..3];
        assert_eq!(at(100, 100), class_color(0), "between a left and a right point");
        assert_eq!(at(100, 100), at(100, 179), "as the lower edge of the box");
    }
}
