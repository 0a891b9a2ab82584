//! A request's body on its way in: counted, and cut when it is too large or comes too slowly.

use crate::body_budget::{BodyCharge, NoRoom};
use crate::error::{ApiError, Refusal};
use crate::{ServerLimits, ServerOptions, grpc};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A body with limits on its size and its pace.
pub(crate) struct RequestBody<B> {
    body: B,
    limits: BodyLimits,
    received_bytes: u64,
    /// Bytes of the present window, in which the pace is looked at.
    window_bytes: u64,
    /// How long the client was waited for in it. The time that its reader takes is not the client's.
    waited: Duration,
    /// What it takes of the budget of all bodies; none where it is not held.
    charge: Option<Arc<BodyCharge>>,
    /// Bytes that were set aside for it and have not come yet.
    set_aside: u64,
    /// Why it is not read at all.
    refused: Option<BodyFault>,
    /// When the present wait began, and what ends it; none while nothing has to be waited for.
    patience: Option<(Instant, Pin<Box<Sleep>>)>,
}

/// The limits that concern a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    bytes_max: u64,
    idle_time: Duration,
    rate_min_bytes: u64,
    /// Whether it is held until the answer, rather than written to the disk.
    held: bool,
}

/// Why a body was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the body is over the limit")]
    TooLarge,
    #[error("the body comes too slowly")]
    TooSlow,
    #[error("there is no room for the body")]
    NoRoom,
}

impl From<&ServerLimits> for BodyLimits {
    fn from(limits: &ServerLimits) -> Self {
        Self {
            bytes_max: limits.body_bytes_max as u64,
            idle_time: limits.body_idle_time,
            rate_min_bytes: limits.body_rate_min_bytes,
            held: true,
        }
    }
}

impl BodyLimits {
    /// What holds for this request: videos for jobs and recordings have limits of their own.
    pub(crate) fn of<B>(request: &Request<B>, options: &ServerOptions) -> Self {
        let limits = Self::from(&options.limits);
        match &options.jobs {
            Some(jobs) if request.method() == Method::POST && request.uri().path() == JOBS => Self {
                bytes_max: jobs.upload_bytes_max.saturating_add(FORM_BYTES),
                rate_min_bytes: jobs.upload_rate_min_bytes,
                held: false,
                ..limits
            },
            _ if request.method() == Method::POST && RECORDINGS.contains(&request.uri().path()) => {
                Self { bytes_max: options.limits.audio.bytes_max.saturating_add(FORM_BYTES), held: false, ..limits }
            }
            // Each message of a stream is counted by itself, and there may be none for long: a client that is gone answers no ping.
            _ if request.uri().path() == grpc::STREAM => {
                Self { bytes_max: u64::MAX, idle_time: STREAM_IDLE_TIME, rate_min_bytes: 0, ..limits }
            }
            _ => limits,
        }
    }

    /// Bytes of the body at most.
    pub(crate) const fn bytes_max(&self) -> u64 {
        self.bytes_max
    }
}

/// Where jobs are handed in.
pub(crate) const JOBS: &str = "/v1/jobs";
/// Where recordings are sent to be heard.
const RECORDINGS: [&str; 4] = ["/v1/audio/transcriptions", "/v1/audio/translations", "/asr/transcribe", "/api/analyze"];
/// How long a stream of requests may say nothing.
const STREAM_IDLE_TIME: Duration = Duration::from_secs(3_600);
/// What a form has around the video or the recording.
const FORM_BYTES: u64 = 128 << 10;

impl<B> RequestBody<B> {
    pub(crate) fn new(body: B, limits: BodyLimits) -> Self {
        Self {
            body,
            limits,
            received_bytes: 0,
            window_bytes: 0,
            waited: Duration::ZERO,
            charge: None,
            set_aside: 0,
            refused: None,
            patience: None,
        }
    }

    /// The same on the budget of all bodies; what it declares is set aside at once.
    pub(crate) fn charged(mut self, charge: &Arc<BodyCharge>, declared: Option<u64>) -> Self {
        if self.limits.held {
            // What is over the limit on one body is refused for that.
            self.set_aside = declared.filter(|declared| *declared <= self.limits.bytes_max).unwrap_or(0);
            self.refused = charge.take(self.set_aside).err().map(|NoRoom| BodyFault::NoRoom);
            self.charge = Some(Arc::clone(charge));
        }
        self
    }

    fn take(&mut self, bytes: usize) -> Result<(), BodyFault> {
        self.received_bytes += bytes as u64;
        if self.received_bytes > self.limits.bytes_max {
            return Err(BodyFault::TooLarge);
        }
        self.hold(bytes as u64)?;
        self.keep_pace(bytes as u64)
    }

    /// Looks at the pace whenever the client was waited for as long as it may be idle: what came fast before buys nothing.
    fn keep_pace(&mut self, bytes: u64) -> Result<(), BodyFault> {
        self.window_bytes += bytes;
        if self.waited < self.limits.idle_time {
            return Ok(());
        }
        let least = self.waited.as_millis().saturating_mul(u128::from(self.limits.rate_min_bytes)) / 1_000;
        let is_slow = u128::from(self.window_bytes) < least;
        (self.window_bytes, self.waited) = (0, Duration::ZERO);
        if is_slow { Err(BodyFault::TooSlow) } else { Ok(()) }
    }

    /// Takes what was not set aside from the budget.
    fn hold(&mut self, bytes: u64) -> Result<(), BodyFault> {
        let expected = bytes.min(self.set_aside);
        self.set_aside -= expected;
        let more = bytes - expected;
        match &self.charge {
            Some(charge) if more > 0 => charge.take(more).map_err(|NoRoom| BodyFault::NoRoom),
            _ => Ok(()),
        }
    }

    /// Waits for more, but not for ever.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<BodyFault> {
        let idle_time = self.limits.idle_time;
        let (_, patience) = self.patience.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + idle_time)))
        });
        patience.as_mut().poll(context).map(|()| BodyFault::TooSlow)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(fault) = self.refused {
            return Poll::Ready(Some(Err(fault.into())));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let fault = ready!(self.wait(context));
            return Poll::Ready(Some(Err(fault.into())));
        };
        if let Some((since, _)) = self.patience.take() {
            self.waited += since.elapsed();
        }
        let frame = frame.map(|frame| {
            let frame = frame.map_err(Into::into)?;
            self.take(frame.data_ref().map_or(0, Bytes::len))?;
            Ok(frame)
        });
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The whole body in one piece.
pub(crate) async fn read_whole(body: axum::body::Body) -> Result<Bytes, ApiError> {
    body.collect().await.map(http_body_util::Collected::to_bytes).map_err(|error| body_error(&error))
}

/// The rest of a body behind its first piece, in one piece, where it is a short one.
pub(crate) async fn read_portion(
    first: Bytes,
    mut body: axum::body::BodyDataStream,
    bytes_max: usize,
) -> Result<Bytes, ApiError> {
    let mut whole = Vec::from(first);
    while let Some(chunk) = body.next().await {
        whole.extend_from_slice(&chunk.map_err(|error| body_error(&error))?);
        if whole.len() > bytes_max {
            break;
        }
    }
    let fits = whole.len() <= bytes_max;
    fits.then(|| whole.into()).ok_or_else(|| ApiError::new(Refusal::Body, "the body is longer than it needs to be"))
}

/// What a client is told when its body cannot be read.
pub(crate) fn body_error(error: &(dyn Error + 'static)) -> ApiError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<BodyFault>() {
            return match fault {
                BodyFault::TooLarge => too_large(),
                BodyFault::TooSlow => ApiError::new(Refusal::BodyTime, "the body comes too slowly"),
                BodyFault::NoRoom => {
                    ApiError::new(Refusal::Bodies, "the server holds as many bytes of requests as it may")
                }
            };
        }
        if error.is::<LengthLimitError>() {
            return too_large();
        }
        cause = error.source();
    }
    ApiError::new(Refusal::Body, "the body ended early or cannot be read")
}

/// What a client is told whose body is over the limit.
pub(crate) fn too_large() -> ApiError {
    ApiError::new(Refusal::BodySize, "the body is over the limit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::StreamBody;

    fn limits() -> BodyLimits {
        BodyLimits::from(&ServerLimits { body_bytes_max: 64 << 10, ..ServerLimits::default() })
    }

    /// Pieces of `size` bytes, one after each `pause`.
    fn pieces(count: usize, size: usize, pause: Duration) -> axum::body::Body {
        let pieces = stream::unfold(0, move |sent| async move {
            if sent == count {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![0; size]))), sent + 1))
        });
        axum::body::Body::new(RequestBody::new(StreamBody::new(Box::pin(pieces)), limits()))
    }

    async fn code(body: axum::body::Body) -> &'static str {
        read_whole(body).await.map_or_else(|error| error.code(), |_| "read")
    }

    #[tokio::test(start_paused = true)]
    async fn size_silence_and_trickle_are_limits() {
        let second = Duration::from_secs(1);
        assert_eq!(code(pieces(64, 1 << 10, Duration::ZERO)).await, "read");
        assert_eq!(code(pieces(65, 1 << 10, Duration::ZERO)).await, "body_too_large");
        assert_eq!(code(pieces(2, 1 << 10, 11 * second)).await, "body_too_slow");
        assert_eq!(code(pieces(60, 100, second)).await, "body_too_slow");
        assert_eq!(code(pieces(30, 2 << 10, second)).await, "read", "slow, but not too slow");
        let sudden =
            stream::iter([Ok(Frame::data(Bytes::from(vec![0; 60 << 10])))]).chain(stream::unfold((), async |()| {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some((Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"a"))), ()))
            }));
        let since = Instant::now();
        let body = RequestBody::new(StreamBody::new(Box::pin(sudden)), limits());
        assert_eq!(code(axum::body::Body::new(body)).await, "body_too_slow");
        assert_eq!(since.elapsed(), 20 * second, "the first look sees what came at once, the next one the trickle");
    }
}
