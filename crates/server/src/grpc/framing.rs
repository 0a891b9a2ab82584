//! gRPC's frames: five bytes before each message, and a status behind the last one.

use super::rope::Rope;
use crate::ServerLimits;
use crate::request_body::{BodyFault, body_error};
use axum::body::Body;
use axum::response::Response;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::BodyExt;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tonic::Status;

/// Reads messages off a body.
pub(super) struct MessageReader {
    body: Body,
    rope: Rope,
    bytes_max: usize,
    /// Bytes of the message that is being read; none before its header is.
    expected: Option<usize>,
    /// What holds of a message that has begun; none where the body's own limits do.
    pace: Option<Pace>,
    /// How long the message that is being read has been waited for.
    waited: Duration,
}

/// How slowly a message may come.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// The longest silence, and the time after which the rate is looked at.
    silence_max: Duration,
    rate_min_bytes: u64,
}

/// A flag for compression, and the length.
pub(super) const HEADER_BYTES: usize = 5;

impl MessageReader {
    /// Reads messages of up to `bytes_max` bytes.
    pub(super) fn new(body: Body, bytes_max: usize) -> Self {
        Self { body, rope: Rope::default(), bytes_max, expected: None, pace: None, waited: Duration::ZERO }
    }

    /// Of a body that may be silent between messages: what has come of a message is kept for those alone who go on sending it.
    pub(super) fn paced(self, limits: &ServerLimits) -> Self {
        let pace = Pace { silence_max: limits.body_idle_time, rate_min_bytes: limits.body_rate_min_bytes };
        Self { pace: Some(pace), ..self }
    }

    /// The one message of a call.
    pub(super) async fn only(&mut self) -> Result<Rope, Status> {
        let message = self.next().await?.ok_or_else(|| Status::invalid_argument("the call has no message"))?;
        match self.fill(1).await? {
            false => Ok(message),
            true => Err(Status::invalid_argument("the call has more than one message")),
        }
    }

    /// The next message; none at the end. Giving up waiting loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Rope>, Status> {
        if self.expected.is_none() {
            match self.fill(HEADER_BYTES).await? {
                true => self.expected = Some(self.read_header()?),
                false if self.rope.has_remaining() => return Err(cut_short()),
                false => return Ok(None),
            }
        }
        let length = self.expected.unwrap_or(0);
        if !self.fill(length).await? {
            return Err(cut_short());
        }
        (self.expected, self.waited) = (None, Duration::ZERO);
        Ok(Some(self.rope.take_pieces(length).into_iter().collect()))
    }

    fn read_header(&mut self) -> Result<usize, Status> {
        let (flag, length) = (self.rope.get_u8(), self.rope.get_u32() as usize);
        match flag {
            0 if length <= self.bytes_max => Ok(length),
            0 => Err(Status::resource_exhausted(format!(
                "the message has {length} bytes and may have {}; send less at once",
                self.bytes_max
            ))),
            1 => Err(Status::unimplemented("messages are taken uncompressed; send them without `grpc-encoding`")),
            _ => Err(Status::invalid_argument("the message's first byte is neither 0 nor 1")),
        }
    }

    /// Whether there are `bytes` bytes, after waiting for them.
    async fn fill(&mut self, bytes: usize) -> Result<bool, Status> {
        while self.rope.remaining() < bytes {
            let Some(frame) = self.frame().await? else { return Ok(false) };
            let frame = frame.map_err(|error| Status::from(body_error(&error)))?;
            if let Ok(data) = frame.into_data() {
                self.rope.push(data);
            }
        }
        Ok(true)
    }
}

impl MessageReader {
    /// What comes next, in time where a message has begun.
    async fn frame(&mut self) -> Result<Option<Result<Frame<Bytes>, axum::Error>>, Status> {
        let begun = self.expected.is_some() || self.rope.has_remaining();
        let Some(pace) = self.pace.filter(|_| begun) else { return Ok(self.body.frame().await) };
        let since = Instant::now();
        let frame = timeout(pace.silence_max, self.body.frame()).await.map_err(|_| too_slow())?;
        self.waited += since.elapsed();
        let least = self.waited.as_secs().saturating_mul(pace.rate_min_bytes);
        let slow = self.waited >= pace.silence_max && (self.rope.remaining() as u64) < least;
        if slow { Err(too_slow()) } else { Ok(frame) }
    }
}

fn too_slow() -> Status {
    body_error(&BodyFault::TooSlow).into()
}

fn cut_short() -> Status {
    Status::invalid_argument("the message ends before its length")
}

/// A message on its way out: small parts put together, tensors as the slices that they are.
#[derive(Debug, Default)]
pub(super) struct Parts {
    parts: VecDeque<Bytes>,
    tail: BytesMut,
    length: usize,
}

/// Smaller tensors are copied.
const SMALL_BYTES: usize = 4 << 10;

impl Parts {
    /// Adds the fields of a message.
    pub(super) fn put_message(&mut self, message: &impl prost::Message) {
        let before = self.tail.len();
        message.encode(&mut self.tail).expect("the buffer grows");
        self.length += self.tail.len() - before;
    }

    /// Adds a field of bytes.
    pub(super) fn put_bytes(&mut self, tag: u32, bytes: Bytes) {
        self.put_field_head(tag, bytes.len());
        self.length += bytes.len();
        if bytes.len() < SMALL_BYTES {
            self.tail.extend_from_slice(&bytes);
        } else {
            self.seal();
            self.parts.push_back(bytes);
        }
    }

    /// Makes this the message of a field.
    pub(super) fn into_field(self, tag: u32) -> Self {
        let mut outer = Self::default();
        outer.put_field_head(tag, self.length);
        outer.append(self);
        outer
    }

    /// The whole frame.
    pub(super) fn into_frame(self) -> Result<VecDeque<Bytes>, Status> {
        let length = u32::try_from(self.length).map_err(|_| Status::resource_exhausted("the answer is over 4 GiB"))?;
        let mut frame = Self::default();
        frame.tail.reserve(HEADER_BYTES + self.tail.len().min(SMALL_BYTES));
        frame.tail.put_u8(0);
        frame.tail.put_u32(length);
        frame.append(self);
        frame.seal();
        Ok(frame.parts)
    }

    fn put_field_head(&mut self, tag: u32, length: usize) {
        encode_key(tag, WireType::LengthDelimited, &mut self.tail);
        encode_varint(length as u64, &mut self.tail);
        self.length += key_len(tag) + encoded_len_varint(length as u64);
    }

    fn append(&mut self, mut other: Self) {
        other.seal();
        for part in other.parts {
            self.length += part.len();
            if part.len() < SMALL_BYTES {
                self.tail.extend_from_slice(&part);
            } else {
                self.seal();
                self.parts.push_back(part);
            }
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.parts.push_back(self.tail.split().freeze());
        }
    }
}

/// The answer of a call with one message.
pub(super) fn answer(frame: VecDeque<Bytes>) -> Response {
    respond(FrameBody { replies: stream::empty(), ready: frame, ended: false })
}

/// The answer of a call with a stream of frames.
pub(super) fn answer_stream(
    replies: impl Stream<Item = Result<VecDeque<Bytes>, Status>> + Send + Unpin + 'static,
) -> Response {
    respond(FrameBody { replies, ready: VecDeque::new(), ended: false })
}

fn respond<S>(body: FrameBody<S>) -> Response
where
    S: Stream<Item = Result<VecDeque<Bytes>, Status>> + Send + Unpin + 'static,
{
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
    response
}

/// Frames, then the status.
struct FrameBody<S> {
    replies: S,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl<S: Stream<Item = Result<VecDeque<Bytes>, Status>> + Unpin> http_body::Body for FrameBody<S> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(part))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let status = match ready!(Pin::new(&mut self.replies).poll_next(context)) {
                Some(Ok(frame)) => {
                    self.ready = frame;
                    continue;
                }
                Some(Err(status)) => status,
                None => Status::ok(""),
            };
            self.ended = true;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
        }
    }
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from(status.code() as i32));
    }
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tonic::Code;

    /// Each piece after its pause; then nothing more, and no end.
    fn reader(pieces: Vec<(Duration, Vec<u8>)>) -> MessageReader {
        let pieces = stream::unfold(pieces.into_iter(), async |mut pieces| {
            let Some((pause, piece)) = pieces.next() else { return std::future::pending().await };
            tokio::time::sleep(pause).await;
            Some((Ok::<_, Infallible>(piece), pieces))
        });
        MessageReader::new(Body::from_stream(pieces), 1 << 20).paced(&ServerLimits::default())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn between_messages_a_stream_may_be_silent_and_within_one_it_may_not() {
        let whole = vec![0, 0, 0, 0, 2, 7, 7];
        let mut idle =
            reader(vec![(600 * SECOND, whole.clone()), (600 * SECOND, whole.clone()), (9 * SECOND, vec![0])]);
        assert_eq!(idle.next().await.unwrap().unwrap().remaining(), 2);
        assert_eq!(idle.next().await.unwrap().unwrap().remaining(), 2);
        assert_eq!(idle.next().await.unwrap_err().code(), Code::DeadlineExceeded, "a header that does not end");
        let mut silent = reader(vec![(SECOND, whole[..6].to_vec()), (11 * SECOND, vec![7])]);
        assert_eq!(silent.next().await.unwrap_err().code(), Code::DeadlineExceeded);
        let mut in_time = reader(vec![(SECOND, whole[..6].to_vec()), (9 * SECOND, vec![7])]);
        assert_eq!(in_time.next().await.unwrap().unwrap().remaining(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_trickles_in_is_given_up_and_a_slow_one_is_not() {
        let head = || (SECOND, vec![0, 0, 0, 0x80, 0]);
        let pieces =
            |bytes: usize| std::iter::once(head()).chain((0..60).map(move |_| (SECOND, vec![7; bytes]))).collect();
        assert_eq!(reader(pieces(100)).next().await.unwrap_err().code(), Code::DeadlineExceeded);
        assert_eq!(reader(pieces(2 << 10)).next().await.unwrap().unwrap().remaining(), 0x8000);
    }
}
