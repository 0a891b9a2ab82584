//! `/v1/streams/{id}/events` and `/v1/events`: what streams tell, as Server-Sent Events.
//!
//! Events carry their number as `id`, so that a reader who comes back with `Last-Event-ID` gets those in between, as far as they are
//! kept. A reader who is too slow is told how many it lost.

use super::feed_end::FeedEnd;
use super::streams::Opened;
use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::streams::{FeedItem, FeedReader, MessageKind, StreamKind, ToldMessage};
use crate::wire::Problem;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use http::HeaderMap;
use samovar_service::access::Caller;
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

/// What a reader of one stream may choose.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Results too, not events alone.
    results: bool,
    /// The kept events past this number come first; `Last-Event-ID` says the same, and goes first: who comes back sends it.
    after: Option<u64>,
}

/// What a reader of all streams may choose.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AllEventsQuery {
    /// Streams of this kind alone.
    kind: Option<StreamKind>,
    /// The kept events past this number come first; `Last-Event-ID` says the same, and goes first: who comes back sends it.
    after: Option<u64>,
}

/// The events of one stream, and with `results=true` its results, as Server-Sent Events.
///
/// `event` is `anomaly.started` and so on, or `result`; `data` is the message as the stream's own WebSocket gets it. `lost` says how
/// many messages this reader was too slow for, `closed` that the stream has ended.
#[utoipa::path(
    get, path = "/v1/streams/{id}/events", tag = "streams", params(("id" = String, Path), EventsQuery),
    responses(
        (status = 200, description = "Server-Sent Events", body = String, content_type = "text/event-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such stream", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many readers", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Opened(stream): Opened,
    query: Result<Query<EventsQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let Query(query) = query.map_err(|_| unreadable("the query takes results (true or false) and after"))?;
    let place = place(&app)?;
    let reader = stream.read(query.results, resume(&headers, query.after));
    let end = FeedEnd::new(&app, peer.caller);
    Ok(sse(Reading { reader, kind: None, caller: None, end, ended: false, _place: place }))
}

/// The events of all streams as Server-Sent Events; with keys, of those of the key that asks, and of all for the scope `admin`.
#[utoipa::path(
    get, path = "/v1/events", tag = "streams", params(AllEventsQuery),
    responses(
        (status = 200, description = "Server-Sent Events", body = String, content_type = "text/event-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many readers", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn all_events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: Result<Query<AllEventsQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let Query(query) =
        query.map_err(|_| unreadable("the query takes kind (detect, segment, anomaly or call) and after"))?;
    let place = place(&app)?;
    let reader = app.board.read(resume(&headers, query.after));
    let (end, kind, caller) = (FeedEnd::new(&app, peer.caller.clone()), query.kind, Some(peer.caller));
    Ok(sse(Reading { reader, kind, caller, end, ended: false, _place: place }))
}

/// One reader, to its end.
struct Reading {
    reader: FeedReader,
    /// Streams of this kind alone.
    kind: Option<StreamKind>,
    /// Streams that they may see alone; none: it is one that they may.
    caller: Option<Caller>,
    /// What ends it from outside.
    end: FeedEnd,
    /// The last message has been sent.
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Reading {
    async fn next(&mut self) -> Option<Event> {
        while !self.ended {
            tokio::select! {
                item = self.reader.next() => match item {
                    Some(FeedItem::Message(told)) if self.wants(&told) => return Some(event(&told)),
                    Some(FeedItem::Message(_)) => {}
                    Some(FeedItem::Lost(count)) => return Some(lost(count)),
                    None => {
                        self.ended = true;
                        return Some(Event::default().event("closed").data(r#"{"type":"closed"}"#));
                    }
                },
                last = self.end.wait() => {
                    self.ended = true;
                    return last;
                }
            }
        }
        None
    }

    fn wants(&self, told: &ToldMessage) -> bool {
        let of_kind = self.kind.is_none_or(|kind| kind == told.message.stream_kind);
        of_kind && self.caller.as_ref().is_none_or(|caller| caller.may_see(told.message.owner.as_deref()))
    }
}

fn sse(reading: Reading) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    /// What stands between keeps a connection that nobody speaks on.
    const HEARTBEAT: Duration = Duration::from_secs(15);
    let events = unfold(reading, async |mut reading| Some((Ok(reading.next().await?), reading)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

fn event(told: &ToldMessage) -> Event {
    let name = match told.message.kind {
        MessageKind::Event(name) => name,
        MessageKind::Result => "result",
    };
    let event = Event::default().event(name).data(told.message.text.as_str());
    match told.number {
        Some(number) => event.id(number.to_string()),
        None => event,
    }
}

fn lost(count: u64) -> Event {
    Event::default().event("lost").data(format!(r#"{{"type":"lost","count":{count}}}"#))
}

fn place(app: &App) -> Result<OwnedSemaphorePermit, ApiError> {
    let full = || ApiError::new(Refusal::Streams, "as many readers follow events as may");
    app.board.reader_place().ok_or_else(full)
}

/// After which event a reader begins: who comes back tells so in a header and still asks for the address of the first time.
fn resume(headers: &HeaderMap, after: Option<u64>) -> Option<u64> {
    last_event_id(headers).or(after)
}

fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()
}

fn unreadable(detail: &'static str) -> ApiError {
    ApiError::new(Refusal::Query, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_goes_on_where_it_was() {
        let mut headers = HeaderMap::new();
        assert_eq!(resume(&headers, Some(0)), Some(0));
        headers.insert("last-event-id", "41".parse().unwrap());
        assert_eq!(resume(&headers, Some(0)), Some(41), "not from the beginning again");
        headers.insert("last-event-id", "what".parse().unwrap());
        assert_eq!(resume(&headers, Some(7)), Some(7));
    }
}
