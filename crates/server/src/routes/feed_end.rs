//! What ends a feed of Server-Sent Events from outside: the server's own end, or that of the key that it was opened with.

use crate::app::App;
use crate::error::ApiError;
use crate::wire::StreamNotice;
use axum::response::sse::Event;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use samovar_service::ServiceError;
use samovar_service::access::Caller;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What ends a feed from outside.
pub(super) struct FeedEnd {
    closing: CancellationToken,
    revoked: BoxFuture<'static, ServiceError>,
}

impl FeedEnd {
    /// Of a feed that this caller has opened.
    pub(super) fn new(app: &App, caller: Caller) -> Self {
        let access = Arc::clone(&app.options.access);
        let revoked = async move { access.revoked(&caller).await }.boxed();
        Self { closing: app.closing.clone(), revoked }
    }

    /// Waits for it. The last event where there is one to tell: `error`, with the code. Giving up waiting loses nothing.
    pub(super) async fn wait(&mut self) -> Option<Event> {
        tokio::select! {
            () = self.closing.cancelled() => None,
            error = &mut self.revoked => Some(told(&error.into())),
        }
    }
}

fn told(error: &ApiError) -> Event {
    let notice = StreamNotice::Error(error.stream_problem(None)).text();
    Event::default().event("error").data(notice.text().as_str())
}
