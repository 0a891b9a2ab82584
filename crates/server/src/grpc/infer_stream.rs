//! `ModelStreamInfer`: requests and answers on one stream, answers in the order of the requests.
//!
//! Nothing runs ahead of the client: while it takes no answers none are computed anew and no further requests are read, so that a
//! stream holds a bounded number of requests and bytes whatever the client does.

use super::asker::Asker;
use super::deadline::late;
use super::framing::{self, HEADER_BYTES, MessageReader, Parts};
use super::infer_answer;
use super::infer_message::InferMessage;
use super::rope::Rope;
use super::status::refused;
use crate::app::App;
use crate::body_budget::BodyCharge;
use crate::connection::Peer;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, unfold};
use futures_util::{FutureExt, StreamExt};
use http::HeaderMap;
use samovar_service::ServiceError;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

/// Answers a stream of inferences.
pub(super) async fn infer_stream(State(app): State<Arc<App>>, request: Request) -> Response {
    match Session::open(app, request) {
        Ok(session) => framing::answer_stream(unfold(session, Session::step).boxed()),
        Err(status) => status.into_http(),
    }
}

/// One open stream.
struct Session {
    app: Arc<App>,
    asker: Asker,
    reader: MessageReader,
    /// Requests that are being answered, and the bytes of their messages.
    running: FuturesOrdered<BoxFuture<'static, Finished>>,
    running_bytes: usize,
    bytes_max: usize,
    /// What its messages hold of the budget of all bodies, from their first byte until they are answered.
    charge: Option<Arc<BodyCharge>>,
    /// Whether the first error of a request ends the stream with its status, as the client has asked.
    errors_end: bool,
    /// Whether a request has come; the stream itself counted for it.
    begun: bool,
    phase: Phase,
}

/// What became of one request, and the bytes of its message.
struct Finished {
    bytes: usize,
    reply: Result<Parts, Failed>,
}

/// A request that has no answer.
struct Failed {
    id: String,
    model: String,
    status: Status,
}

enum Phase {
    /// Requests are read.
    Open,
    /// No more are, and this is how the stream ends when what was read is answered.
    Ending(Option<Status>),
    Over,
}

/// What happens next.
enum Event {
    Finished(Finished),
    Message(Result<Option<Rope>, Status>),
    Closing,
    Late,
}

type Frame = Result<VecDeque<Bytes>, Status>;

impl Session {
    fn open(app: Arc<App>, request: Request) -> Result<Self, Status> {
        let asker = Asker::of(request.extensions())?;
        let bytes_max = asker.message_bytes_max(&app);
        let charge = request.extensions().get::<Peer>().and_then(|peer| peer.body.clone());
        let errors_end = wants_statuses(request.headers());
        let reader = MessageReader::new(request.into_body(), bytes_max).paced(&app.options.limits);
        let (running, phase) = (FuturesOrdered::new(), Phase::Open);
        Ok(Self { app, asker, reader, running, running_bytes: 0, bytes_max, charge, errors_end, begun: false, phase })
    }

    /// The next answer; none at the end.
    async fn step(mut self) -> Option<(Frame, Self)> {
        loop {
            if matches!(self.phase, Phase::Over) {
                return None;
            }
            if let Phase::Ending(status) = &mut self.phase
                && self.running.is_empty()
            {
                let status = status.take()?;
                return Some(self.end(status));
            }
            match self.next_event().await {
                Event::Finished(finished) => {
                    self.running_bytes -= finished.bytes;
                    if let Some(charge) = &self.charge {
                        charge.give_back((finished.bytes + HEADER_BYTES) as u64);
                    }
                    return Some(self.reply(finished.reply));
                }
                Event::Message(Ok(Some(message))) => self.start(message),
                Event::Message(Ok(None)) => self.phase = Phase::Ending(None),
                Event::Message(Err(status)) => self.phase = Phase::Ending(Some(status)),
                Event::Closing => self.phase = Phase::Ending(Some(going_down())),
                Event::Late => return Some(self.end(late())),
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let open = matches!(self.phase, Phase::Open);
        let room = self.running.len() < self.app.options.limits.grpc_stream_requests_max
            && self.running_bytes < self.bytes_max;
        let deadline = self.asker.deadline.0;
        tokio::select! {
            biased;
            Some(finished) = self.running.next() => Event::Finished(finished),
            () = self.app.closing.cancelled(), if open => Event::Closing,
            message = self.reader.next(), if open && room => Event::Message(message),
            () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => Event::Late,
        }
    }

    /// Begins with one request. What is wrong with it is told in its turn; what is no request at all ends the stream.
    fn start(&mut self, message: Rope) {
        let bytes = message.remaining();
        let message = match InferMessage::decode(message) {
            Ok(message) => message,
            Err(status) => return self.phase = Phase::Ending(Some(status)),
        };
        self.running_bytes += bytes;
        let (app, asker) = (Arc::clone(&self.app), self.asker.clone());
        let further = std::mem::replace(&mut self.begun, true);
        let admitted = if further { app.options.access.admit_again(&asker.caller) } else { Ok(()) };
        let finished = async move { Finished { bytes, reply: answer(&app, &asker, message, admitted).await } };
        self.running.push_back(finished.boxed());
    }

    fn reply(self, reply: Result<Parts, Failed>) -> (Frame, Self) {
        let parts = match reply {
            Ok(parts) => parts,
            Err(failed) if self.errors_end => return self.end(failed.status),
            Err(failed) => infer_answer::failed_in_stream(failed.id, failed.model, failed.status.message().to_owned()),
        };
        match parts.into_frame() {
            Ok(frame) => (Ok(frame), self),
            Err(status) => self.end(status),
        }
    }

    /// The end with that status. What is still being answered is given up.
    fn end(mut self, status: Status) -> (Frame, Self) {
        self.phase = Phase::Over;
        self.running = FuturesOrdered::new();
        (Err(status), self)
    }
}

async fn answer(
    app: &App,
    asker: &Asker,
    message: InferMessage,
    admitted: Result<(), ServiceError>,
) -> Result<Parts, Failed> {
    let (id, model) = (message.fields.id.clone(), message.fields.model_name.clone());
    let result = async {
        admitted.map_err(refused)?;
        let request = message.into_request(asker.deadline.left())?;
        app.tensors.infer(&asker.caller, request).await.map_err(refused)
    };
    match result.await {
        Ok(response) => Ok(infer_answer::in_stream(response)),
        Err(status) => Err(Failed { id, model, status }),
    }
}

/// Triton's word for clients that want errors as statuses.
fn wants_statuses(headers: &HeaderMap) -> bool {
    headers.get("triton_grpc_error").is_some_and(|value| value == "true")
}

fn going_down() -> Status {
    Status::unavailable("the server is shutting down; open the stream again elsewhere")
}
