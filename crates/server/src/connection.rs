//! One connection: HTTP/1 or HTTP/2 by what the client speaks, every setting explicit, cut when its clock says so.

use crate::ServerLimits;
use crate::app::App;
use crate::body_budget::BodyCharge;
use crate::connection_clock::{ConnectionClock, HeadSeen, Verdict};
use crate::connection_limit::ConnectionPermit;
use crate::eager::Eager;
use crate::hygiene::declared_bytes;
use crate::request_body::{BodyLimits, RequestBody};
use crate::timed_io::TimedIo;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use samovar_runtime::StreamKey;
use samovar_service::access::{self, CallPlace, Caller};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// What a route may know of the connection that a request came by.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Keeps the connection's place; a stream takes it along.
    pub(crate) permit: Arc<ConnectionPermit>,
    /// The connection's own.
    pub(crate) key: StreamKey,
    /// Who asks, and so whose turn its requests take. Where keys are asked for, nobody until the request's key was looked at.
    pub(crate) caller: Caller,
    /// The key's place for this request, where keys are asked for; a stream takes it along.
    pub(crate) _call: Option<Arc<CallPlace>>,
    /// What was seen of the request's head.
    pub(crate) head: HeadSeen,
    /// What its body holds of the budget; none where it has none.
    pub(crate) body: Option<Arc<BodyCharge>>,
}

impl Peer {
    /// Where the request comes from.
    pub(crate) fn place(&self) -> access::Peer {
        access::Peer { address: self.permit.client(), connection: self.key }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve<S>(socket: S, permit: ConnectionPermit, app: Arc<App>, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let clock = Arc::new(ConnectionClock::start());
    let io = TokioIo::new(TimedIo::new(socket, Arc::clone(&clock)));
    let (permit, key) = (Arc::new(permit), app.next_key());
    let (limits, access) = (&app.options.limits, &app.options.access);
    let bodies = app.bodies.connection();
    let place = access::Peer { address: permit.client(), connection: key };
    let caller = if access.asks() { Caller::nobody(&place) } else { Caller::anonymous(&place) };
    let service = service_fn(|request: Request<Incoming>| {
        let charge = (!http_body::Body::is_end_stream(request.body())).then(|| bodies.begin());
        let seen = RequestSeen::new(&clock, charge.clone());
        let body_limits = BodyLimits::of(&request, &app.options);
        let (permit, head) = (Arc::clone(&permit), seen.head);
        let peer = Peer { permit, key, caller: caller.clone(), _call: None, head, body: charge.clone() };
        let declared = declared_bytes(request.headers());
        let mut request = request.map(|body| match charge {
            Some(charge) => Body::new(RequestBody::new(body, body_limits).charged(&charge, declared)),
            None => Body::empty(),
        });
        if !access.asks() {
            request.extensions_mut().insert(caller.clone());
        }
        request.extensions_mut().insert(peer);
        answer(router.clone(), request, seen)
    });
    let builder = builder(limits, app.tasks.clone());
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let eager = Eager::new();
    let mut look_at = Instant::now() + limits.header_time;
    let mut ending = false;
    loop {
        let end = tokio::select! {
            result = poll_fn(|context| eager.poll(context, connection.as_mut())) => return log_end(result),
            () = app.closing.cancelled(), if !ending => true,
            () = sleep_until(look_at) => match clock.verdict(limits) {
                Verdict::Fine(at) => {
                    look_at = at;
                    false
                }
                Verdict::Idle if !ending => true,
                Verdict::Idle | Verdict::Cut => return app.metrics.cut_connection(),
            },
        };
        if end {
            ending = true;
            connection.as_mut().graceful_shutdown();
            look_at = Instant::now() + FAREWELL;
        }
    }
}

fn log_end<E: std::fmt::Debug>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(?error, "a connection ended in an error");
    }
}

/// How long an idle connection may take to close in good order.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes of a body that are read at once: each read costs a turn of the event loop.
const READ_BYTES: usize = 64 << 10;

fn builder(limits: &ServerLimits, tasks: TaskTracker) -> auto::Builder<TrackedExecutor> {
    const PING: Duration = Duration::from_secs(20);
    let mut builder = auto::Builder::new(TrackedExecutor(tasks));
    builder
        .http1()
        .timer(TokioTimer::new())
        // The connection's clock does this: hyper's own would also end a kept connection after the header time.
        .header_read_timeout(None)
        .max_headers(limits.headers_max)
        // Bodies are read in pieces of this size, so it is more than a head may have: heads that fit are measured when they are read.
        .max_buf_size(limits.header_bytes_max.max(READ_BYTES))
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams_max)
        .max_pending_accept_reset_streams(limits.http2_pending_resets_max)
        .max_local_error_reset_streams(limits.http2_local_resets_max)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        // What a client may send unread is bounded by the connection; half of it for one request, so that a tensor of some MB does
        // not wait for leave every 64 KiB, and no request that is not read keeps the others of its connection from theirs.
        .initial_stream_window_size(512 << 10)
        .initial_connection_window_size(1 << 20)
        .max_frame_size(16 << 10)
        .max_send_buf_size(256 << 10)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// Runs what hyper splits off a connection (HTTP/2 requests), so that it has an owner and an end.
#[derive(Clone)]
struct TrackedExecutor(TaskTracker);

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for TrackedExecutor {
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

async fn answer(router: Router, request: Request<Body>, seen: RequestSeen) -> Result<Response<AnswerBody>, Infallible> {
    let response = router.oneshot(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        seen.clock.upgraded();
    }
    Ok(response.map(|body| AnswerBody { body, _seen: seen }))
}

/// One request that is being served; its drop is the request's end.
struct RequestSeen {
    clock: Arc<ConnectionClock>,
    head: HeadSeen,
    /// The bytes of its body are held for as long.
    _charge: Option<Arc<BodyCharge>>,
}

impl RequestSeen {
    fn new(clock: &Arc<ConnectionClock>, charge: Option<Arc<BodyCharge>>) -> Self {
        Self { clock: Arc::clone(clock), head: clock.request_begins(), _charge: charge }
    }
}

impl Drop for RequestSeen {
    fn drop(&mut self) {
        self.clock.request_ends();
    }
}

/// An answer's body; the request ends when it has been written.
struct AnswerBody {
    body: Body,
    _seen: RequestSeen,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
