//! `/v1/streams`: which streams are open, how each is doing, and the end of one.

use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::streams::{OpenStream, StreamId};
use crate::wire::{Problem, StreamBody, StreamList};
use axum::extract::{FromRequestParts, Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use http::request::Parts;
use std::sync::Arc;

/// All open streams, of clients and of sources, with their figures; the oldest first. With keys, those of the key that asks, and all for
/// the scope `admin`.
#[utoipa::path(get, path = "/v1/streams", tag = "streams", responses((status = 200, body = StreamList)))]
pub(crate) async fn list_streams(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>) -> Json<StreamList> {
    let streams = app.board.list();
    let seen = streams.iter().filter(|stream| peer.caller.may_see(stream.owner()));
    let data = seen.map(|stream| StreamBody::from(&**stream)).collect();
    Json(StreamList { object: "list", data })
}

/// One open stream.
#[utoipa::path(get, path = "/v1/streams/{id}", tag = "streams", params(("id" = String, Path)), responses(
    (status = 200, body = StreamBody),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn show_stream(Opened(stream): Opened) -> Json<StreamBody> {
    Json(StreamBody::from(&*stream))
}

/// Ends a stream: what was taken in is told, then it is closed.
#[utoipa::path(delete, path = "/v1/streams/{id}", tag = "streams", params(("id" = String, Path)), responses(
    (status = 204, description = "It ends"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn close_stream(Opened(stream): Opened) -> StatusCode {
    stream.close();
    StatusCode::NO_CONTENT
}

/// The stream that the address names. With keys another key's is nobody's.
pub(crate) struct Opened(pub(crate) Arc<OpenStream>);

impl FromRequestParts<Arc<App>> for Opened {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let id = Path::<String>::from_request_parts(parts, app).await.ok();
        let stream = id.and_then(|Path(id)| app.board.find(StreamId::parse(&id)?));
        let peer = parts.extensions.get::<Peer>();
        let seen = stream.filter(|stream| peer.is_some_and(|peer| peer.caller.may_see(stream.owner())));
        seen.map(Self).ok_or_else(|| ApiError::new(Refusal::Stream, "no stream of that name is open"))
    }
}
