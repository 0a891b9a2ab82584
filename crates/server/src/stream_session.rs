//! One live stream from its opening to its close, of whatever kind: messages in, events out.

use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::finish_time::Finishing;
use crate::in_time::still_loading;
use crate::stream_kind::{LiveStream, Readiness, StreamOpening};
use crate::stream_link::{Incoming, Pulse, StreamLink, StreamText};
use crate::streams::{DropReason, OpenStream, StreamEntry, StreamState};
use crate::wire::StreamNotice;
use axum::extract::ws::{Utf8Bytes, WebSocket};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use samovar_runtime::{Hold, ModelHandle, Opened, StreamKey};
use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};

/// What a stream was opened with.
pub(crate) struct Session<O> {
    /// When its request came.
    pub(crate) asked: Instant,
    pub(crate) opening: O,
    pub(crate) key: StreamKey,
    /// Its place on the board, held until the stream ends.
    pub(crate) entry: StreamEntry,
    /// Held until the stream ends.
    pub(crate) _place: StreamPlace,
    /// Held until the stream ends: it is still the client's connection, and a request of its key.
    pub(crate) peer: Peer,
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
    /// The server closes with this code, for this reason.
    Close(u16, Cow<'static, str>),
}

async fn serve<O: StreamOpening>(mut link: StreamLink, session: Session<O>, app: &App) {
    let end = until_revoked(&mut link, &session, app).await.unwrap_or_else(|error| fail::<O::Live>(&mut link, &error));
    // Whoever reads or looks need not wait until the client has answered the close.
    drop(session.entry);
    match end {
        End::Gone => drop(link),
        End::Closed => link.end().await,
        End::Close(code, reason) => link.close(code, reason).await,
    }
}

/// The stream to its end; an error where its key is gone before.
async fn until_revoked<O: StreamOpening>(
    link: &mut StreamLink,
    session: &Session<O>,
    app: &App,
) -> Result<End, ApiError> {
    let mut revoked = pin!(app.options.access.revoked(&session.peer.caller));
    let opened = tokio::select! {
        opened = open(link, session, app) => opened,
        error = &mut revoked => return Err(error.into()),
    };
    let mut running = match opened {
        Ok(running) => running,
        Err(end) => return Ok(end),
    };
    let end = tokio::select! {
        end = running.run_out(link, app) => Ok(end),
        error = revoked => Err(error.into()),
    };
    running.end(link);
    end
}

/// Waits for the models; frames that come meanwhile are dropped and told, control messages wait.
async fn open<O: StreamOpening>(
    link: &mut StreamLink,
    session: &Session<O>,
    app: &App,
) -> Result<Running<O::Live>, End> {
    // Nothing makes a model go between its opening and the stream, which holds it itself.
    let _holds: Vec<Hold> = session.opening.handles().into_iter().map(ModelHandle::hold).collect();
    let stream = session.entry.shared();
    let mut pulse = pulse(link);
    let mut early = Early::default();
    let deadline = session.asked + session.opening.open_time(OPEN_MAX);
    let opening = try_join_all(session.opening.handles().into_iter().map(ModelHandle::open));
    tokio::pin!(opening);
    // Where nothing has to be waited for, nothing is dropped either.
    let mut at_once = opening.as_mut().now_or_never();
    let opened = loop {
        if let Some(opened) = at_once.take() {
            break opened;
        }
        // Refusals of control messages are never left out, and somebody may send these without reading any.
        if link.is_overfull() {
            return Err(STUCK);
        }
        tokio::select! {
            opened = &mut opening => break opened,
            incoming = link.next() => match incoming {
                Incoming::Frame(bytes) => {
                    early.frames += 1;
                    stream.meter().came(bytes.len());
                }
                Incoming::Text(text) => early.take(text, link, app.options.limits.stream.control_bytes_max),
                other => return Err(ended(other)),
            },
            _ = pulse.tick() => look_after(link)?,
            () = sleep_until(deadline) => break Err(still_loading()),
            () = app.closing.cancelled() => return Err(GOING_AWAY),
            () = stream.closing().cancelled() => return Err(DELETED),
        }
    };
    let ready = opened.map_err(ApiError::from).and_then(|opened| ready(session, &opened, app));
    let (live, event) = ready.map_err(|error| fail::<O::Live>(link, &error))?;
    let mut running = Running { live, stream: Arc::clone(stream), frame_next: early.frames, pulse, is_finished: false };
    running.tell(link, event);
    if early.frames > 0 {
        stream.meter().dropped(DropReason::NotReady, early.frames);
        running.tell(link, StreamNotice::Dropped { frame: 0, count: early.frames, reason: "not_ready" }.text());
    }
    early.controls.iter().for_each(|text| running.control(text, link, app));
    Ok(running)
}

/// What comes before the models are warm.
#[derive(Default)]
struct Early {
    /// Frames, none of which is kept.
    frames: u64,
    /// Control messages, done when the stream is ready. Bounded by [`CONTROLS_MAX`].
    controls: Vec<Utf8Bytes>,
}

const TOO_LONG: &str = "the control message is over the limit";
/// Control messages that wait for the models.
const CONTROLS_MAX: usize = 8;

impl Early {
    fn take(&mut self, text: Utf8Bytes, link: &mut StreamLink, bytes_max: usize) {
        let detail = match (text.len() <= bytes_max, self.controls.len() < CONTROLS_MAX) {
            (true, true) => return self.controls.push(text),
            (false, _) => TOO_LONG,
            _ => "so many control messages are taken only after `ready`",
        };
        let error = ApiError::new(Refusal::Control, detail);
        link.push(StreamNotice::Error(error.stream_problem(None)).text());
    }
}

/// The longest that a stream waits for its model: loading, comparing precisions and warming may take minutes.
const OPEN_MAX: Duration = Duration::from_secs(600);
const GOING_AWAY: End = End::Close(1001, Cow::Borrowed("the server is shutting down"));
/// How soon a stream that takes nothing in is asked again.
const TAKE_IN_AGAIN: Duration = Duration::from_millis(50);
const OVER: End = End::Close(1000, Cow::Borrowed("the stream has come to its end"));
const DELETED: End = End::Close(1000, Cow::Borrowed("the stream was ended by request"));
const STUCK: End = End::Close(1008, Cow::Borrowed("the client does not read"));

fn ready<O: StreamOpening>(
    session: &Session<O>,
    opened: &[Opened],
    app: &App,
) -> Result<(O::Live, StreamText), ApiError> {
    let stream = session.entry.shared();
    let readiness = Readiness { opened, took: session.asked.elapsed(), key: session.key, app, stream };
    let ready = session.opening.ready(&readiness)?;
    app.metrics.stream_opened(readiness.is_warm(), readiness.took);
    stream.set_state(StreamState::Live);
    Ok(ready)
}

/// Tells why the stream cannot be, and ends it.
fn fail<L: LiveStream>(link: &mut StreamLink, error: &ApiError) -> End {
    link.push(L::problem(error));
    End::Close(error.close_code(), error.code().into())
}

/// A stream whose models are warm.
struct Running<L> {
    live: L,
    stream: Arc<OpenStream>,
    /// Number of the frame that comes next.
    frame_next: u64,
    pulse: Interval,
    /// It was told to finish.
    is_finished: bool,
}

impl<L: LiveStream> Running<L> {
    /// Runs to the end, and on where what a client sent that has gone is still wanted.
    async fn run_out(&mut self, link: &mut StreamLink, app: &App) -> End {
        let end = self.run(link, app).await;
        if !self.is_finished && !self.live.is_over() && self.live.parted(matches!(end, End::Closed)) {
            self.work_through(link, app).await;
        }
        end
    }

    async fn run(&mut self, link: &mut StreamLink, app: &App) -> End {
        let closing = self.stream.closing().clone();
        while !link.is_overfull() {
            let takes_in = self.live.takes_in();
            tokio::select! {
                () = sleep(TAKE_IN_AGAIN), if !takes_in => {}
                incoming = link.next_if(takes_in) => match incoming {
                    Incoming::Frame(bytes) => {
                        self.stream.meter().came(bytes.len());
                        self.live.push(self.frame_next, bytes);
                        self.frame_next += 1;
                    }
                    Incoming::Text(text) => self.control(&text, link, app),
                    other => return ended(other),
                },
                event = self.live.next() => {
                    self.tell(link, event);
                    if self.live.is_over() {
                        return OVER;
                    }
                }
                _ = self.pulse.tick() => if let Err(end) = look_after(link) {
                    return end;
                },
                () = app.closing.cancelled() => return self.finish(link, app, GOING_AWAY).await,
                () = closing.cancelled() => return self.finish(link, app, DELETED).await,
            }
        }
        STUCK
    }

    /// Tells what becomes of the frames that were taken in, and no more.
    async fn finish(&mut self, link: &mut StreamLink, app: &App, end: End) -> End {
        let mut finishing = self.finishing(app);
        self.is_finished = true;
        self.live.finish();
        while !self.live.is_idle() && !link.is_overfull() {
            tokio::select! {
                () = sleep_until(finishing.until()) => if !finishing.goes_on(self.live.progress()) {
                    break;
                },
                event = self.live.next() => self.tell(link, event),
                incoming = link.next() => if let Incoming::Closed | Incoming::Gone | Incoming::Fault(..) = incoming {
                    return ended(incoming);
                },
            }
        }
        end
    }

    /// What was taken in of a client who has gone; a close of its is answered meanwhile.
    async fn work_through(&mut self, link: &mut StreamLink, app: &App) {
        let mut finishing = self.finishing(app);
        let mut is_gone = false;
        while !self.live.is_idle() {
            tokio::select! {
                () = sleep_until(finishing.until()) => if !finishing.goes_on(self.live.progress()) {
                    break;
                },
                _ = self.live.next() => {}
                _ = link.next(), if !is_gone => is_gone = true,
            }
        }
    }

    fn finishing(&self, app: &App) -> Finishing {
        let time = self.live.finish_time();
        let time = if app.closing.is_cancelled() { time.within(app.options.grace) } else { time };
        Finishing::begin(time, self.live.progress())
    }

    /// What went on until now ends with the stream: readers are told even where the client has gone.
    fn end(&mut self, link: &mut StreamLink) {
        let told = self.live.end();
        told.into_iter().for_each(|text| self.tell(link, text));
    }

    fn tell(&self, link: &mut StreamLink, text: StreamText) {
        self.stream.meter().sent(text.len());
        link.push(text);
    }

    /// Does what a control message asks and tells the outcome.
    fn control(&mut self, text: &str, link: &mut StreamLink, app: &App) {
        let outcome = if text.len() > L::text_bytes_max(&app.options.limits.stream) {
            Err(ApiError::new(Refusal::Control, TOO_LONG))
        } else {
            self.live.control(text)
        };
        match outcome {
            Ok(answer) => answer.into_iter().for_each(|answer| self.tell(link, answer)),
            Err(error) => self.tell(link, L::problem(&error)),
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
        Pulse::Stuck => Err(STUCK),
        Pulse::Gone => Err(End::Gone),
    }
}

fn ended(incoming: Incoming) -> End {
    match incoming {
        Incoming::Fault(code, reason) => End::Close(code, reason),
        Incoming::Closed => End::Closed,
        _ => End::Gone,
    }
}
