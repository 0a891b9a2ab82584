//! The WebSocket of one stream: messages in, events out, never waiting for a client that does not read.
//!
//! Sending and receiving are driven together, so that a full socket stops neither: what is told waits in a bounded outbox, results
//! push out older results, and a client that takes nothing for too long is known as stuck. Nothing overtakes anything; but an event
//! never waits behind results: when the socket is full it pushes them out, and no event is ever pushed out itself.

use crate::message_pace::MessagePace;
use crate::{Metrics, StreamLimits};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Error as WireError;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

/// The WebSocket of one stream.
pub(crate) struct StreamLink {
    socket: WebSocket,
    limits: StreamLimits,
    metrics: Arc<Metrics>,
    outbox: VecDeque<Outgoing>,
    /// Bytes of everything in the outbox.
    outbox_bytes: usize,
    /// Something was handed to the socket and may still be in its buffer.
    flushing: bool,
    /// Since when the client has taken nothing.
    stalled_since: Option<Instant>,
    /// Results pushed out since the client last took something.
    lost: u64,
    /// When the client last said anything.
    heard_at: Instant,
    /// Whether it has been asked for a sign of life since.
    asked: bool,
    /// How fast its messages are read.
    pace: MessagePace,
}

/// An event as it is sent.
#[derive(Debug)]
pub(crate) struct StreamText {
    text: Utf8Bytes,
    /// Whether newer events make it worthless to a client that is behind.
    replaceable: bool,
}

impl StreamText {
    /// An event that every client gets.
    pub(crate) fn lasting(event: &impl Serialize) -> Self {
        Self { text: json(event), replaceable: false }
    }

    /// A result or a drop, which newer ones may push out.
    pub(crate) fn replaceable(event: &impl Serialize) -> Self {
        Self { text: json(event), replaceable: true }
    }

    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The JSON itself; clones share it.
    pub(crate) const fn text(&self) -> &Utf8Bytes {
        &self.text
    }
}

fn json(event: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(event).expect("events are plain strings and finite numbers").into()
}

struct Outgoing {
    message: Message,
    bytes: usize,
    /// A result or a drop, which a newer one makes worthless.
    replaceable: bool,
}

/// What a client sent, or how it ended.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A picture.
    Frame(Bytes),
    /// A control message.
    Text(Utf8Bytes),
    /// The client closes.
    Closed,
    /// The connection is gone.
    Gone,
    /// The client broke the protocol or a limit; close with this code, for this reason.
    Fault(u16, Cow<'static, str>),
}

/// How a stream's client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It reads and answers.
    Fine,
    /// It does not read what is sent.
    Stuck,
    /// It has given no sign of life.
    Gone,
}

impl StreamLink {
    pub(crate) fn new(socket: WebSocket, limits: StreamLimits, metrics: Arc<Metrics>) -> Self {
        let pace = MessagePace::new(limits.messages_per_s_max);
        Self {
            socket,
            pace,
            limits,
            metrics,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            flushing: false,
            stalled_since: None,
            lost: 0,
            heard_at: Instant::now(),
            asked: false,
        }
    }

    /// Puts an event into the outbox; it goes out while [`StreamLink::next`] is awaited.
    pub(crate) fn push(&mut self, event: StreamText) {
        let StreamText { text, replaceable } = event;
        if !replaceable && self.stalled_since.is_some() {
            self.push_out_results();
        }
        let bytes = text.len();
        self.outbox.push_back(Outgoing { message: Message::Text(text), bytes, replaceable });
        self.outbox_bytes += bytes;
        self.make_room();
    }

    /// The next thing that the client sends. Sends what is in the outbox meanwhile. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            let message = match poll_fn(|context| self.poll(context)).await {
                None => return Incoming::Gone,
                Some(Ok(Message::Close(_))) => return Incoming::Closed,
                Some(Err(error)) => return fault(error),
                Some(Ok(message)) => message,
            };
            (self.heard_at, self.asked) = (Instant::now(), false);
            match message {
                Message::Binary(bytes) => return Incoming::Frame(bytes),
                Message::Text(text) => return Incoming::Text(text),
                _ => {}
            }
        }
    }

    /// The next thing that the client sends, where it `reads`; else what is in the outbox goes out, and nothing comes but the end of the
    /// connection. Silence is not held against a client who is not read. Safe to cancel.
    pub(crate) async fn next_if(&mut self, reads: bool) -> Incoming {
        if reads {
            return self.next().await;
        }
        (self.heard_at, self.asked) = (Instant::now(), false);
        self.hold().await;
        Incoming::Gone
    }

    /// Whether more events wait than may be held. None of them is ever left out, so the stream must end.
    pub(crate) const fn is_overfull(&self) -> bool {
        self.outbox_bytes > self.limits.write_buffer_bytes_max
    }

    /// Looks after the client: asks for a sign of life where there was none.
    pub(crate) fn pulse(&mut self) -> Pulse {
        let silent = self.heard_at.elapsed();
        if silent >= self.limits.ping_time + self.limits.pong_time {
            return Pulse::Gone;
        }
        if self.is_stuck() {
            return Pulse::Stuck;
        }
        if silent >= self.limits.ping_time && !self.asked {
            self.asked = true;
            self.outbox.push_back(Outgoing { message: Message::Ping(Bytes::new()), bytes: 0, replaceable: false });
        }
        Pulse::Fine
    }

    /// How often [`StreamLink::pulse`] is worth asking.
    pub(crate) fn pulse_every(&self) -> Duration {
        let shortest = self.limits.ping_time.min(self.limits.pong_time).min(self.limits.stall_time);
        (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(5))
    }

    /// Sends what is left and a close, and waits a little for the client's own.
    pub(crate) async fn close(mut self, code: u16, reason: Cow<'static, str>) {
        let reason = match reason {
            Cow::Borrowed(reason) => Utf8Bytes::from_static(reason),
            Cow::Owned(reason) => reason.into(),
        };
        let frame = CloseFrame { code, reason };
        self.outbox.push_back(Outgoing { message: Message::Close(Some(frame)), bytes: 0, replaceable: false });
        self.wait_for_end().await;
    }

    /// Answers the client's close.
    pub(crate) async fn end(mut self) {
        self.outbox.clear();
        self.wait_for_end().await;
    }

    async fn wait_for_end(&mut self) {
        let limit = self.limits.close_time;
        let ended = timeout(limit, async {
            loop {
                match poll_fn(|context| self.poll(context)).await {
                    None => return,
                    Some(Ok(_)) => {}
                    // What broke the protocol cannot be read past. Closing at once would reset the connection, and
                    // the client would lose the close that says why.
                    Some(Err(_)) => return self.hold().await,
                }
            }
        });
        if ended.await.is_err() {
            tracing::debug!("a client did not answer the close in time");
        }
    }

    /// Goes on sending, without reading.
    async fn hold(&mut self) {
        poll_fn(|context| match self.poll_send(context) {
            Ok(()) => Poll::Pending,
            Err(_) => Poll::Ready(()),
        })
        .await;
    }

    fn is_stuck(&self) -> bool {
        self.lost > self.limits.events_lost_max
            || self.stalled_since.is_some_and(|since| since.elapsed() >= self.limits.stall_time)
    }

    /// Drops the oldest results until the outbox is within its limits. Events are held: see [`StreamLink::is_overfull`].
    fn make_room(&mut self) {
        while self.outbox.len() > self.limits.events_max || self.outbox_bytes > self.limits.write_buffer_bytes_max {
            let Some(oldest) = self.outbox.iter().position(|outgoing| outgoing.replaceable) else { return };
            self.push_out(oldest);
        }
    }

    /// Newer than all of them is what comes now.
    fn push_out_results(&mut self) {
        while let Some(result) = self.outbox.iter().position(|outgoing| outgoing.replaceable) {
            self.push_out(result);
        }
    }

    fn push_out(&mut self, index: usize) {
        if let Some(outgoing) = self.outbox.remove(index) {
            self.outbox_bytes -= outgoing.bytes;
            self.lost += 1;
            self.metrics.stream_events_lost.inc();
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, axum::Error>>> {
        if let Err(error) = self.poll_send(context) {
            return Poll::Ready(Some(Err(error)));
        }
        let waiting = self.pace.is_waiting();
        if self.pace.poll_leave(context).is_pending() {
            self.metrics.streams_paced.inc_by(u64::from(!waiting));
            return Poll::Pending;
        }
        let message = ready!(self.socket.poll_next_unpin(context));
        self.pace.took();
        Poll::Ready(message)
    }

    /// Sends as much as the socket takes.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), axum::Error> {
        while !self.outbox.is_empty() {
            if self.socket.poll_ready_unpin(context)?.is_pending() {
                self.stalled_since.get_or_insert_with(Instant::now);
                return Ok(());
            }
            self.progressed();
            if let Some(outgoing) = self.outbox.pop_front() {
                self.outbox_bytes -= outgoing.bytes;
                self.flushing = true;
                self.socket.start_send_unpin(outgoing.message)?;
            }
        }
        if self.flushing {
            if self.socket.poll_flush_unpin(context)?.is_pending() {
                self.stalled_since.get_or_insert_with(Instant::now);
                return Ok(());
            }
            self.flushing = false;
            self.progressed();
        }
        Ok(())
    }

    const fn progressed(&mut self) {
        self.stalled_since = None;
        self.lost = 0;
    }
}

/// The close code for what a client did wrong (RFC 6455 §7.4.1).
fn fault(error: axum::Error) -> Incoming {
    match error.into_inner().downcast_ref::<WireError>() {
        Some(WireError::Capacity(CapacityError::MessageTooLong { max_size, .. })) => {
            Incoming::Fault(1009, format!("a message has at most {max_size} bytes").into())
        }
        Some(WireError::Capacity(_)) => Incoming::Fault(1009, "the message is over the limit".into()),
        Some(WireError::Utf8(_)) => Incoming::Fault(1007, "the text is not UTF-8".into()),
        Some(WireError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Incoming::Gone,
        Some(WireError::Protocol(_)) => Incoming::Fault(1002, "the protocol was broken".into()),
        _ => Incoming::Gone,
    }
}
