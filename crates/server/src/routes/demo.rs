//! `/demo`: a page that shows the streams of a demo with their boxes, and `/demo/feed`, the WebSocket that it looks at.
//!
//! Each picture is two messages: a text with the stream, its figures and the event, then the picture itself.

use super::static_page::static_page;
use crate::app::App;
use crate::connection::Peer;
use crate::demo::{DemoFigures, DemoFrame, DemoView, DemoViewer};
use crate::error::{ApiError, Refusal};
use crate::origin;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderMap, Uri};
use serde::Serialize;
use std::sync::Arc;
use tokio::time::timeout;

/// No routes where the server shows no demo.
pub(super) fn router(view: Option<&DemoView>) -> Router<Arc<App>> {
    let Some(view) = view.cloned() else { return Router::new() };
    Router::new()
        .route("/demo", get(async || static_page(include_str!("demo.html"))))
        .route("/demo/feed", get(feed).layer(Extension(view)))
}

async fn feed(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(view): Extension<DemoView>,
    (headers, uri): (HeaderMap, Uri),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    origin::check(&headers, &uri, &app.options)?;
    let upgrade = upgrade.map_err(|_| ApiError::new(Refusal::UpgradeRequired, "this address speaks WebSocket only"))?;
    let too_many = || ApiError::new(Refusal::Streams, "as many pages look at the demo as may");
    let viewer = view.look().ok_or_else(too_many)?;
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    let task = app.tasks.token();
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _held = (task, peer.permit);
        tokio::select! {
            () = show(socket, viewer, &app) => {}
            () = app.closing.cancelled() => {}
        }
    }))
}

/// Viewers have nothing to say.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

async fn show(mut socket: WebSocket, mut viewer: DemoViewer, app: &App) {
    loop {
        tokio::select! {
            fresh = viewer.next() => {
                let Some(fresh) = fresh else { return };
                let sent = timeout(app.options.limits.stream.stall_time, send(&mut socket, fresh)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            said = socket.recv() => if !matches!(said, Some(Ok(Message::Ping(_) | Message::Pong(_)))) {
                return;
            },
        }
    }
}

/// What stands before a picture.
#[derive(Serialize)]
struct Head<'a> {
    /// From 0.
    stream: usize,
    figures: DemoFigures,
    event: &'a serde_json::Value,
}

async fn send(socket: &mut WebSocket, fresh: Vec<(usize, Arc<DemoFrame>)>) -> Result<(), axum::Error> {
    for (stream, frame) in fresh {
        let head = Head { stream, figures: frame.figures, event: &frame.event };
        let head = serde_json::to_string(&head).expect("a head is plain JSON");
        socket.send(Message::Text(head.into())).await?;
        socket.send(Message::Binary(frame.picture.clone())).await?;
    }
    Ok(())
}
