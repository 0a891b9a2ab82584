//! An answer that is a picture: chosen by `Accept`, made on a thread of its own, with what made it in its headers.

use crate::app::App;
use crate::error::ApiError;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use samovar_media::ImageEncoding;
use samovar_runtime::Generation;

/// The first form in `Accept` that is known here: a picture, or none for JSON.
pub(crate) fn encoding(headers: &HeaderMap) -> Option<ImageEncoding> {
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

/// The picture that `draw` gives, as an answer. As many are drawn at once as the limits allow; the others wait.
pub(crate) async fn picture_answer(
    app: &App,
    encoding: ImageEncoding,
    generation: &Generation,
    draw: impl FnOnce() -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let _place = app.annotations.acquire().await.map_err(|_| ApiError::internal())?;
    let drawn = tokio::task::spawn_blocking(draw).await;
    let bytes = drawn.map_err(|_| ApiError::internal())??;
    let content_type = match encoding {
        ImageEncoding::Jpeg { .. } => "image/jpeg",
        ImageEncoding::Png => "image/png",
    };
    let mut response = ([(CONTENT_TYPE, content_type)], bytes).into_response();
    name(&mut response, generation);
    Ok(response)
}

/// What made the picture, for it has no place of its own for that.
fn name(response: &mut Response, generation: &Generation) {
    let headers = response.headers_mut();
    if let Ok(model) = HeaderValue::from_str(&generation.name) {
        headers.insert(HeaderName::from_static("x-samovar-model"), model);
    }
    headers.insert(HeaderName::from_static("x-samovar-generation"), HeaderValue::from(generation.number));
    if let Some(version) = generation.version {
        headers.insert(HeaderName::from_static("x-samovar-version"), HeaderValue::from(version));
    }
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
