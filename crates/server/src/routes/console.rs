//! `/` and `/calls`: the web console, and the scripts and styles that its pages load.

use super::static_page::{page_part, static_page};
use crate::app::App;
use axum::Router;
use axum::response::{Redirect, Response};
use axum::routing::get;
use std::sync::Arc;

/// Every file beside the pages: (where it is served, type, content).
const PARTS: [(&str, &str, &str); 13] = [
    ("/console/call-view.js", JAVASCRIPT, include_str!("../../../../console/call-view.js")),
    ("/console/calls.js", JAVASCRIPT, include_str!("../../../../console/calls.js")),
    ("/console/console.css", "text/css; charset=utf-8", include_str!("../../../../console/console.css")),
    ("/console/console.js", JAVASCRIPT, include_str!("../../../../console/console.js")),
    ("/console/distress-chart.js", JAVASCRIPT, include_str!("../../../../console/distress-chart.js")),
    ("/console/drawing.js", JAVASCRIPT, include_str!("../../../../console/drawing.js")),
    ("/console/element.js", JAVASCRIPT, include_str!("../../../../console/element.js")),
    ("/console/events.js", JAVASCRIPT, include_str!("../../../../console/events.js")),
    ("/console/jobs.js", JAVASCRIPT, include_str!("../../../../console/jobs.js")),
    ("/console/key.js", JAVASCRIPT, include_str!("../../../../console/key.js")),
    ("/console/models.js", JAVASCRIPT, include_str!("../../../../console/models.js")),
    ("/console/score-line.js", JAVASCRIPT, include_str!("../../../../console/score-line.js")),
    ("/console/stream-tile.js", JAVASCRIPT, include_str!("../../../../console/stream-tile.js")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) fn router() -> Router<Arc<App>> {
    let pages = Router::new().route("/", get(first)).route("/calls", get(calls));
    // The first page had that address once.
    let pages = pages.route("/demo", get(async || Redirect::permanent("/")));
    PARTS.into_iter().fold(pages, |router, (path, media_type, text)| {
        router.route(path, get(async move || page_part(media_type, text)))
    })
}

async fn first() -> Response {
    static_page(include_str!("../../../../console/index.html"))
}

async fn calls() -> Response {
    static_page(include_str!("../../../../console/calls.html"))
}
