//! `/`: a page for people who open the server in a browser.

use crate::app::App;
use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use std::sync::Arc;

const PAGE: &str = include_str!("landing.html");
/// The page loads nothing from anywhere else.
const POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:";

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/", get(page))
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff")], Html(PAGE))
}
