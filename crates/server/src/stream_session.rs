//! One live detection stream from its opening to its close: frames and control messages in, events out.

use crate::app::App;
use crate::connection_limit::ConnectionPermit;
use crate::detect_query::{DetectQuery, changed};
use crate::error::{ApiError, Refusal};
use crate::stream_link::{Incoming, Pulse, StreamLink};
use crate::wire::{Control, DetectAnswer, OptionsBody, StreamEventBody, ms};
use axum::extract::ws::WebSocket;
use bytes::Bytes;
use samovar_media::Picture;
use samovar_models::Detector;
use samovar_pipelines::{DetectStream, FrameEvent};
use samovar_runtime::{Opened, RunError, RunErrorKind, StreamKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

/// What a stream was opened with.
pub(crate) struct Session {
    /// When its request came.
    pub(crate) asked: Instant,
    pub(crate) query: DetectQuery,
    pub(crate) detector: Detector,
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
pub(crate) async fn run(socket: WebSocket, session: Session, app: Arc<App>) {
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

async fn serve(mut link: StreamLink, session: Session, app: &App) {
    let end = match open(&mut link, &session, app).await {
        Ok(mut stream) => stream.run(&mut link, app).await,
        Err(end) => end,
    };
    match end {
        End::Gone => drop(link),
        End::Closed => link.end().await,
        End::Close(code, reason) => link.close(code, reason).await,
    }
}

/// Waits for the model; frames that come meanwhile are dropped and told.
async fn open<'s>(link: &mut StreamLink, session: &'s Session, app: &App) -> Result<Running<'s>, End> {
    let detector = &session.detector;
    let mut pulse = pulse(link);
    let mut early = 0;
    let deadline = session.asked + session.query.timeout(OPEN_MAX);
    let opening = detector.handle().open();
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
    link.push(&event);
    if early > 0 {
        link.push(&StreamEventBody::Dropped { frame: 0, count: early, reason: "not_ready" });
    }
    Ok(Running { stream, detector, frame_next: early, pulse })
}

/// The longest that a stream waits for its model: loading, comparing precisions and warming may take minutes.
const OPEN_MAX: Duration = Duration::from_secs(600);
const GOING_AWAY: End = End::Close(1001, "the server is shutting down");

fn ready(session: &Session, opened: &Opened, app: &App) -> Result<(DetectStream, StreamEventBody), ApiError> {
    let Session { asked, query, detector, key, .. } = session;
    let model = detector.model()?;
    let options = query.options(&model)?;
    let shown = OptionsBody::new(&options, &model);
    let (warm, took) = (matches!(opened, Opened::Warm(_)), asked.elapsed());
    app.metrics.stream_opened(warm, took);
    let generation = opened.generation();
    let event = StreamEventBody::Ready {
        model: generation.name.to_string(),
        generation: generation.number,
        engine: generation.engine,
        precision: generation.precision.name(),
        warm,
        open_ms: ms(took),
        options: shown,
    };
    Ok((DetectStream::new(detector.clone(), options, *key), event))
}

fn still_loading() -> RunError {
    let kind = RunErrorKind::NotReady { retry_after: Duration::from_secs(1) };
    RunError::new(kind, "the model is still being loaded")
}

/// Tells why the stream cannot be, and ends it.
fn fail(link: &mut StreamLink, error: &ApiError) -> End {
    link.push(&StreamEventBody::Error(error.stream_problem(None)));
    End::Close(error.close_code(), error.code())
}

fn refuse_control(link: &mut StreamLink) {
    let error = ApiError::new(Refusal::Control, "control messages are taken after `ready`");
    link.push(&StreamEventBody::Error(error.stream_problem(None)));
}

/// A stream whose model is warm.
struct Running<'s> {
    stream: DetectStream,
    detector: &'s Detector,
    /// Number of the frame that comes next.
    frame_next: u64,
    pulse: Interval,
}

impl Running<'_> {
    async fn run(&mut self, link: &mut StreamLink, app: &App) -> End {
        loop {
            tokio::select! {
                incoming = link.next() => match incoming {
                    Incoming::Frame(bytes) => self.take_frame(bytes, app),
                    Incoming::Text(text) => link.push(&self.control(&text, app)),
                    other => return ended(&other),
                },
                event = self.stream.next() => link.push(&body(event)),
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
                event = self.stream.next() => link.push(&body(event)),
                incoming = link.next() => if let Incoming::Closed | Incoming::Gone | Incoming::Fault(..) = incoming {
                    return ended(&incoming);
                },
            }
        }
        GOING_AWAY
    }

    fn take_frame(&mut self, bytes: Bytes, app: &App) {
        let number = self.frame_next;
        self.frame_next += 1;
        match Picture::encoded(bytes, app.options.limits.image) {
            Ok(picture) => self.stream.push(number, picture),
            Err(error) => {
                let kind = RunErrorKind::Input { code: error.kind().code() };
                self.stream.push_error(number, RunError::new(kind, error.to_string()));
            }
        }
    }

    /// Does what a control message asks and tells the outcome.
    fn control(&mut self, text: &str, app: &App) -> StreamEventBody {
        let outcome = if text.len() > app.options.limits.stream.control_bytes_max {
            Err(ApiError::new(Refusal::Control, "the control message is over the limit"))
        } else {
            self.set_options(text)
        };
        match outcome {
            Ok(options) => StreamEventBody::Options(options),
            Err(error) => StreamEventBody::Error(error.stream_problem(None)),
        }
    }

    fn set_options(&mut self, text: &str) -> Result<OptionsBody, ApiError> {
        let unreadable =
            "a control message is an object with `type` \"options\" and score_min, iou_max, detections_max or classes";
        let control: Control = serde_json::from_str(text).map_err(|_| ApiError::new(Refusal::Control, unreadable))?;
        let model = self.detector.model()?;
        let options = changed(self.stream.options(), control, &model)?;
        let shown = OptionsBody::new(&options, &model);
        self.stream.set_options(options);
        Ok(shown)
    }
}

fn body(event: FrameEvent<samovar_models::Detections>) -> StreamEventBody {
    match event {
        FrameEvent::Result { frame, completed, latency } => {
            StreamEventBody::Result { frame, answer: DetectAnswer::new(&completed, latency) }
        }
        FrameEvent::Dropped { frame, count } => StreamEventBody::Dropped { frame, count, reason: "overloaded" },
        FrameEvent::Error { frame, error } => StreamEventBody::Error(ApiError::from(error).stream_problem(Some(frame))),
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
