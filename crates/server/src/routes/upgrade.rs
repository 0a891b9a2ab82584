//! From a request to a live stream: what all kinds of streams do before the first message.

use crate::access::{REALTIME_SUBPROTOCOL, SUBPROTOCOL};
use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::stream_kind::StreamOpening;
use crate::stream_session::{self, Session, StreamPlace};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use std::sync::Arc;
use tokio::time::Instant;

/// Answers with the upgrade and leaves the stream to a task of its own; `asked` is when its request came.
pub(super) fn upgrade<O: StreamOpening>(
    app: Arc<App>,
    peer: Peer,
    asked: Instant,
    opening: O,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let place = place(&app, upgrade)?;
    Ok(upgrade_at(place, app, peer, asked, opening))
}

/// The right to one more stream, and the upgrade to it.
pub(super) struct UpgradePlace {
    place: StreamPlace,
    upgrade: WebSocketUpgrade,
}

/// Takes the place alone: where something has to be waited for before the answer, which nobody shall make the server do in vain.
pub(super) fn place(
    app: &Arc<App>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<UpgradePlace, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::new(Refusal::UpgradeRequired, "this address speaks WebSocket only"))?;
    Ok(UpgradePlace { place: StreamPlace::take(app).ok_or_else(too_many)?, upgrade })
}

/// The same as [`upgrade`], where a place was taken.
pub(super) fn upgrade_at<O: StreamOpening>(
    place: UpgradePlace,
    app: Arc<App>,
    peer: Peer,
    asked: Instant,
    opening: O,
) -> Response {
    let UpgradePlace { place, upgrade } = place;
    let entry = app.board.open(opening.facts(), Some(Arc::clone(&peer.caller.name)));
    let limits = &app.options.limits.stream;
    let message_bytes_max = peer.caller.bounds.lowered(limits.message_bytes_max);
    let session = Session { asked, opening, key: app.next_key(), entry, _place: place, peer };
    let upgrade = upgrade
        .read_buffer_size(limits.read_buffer_bytes)
        // Events are sent one by one as soon as they are there.
        .write_buffer_size(0)
        .max_write_buffer_size(limits.write_buffer_bytes_max)
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
        // A page that shows its key among the subprotocols must be answered with one of them.
        .protocols([SUBPROTOCOL, REALTIME_SUBPROTOCOL]);
    // The task that waits for the upgrade is axum's; the token makes the server wait for it too.
    let task = app.tasks.token();
    upgrade.on_upgrade(move |socket| async move {
        let _task = task;
        Box::pin(stream_session::run(socket, session, app)).await;
    })
}

fn too_many() -> ApiError {
    ApiError::new(Refusal::Streams, "as many streams are open as may be")
}
