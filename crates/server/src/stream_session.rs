//! One live stream from its opening to its close, of whatever kind: messages in, events out.

use crate::app::App;
use crate::connection_limit::ConnectionPermit;
use crate::error::{ApiError, Refusal};
use crate::in_time::still_loading;
use crate::stream_kind::{LiveStream, Readiness, StreamOpening};
use crate::stream_link::{Incoming, Pulse, StreamLink, StreamText};
use crate::wire::StreamNotice;
use axum::extract::ws::WebSocket;
use samovar_runtime::{Opened, StreamKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

/// What a stream was opened with.
pub(crate) struct Session<O> {
    /// When its request came.
    pub(crate) asked: Instant,
    pub(crate) opening: O,
    pub(crate) key: StreamKey,
    /// Held until the stream ends.
    pub(crate) _place: StreamPlace,
    /// Held until the stream ends: it is still the client's connection.
    pub(crate) _connection: Arc<ConnectionPermit>,
}

/// The right to one open stream.
pub(crate) struct StreamPlace(Arc<App>);

impl StreamPlace {
    /// A place for one more stream, unless the limit is reached.
    pub(crate) fn take(app: &Arc<App>) -> Option<Self> {
        let place = Self(Arc::clone(app));
        let open_before = app.metrics.streams.inc();
        let max = i64::try_from(app.options.limits.stream.streams_max).unwrap_or(i64::MAX);
        (open_before < max).then_some(place)
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}

/// Serves a stream to its end.
pub(crate) async fn run<O: StreamOpening>(socket: WebSocket, session: Session<O>, app: Arc<App>) {
    let link = StreamLink::new(socket, app.options.limits.stream.clone(), Arc::clone(&app.metrics));
    let kill = app.kill.clone();
    tokio::select! {
        () = serve(link, session, &app) => {}
        () = kill.cancelled() => {}
    }
}

/// How a stream ends.
enum End {
    /// The client closes.
    Closed,
    /// The connection is gone.
    Gone,
    /// The server closes with this code.
    Close(u16, &'static str),
}

async fn serve<O: StreamOpening>(mut link: StreamLink, session: Session<O>, app: &App) {
    let end = match open(&mut link, &session, app).await {
        Ok(mut running) => running.run(&mut link, app).await,
        Err(end) => end,
    };
    match end {
        End::Gone => drop(link),
        End::Closed => link.end().await,
        End::Close(code, reason) => link.close(code, reason).await,
    }
}

/// Waits for the model; frames that come meanwhile are dropped and told.
async fn open<O: StreamOpening>(
    link: &mut StreamLink,
    session: &Session<O>,
    app: &App,
) -> Result<Running<O::Live>, End> {
    // Nothing makes the model go between its opening and the stream, which holds it itself.
    let _hold = session.opening.handle().hold();
    let mut pulse = pulse(link);
    let mut early = 0;
    let deadline = session.asked + session.opening.open_time(OPEN_MAX);
    let opening = session.opening.handle().open();
    tokio::pin!(opening);
    let opened = loop {
        tokio::select! {
            opened = &mut opening => break opened,
            incoming = link.next() => match incoming {
                Incoming::Frame(_) => early += 1,
                Incoming::Text(_) => refuse_control(link),
                other => return Err(ended(&other)),
            },
            _ = pulse.tick() => look_after(link)?,
            () = sleep_until(deadline) => break Err(still_loading()),
            () = app.closing.cancelled() => return Err(GOING_AWAY),
        }
    };
    let ready = opened.map_err(ApiError::from).and_then(|opened| ready(session, &opened, app));
    let (stream, event) = ready.map_err(|error| fail(link, &error))?;
    link.push(event);
    if early > 0 {
        link.push(StreamNotice::Dropped { frame: 0, count: early, reason: "not_ready" }.text());
    }
    Ok(Running { stream, frame_next: early, pulse })
}

/// The longest that a stream waits for its model: loading, comparing precisions and warming may take minutes.
const OPEN_MAX: Duration = Duration::from_secs(600);
const GOING_AWAY: End = End::Close(1001, "the server is shutting down");

fn ready<O: StreamOpening>(
    session: &Session<O>,
    opened: &Opened,
    app: &App,
) -> Result<(O::Live, StreamText), ApiError> {
    let readiness = Readiness { opened, took: session.asked.elapsed(), key: session.key, app };
    let ready = session.opening.ready(&readiness)?;
    app.metrics.stream_opened(readiness.is_warm(), readiness.took);
    Ok(ready)
}

/// Tells why the stream cannot be, and ends it.
fn fail(link: &mut StreamLink, error: &ApiError) -> End {
    link.push(StreamNotice::Error(error.stream_problem(None)).text());
    End::Close(error.close_code(), error.code())
}

fn refuse_control(link: &mut StreamLink) {
    let error = ApiError::new(Refusal::Control, "control messages are taken after `ready`");
    link.push(StreamNotice::Error(error.stream_problem(None)).text());
}

/// A stream whose model is warm.
struct Running<L> {
    stream: L,
    /// Number of the frame that comes next.
    frame_next: u64,
    pulse: Interval,
}

impl<L: LiveStream> Running<L> {
    async fn run(&mut self, link: &mut StreamLink, app: &App) -> End {
        loop {
            tokio::select! {
                incoming = link.next() => match incoming {
                    Incoming::Frame(bytes) => {
                        self.stream.push(self.frame_next, bytes);
                        self.frame_next += 1;
                    }
                    Incoming::Text(text) => self.control(&text, link, app),
                    other => return ended(&other),
                },
                event = self.stream.next() => link.push(event),
                _ = self.pulse.tick() => if let Err(end) = look_after(link) {
                    return end;
                },
                () = app.closing.cancelled() => return self.finish(link).await,
            }
        }
    }

    /// Tells what becomes of the frames that were taken in, and no more.
    async fn finish(&mut self, link: &mut StreamLink) -> End {
        while !self.stream.is_idle() {
            tokio::select! {
                event = self.stream.next() => link.push(event),
                incoming = link.next() => if let Incoming::Closed | Incoming::Gone | Incoming::Fault(..) = incoming {
                    return ended(&incoming);
                },
            }
        }
        GOING_AWAY
    }

    /// Does what a control message asks and tells the outcome.
    fn control(&mut self, text: &str, link: &mut StreamLink, app: &App) {
        let outcome = if text.len() > app.options.limits.stream.control_bytes_max {
            Err(ApiError::new(Refusal::Control, "the control message is over the limit"))
        } else {
            self.stream.control(text)
        };
        match outcome {
            Ok(answer) => answer.into_iter().for_each(|answer| link.push(answer)),
            Err(error) => link.push(StreamNotice::Error(error.stream_problem(None)).text()),
        }
    }
}

fn pulse(link: &StreamLink) -> Interval {
    let mut pulse = interval(link.pulse_every());
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pulse
}

fn look_after(link: &mut StreamLink) -> Result<(), End> {
    match link.pulse() {
        Pulse::Fine => Ok(()),
        Pulse::Stuck => Err(End::Close(1008, "the client does not read")),
        Pulse::Gone => Err(End::Gone),
    }
}

const fn ended(incoming: &Incoming) -> End {
    match *incoming {
        Incoming::Fault(code, reason) => End::Close(code, reason),
        Incoming::Closed => End::Closed,
        _ => End::Gone,
    }
}
