//! `POST /v1/detect`: one picture in, boxes out, as JSON or drawn on the picture.

use crate::app::App;
use crate::connection::Peer;
use crate::detect_query::DetectQuery;
use crate::error::ApiError;
use crate::upload;
use crate::wire::{DetectAnswer, Problem};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use samovar_media::{Canvas, FramePool, ImageEncoding, Picture, encode_image};
use samovar_models::{DetectOptions, Detection, Detections, Detector};
use samovar_runtime::{Call, Class, Completed, RunError, RunErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

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
    let limits = &app.options.limits;
    let detector = app.detector(query.model.as_deref())?;
    let picture = upload::picture(request, limits.image).await?;
    let arrived = Instant::now();
    let deadline = arrived + query.timeout(limits.request_time);
    open_by(&detector, deadline).await?;
    let options = query.options(&*detector.model()?)?;
    let call = Call::new(Class::Interactive, peer.key);
    let completed = run_by(&detector, picture.clone(), options, (call, deadline)).await?;
    match encoding(&headers) {
        None => Ok(Json(DetectAnswer::new(&completed, arrived.elapsed())).into_response()),
        Some(encoding) => annotated(&app, picture, completed.output.items, encoding).await,
    }
}

/// Waits for the model where it is not ready; its load goes on if this caller gives up.
async fn open_by(detector: &Detector, deadline: Instant) -> Result<(), ApiError> {
    if detector.handle().generation().is_ok() {
        return Ok(());
    }
    match timeout_at(deadline, detector.handle().open()).await {
        Ok(opened) => Ok(opened.map(drop)?),
        Err(_) => Err(still_loading().into()),
    }
}

fn still_loading() -> RunError {
    let kind = RunErrorKind::NotReady { retry_after: Duration::from_secs(1) };
    RunError::new(kind, "the model is still being loaded")
}

/// The result, if it comes in time. Giving up cancels work that has not begun.
async fn run_by(
    detector: &Detector,
    picture: Picture,
    options: DetectOptions,
    (call, deadline): (Call, Instant),
) -> Result<Completed<Detections>, ApiError> {
    let call = Call { deadline: Some(deadline.into_std()), ..call };
    let pending = detector.detect(picture, options, call)?;
    let late = || RunError::new(RunErrorKind::DeadlineExceeded, "the result was not there in time");
    Ok(timeout_at(deadline, pending).await.map_err(|_| late())??)
}

/// The first form in `Accept` that is known here: a picture, or none for JSON.
fn encoding(headers: &HeaderMap) -> Option<ImageEncoding> {
    const QUALITY: u8 = 90;
    let forms = headers.get(ACCEPT)?.to_str().ok()?.split(',');
    let known = forms.filter_map(|form| match form.split(';').next().unwrap_or_default().trim() {
        "application/json" | "application/*" | "*/*" => Some(None),
        "image/jpeg" | "image/*" => Some(Some(ImageEncoding::Jpeg { quality: QUALITY })),
        "image/png" => Some(Some(ImageEncoding::Png)),
        _ => None,
    });
    known.into_iter().next().flatten()
}

async fn annotated(
    app: &App,
    picture: Picture,
    found: Vec<Detection>,
    encoding: ImageEncoding,
) -> Result<Response, ApiError> {
    let _place = app.annotations.acquire().await.map_err(|_| ApiError::internal())?;
    let drawn = tokio::task::spawn_blocking(move || draw(&picture, &found, encoding)).await;
    let bytes = drawn.map_err(|_| ApiError::internal())??;
    let content_type = match encoding {
        ImageEncoding::Jpeg { .. } => "image/jpeg",
        ImageEncoding::Png => "image/png",
    };
    Ok(([(CONTENT_TYPE, content_type)], bytes).into_response())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Option<ImageEncoding> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        encoding(&headers)
    }

    #[test]
    fn the_first_known_form_wins() {
        assert_eq!(chosen("text/html, image/png;q=0.9, */*"), Some(ImageEncoding::Png));
        assert_eq!(chosen("image/jpeg"), Some(ImageEncoding::Jpeg { quality: 90 }));
        assert_eq!(chosen("application/json, image/png"), None);
        assert_eq!(chosen("*/*"), None);
        assert_eq!(encoding(&HeaderMap::new()), None);
    }
}
