//! `POST /v1/segment`: one picture in, the class of every pixel out, as JSON, as a map or laid over the picture.

use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::in_time::{open_by, result_by};
use crate::picture_answer::{encoding, picture_answer};
use crate::segment_query::SegmentQuery;
use crate::upload;
use crate::wire::{MaskForm, MaskRequest, Problem, SegmentAnswer, mask_too_large, palette_png};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use samovar_media::{CLASS_PALETTE, Canvas, FramePool, ImageEncoding, Picture, encode_image};
use samovar_models::{ClassMap, SegmentOptions};
use samovar_runtime::{Class, Completed};
use std::sync::Arc;
use tokio::time::Instant;

/// Tells the class of every pixel of a picture.
///
/// The body is a JPEG, PNG or WebP picture, or a form with a field `file` or `image`. The answer is JSON with the share of each class
/// and the mask in the form that `mask` names. With `Accept: image/jpeg` or `image/png` it is the picture with the classes laid over
/// it; with `Accept: image/png` and `mask=png` it is the map itself, class indices with a palette.
#[utoipa::path(
    post, path = "/v1/segment", tag = "vision", params(SegmentQuery),
    request_body(content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "multipart/form-data"),
    ), description = "One picture, known by its content, whatever the content type says"),
    responses(
        (status = 200, description = "What was seen", content(
            (SegmentAnswer = "application/json"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"),
        )),
        (status = 400, description = "The query, an option, no such mode", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The picture or its mask is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a picture that is read here", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A damaged picture", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too much at once", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The model is not ready", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "Too late", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn segment(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: SegmentQuery,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    query.check_single()?;
    let limits = &app.options.limits;
    let target = app.segment_target(query.model.as_deref(), query.mode.as_deref())?;
    if target.auto {
        return Err(ApiError::new(Refusal::Mode, "`auto` is for streams; name one of the modes"));
    }
    let form = AnswerForm::of(&headers, query.mask)?;
    let choice = query.choice()?;
    let picture = upload::picture(request, limits.image).await?;
    let arrived = Instant::now();
    let deadline = arrived + query.timeout(limits.request_time);
    let (mode, segmenter) = (Arc::clone(&target.mode().name), &target.mode().segmenter);
    open_by(segmenter.handle(), deadline).await?;
    let options = if matches!(form, AnswerForm::Overlay(_)) { SegmentOptions::default() } else { choice.options() };
    let call = peer.caller.call(Class::Interactive, deadline.into_std());
    let completed = result_by(segmenter.segment(picture.clone(), options, call)?, deadline).await?;
    let generation = Arc::clone(&completed.generation);
    match form {
        AnswerForm::Json => {
            let mask = choice.request(limits.answer_bytes_max);
            let text = move || json_text(mode, &completed, arrived, mask);
            let written = tokio::task::spawn_blocking(text).await.map_err(|_| ApiError::internal())?;
            Ok(([(CONTENT_TYPE, "application/json")], written?).into_response())
        }
        AnswerForm::Map => {
            picture_answer(&app, ImageEncoding::Png, &generation, move || palette_png(&completed.output)).await
        }
        AnswerForm::Overlay(encoding) => {
            picture_answer(&app, encoding, &generation, move || overlay(&picture, &completed, encoding)).await
        }
    }
}

/// The answer as text: what touches every pixel, down to the last digit of a mask, is not for a thread that others wait for.
fn json_text(
    mode: Arc<str>,
    completed: &Completed<ClassMap>,
    arrived: Instant,
    mask: MaskRequest,
) -> Result<Vec<u8>, ApiError> {
    let answer = SegmentAnswer::new(mode, completed, arrived.elapsed(), mask)?;
    let text = serde_json::to_vec(&answer).map_err(|_| ApiError::internal())?;
    if text.len() <= mask.bytes_max { Ok(text) } else { Err(mask_too_large()) }
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnswerForm {
    /// Areas, and the mask in the form that was asked for.
    Json,
    /// The class map as a PNG of indices.
    Map,
    /// The picture with its classes laid over it.
    Overlay(ImageEncoding),
}

impl AnswerForm {
    /// By what the client accepts, and by the mask that it names.
    fn of(headers: &HeaderMap, mask: Option<MaskForm>) -> Result<Self, ApiError> {
        match (encoding(headers), mask) {
            (None, _) => Ok(Self::Json),
            (Some(ImageEncoding::Png), Some(MaskForm::Png)) => Ok(Self::Map),
            (Some(encoding), None) => Ok(Self::Overlay(encoding)),
            (Some(_), Some(_)) => Err(ApiError::new(
                Refusal::Option,
                "a picture is answered with its classes laid over it (leave `mask` out), or as a map (`Accept: image/png` and `mask=png`)",
            )),
        }
    }
}

fn overlay(picture: &Picture, completed: &Completed<ClassMap>, encoding: ImageEncoding) -> Result<Vec<u8>, ApiError> {
    /// Half and half: the picture stays visible, the classes can be told apart.
    const ALPHA: f32 = 0.5;
    let map = &completed.output;
    // The picture is drawn once, so nothing is kept for a next one.
    let pool = FramePool::new(0);
    let mut canvas = Canvas::new(&*picture.frame(&pool)?, &pool);
    let background = map.labels.class("background").and_then(|class| u8::try_from(class).ok());
    canvas.blend(&map.classes, &CLASS_PALETTE, ALPHA, background)?;
    Ok(encode_image(canvas.frame(), encoding, &pool)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::ACCEPT;

    #[test]
    fn the_form_follows_from_what_is_accepted_and_from_the_mask() {
        let form = |accept: &str, mask| {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            AnswerForm::of(&headers, mask).map_err(|error| error.code())
        };
        assert_eq!(form("*/*", None), Ok(AnswerForm::Json));
        assert_eq!(form("application/json", Some(MaskForm::Png)), Ok(AnswerForm::Json));
        assert_eq!(form("image/png", Some(MaskForm::Png)), Ok(AnswerForm::Map));
        assert_eq!(form("image/png", None), Ok(AnswerForm::Overlay(ImageEncoding::Png)));
        assert_eq!(form("image/jpeg", Some(MaskForm::Png)), Err("invalid_option"));
    }
}
