//! `/v1/streams/{id}/view`: the newest picture of a stream with what was found in it, over WebSocket.
//!
//! Each picture is two messages: a text with the stream's figures and the result about this very picture, then the picture itself.

use super::streams::Opened;
use crate::access::SUBPROTOCOL;
use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::origin;
use crate::streams::{OpenStream, Shown, StreamViewer};
use crate::wire::{Problem, StreamBody};
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Uri};
use samovar_media::{FramePool, ImageEncoding, Picture, encode_image};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, interval_at, sleep_until, timeout};

/// Looks at a stream (WebSocket).
///
/// For each picture a text message `{"stream": …, "result": …}`, with the stream as `GET /v1/streams/{id}` tells it and the result as
/// the stream's own client gets it, then a binary message with that picture: as the client sent it, or a JPEG of the decoded frame.
/// Only the newest picture is sent; a slow viewer sees fewer.
#[utoipa::path(
    get, path = "/v1/streams/{id}/view", tag = "streams", params(("id" = String, Path)),
    responses(
        (status = 101, description = "A WebSocket"),
        (status = 403, description = "A page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such stream", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "Not a WebSocket client", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many viewers", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn view(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Opened(stream): Opened,
    (headers, uri): (HeaderMap, Uri),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    origin::check(&headers, &uri, &app.options)?;
    let upgrade = upgrade.map_err(|_| ApiError::new(Refusal::UpgradeRequired, "this address speaks WebSocket only"))?;
    let full = || ApiError::new(Refusal::Streams, "as many viewers look at streams as may");
    let viewer = stream.look(app.board.viewer_place().ok_or_else(full)?);
    let looking = Looking { viewer, stream: Arc::downgrade(&stream), encoded_at: None };
    drop(stream);
    let upgrade =
        upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX).protocols([SUBPROTOCOL]);
    let task = app.tasks.token();
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _task = task;
        let mut socket = socket;
        tokio::select! {
            () = show(&mut socket, looking, &app) => {}
            () = app.closing.cancelled() => {}
            error = app.options.access.revoked(&peer.caller) => refuse(&mut socket, &error.into(), &app).await,
        }
    }))
}

/// Viewers have nothing to say.
const MESSAGE_BYTES_MAX: usize = 1 << 10;
/// Between two decoded frames that are compressed for a viewer: ten a second are enough to look at.
const ENCODE_EVERY: Duration = Duration::from_millis(100);

/// Somebody who looks, and at what.
struct Looking {
    viewer: StreamViewer,
    /// Not kept alive by those who look.
    stream: Weak<OpenStream>,
    /// When a frame was last compressed.
    encoded_at: Option<Instant>,
}

async fn show(socket: &mut WebSocket, mut looking: Looking, app: &App) {
    let limits = &app.options.limits.stream;
    let mut pulse = interval_at(Instant::now() + limits.ping_time, limits.ping_time);
    let mut heard = true;
    loop {
        tokio::select! {
            messages = looking.next() => {
                let last = messages.is_none();
                let messages = messages.unwrap_or_else(|| vec![ended()]);
                let sent = timeout(limits.stall_time, send(socket, messages)).await;
                if last || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            said = socket.recv() => match said {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => heard = true,
                _ => return,
            },
            // Where no pictures come nothing else tells that somebody has gone, and holds a place.
            _ = pulse.tick() => {
                let asked = timeout(limits.stall_time, socket.send(Message::Ping(Bytes::new()))).await;
                if !std::mem::take(&mut heard) || !matches!(asked, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

async fn send(socket: &mut WebSocket, messages: Vec<Message>) -> Result<(), axum::Error> {
    for message in messages {
        socket.send(message).await?;
    }
    Ok(())
}

fn ended() -> Message {
    Message::Close(Some(CloseFrame { code: 1000, reason: Utf8Bytes::from_static("the stream has ended") }))
}

/// Closes with the error's code as the reason.
async fn refuse(socket: &mut WebSocket, error: &ApiError, app: &App) {
    let reason = Utf8Bytes::from_static(error.code());
    let close = Message::Close(Some(CloseFrame { code: error.close_code(), reason }));
    drop(timeout(app.options.limits.stream.close_time, socket.send(close)).await);
}

impl Looking {
    /// The newest picture with what stands before it; none when the stream has ended. What cannot be compressed is passed over. Giving
    /// up the wait loses that picture and nothing else.
    async fn next(&mut self) -> Option<Vec<Message>> {
        loop {
            if let Some(at) = self.encoded_at {
                sleep_until(at + ENCODE_EVERY).await;
            }
            let shown = self.viewer.next().await?;
            let Some(picture) = self.compressed(&shown.picture).await else { continue };
            let head = head(&StreamBody::from(&*self.stream.upgrade()?), &shown);
            return Some(vec![Message::Text(head.into()), Message::Binary(picture)]);
        }
    }

    /// As the client sent it, or compressed now, on a thread that nobody waits for.
    async fn compressed(&mut self, picture: &Picture) -> Option<Bytes> {
        if let Some(bytes) = picture.encoded_bytes() {
            self.encoded_at = None;
            return Some(bytes.clone());
        }
        self.encoded_at = Some(Instant::now());
        let picture = picture.clone();
        tokio::task::spawn_blocking(move || jpeg(&picture)).await.ok()?
    }
}

fn jpeg(picture: &Picture) -> Option<Bytes> {
    /// A picture to look at, not to keep.
    const QUALITY: u8 = 75;
    let pool = FramePool::new(0);
    let frame = picture.frame(&pool).ok()?;
    encode_image(&frame, ImageEncoding::Jpeg { quality: QUALITY }, &pool).ok().map(Bytes::from)
}

/// The result is JSON already and goes in as it is.
fn head(stream: &StreamBody, shown: &Shown) -> String {
    let stream = serde_json::to_string(stream).expect("a stream's body is plain strings and finite numbers");
    format!(r#"{{"stream":{stream},"result":{}}}"#, shown.result.as_str())
}
