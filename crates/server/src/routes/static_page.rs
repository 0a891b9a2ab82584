//! Pages that are part of the program and load nothing from anywhere else.

use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// Scripts and styles come from this server alone, and it is the only one that the page may speak to.
const POLICY: &str =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:";

/// The page.
pub(super) fn static_page(page: &'static str) -> Response {
    ([(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff")], Html(page)).into_response()
}

/// A script or a style that the page loads. Asked for anew each time, or a newer server would meet older scripts.
pub(super) fn page_part(media_type: &'static str, text: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, text).into_response()
}
