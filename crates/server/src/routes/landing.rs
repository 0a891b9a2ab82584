//! `/`: a page for people who open the server in a browser.

use super::static_page::static_page;
use crate::app::App;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/", get(async || static_page(include_str!("landing.html"))))
}
