//! One live stream as a real client plays it: frames by the clock, whatever the answers do, and every event taken in.

use super::clip::Clip;
use super::tally::{StreamState, Tally};
use crate::failure::CliError;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WireError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::sync::CancellationToken;

/// One live stream.
#[derive(Clone)]
pub struct Player {
    /// Counted from 0.
    pub number: usize,
    /// What is played.
    pub clip: Arc<Clip>,
    /// The frame of the clip that it begins with.
    pub offset: u64,
    /// What becomes of the frames.
    pub tally: Arc<Mutex<Tally>>,
    /// Told of every event.
    pub heard: Arc<Notify>,
}

/// When frames are sent.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The first.
    pub start: Instant,
    /// From one to the next.
    pub period: Duration,
    /// How many; none for no end.
    pub frames: Option<u64>,
    /// Cancelled when no further ones are to be sent.
    pub stop: CancellationToken,
}

/// A stream that is open.
pub type Socket = WebSocketStream<TcpStream>;

/// The longest that a server may take to load, compare and warm its models.
const OPEN_MAX: Duration = Duration::from_secs(300);
/// The longest wait for the server to take one frame.
const SEND_MAX: Duration = Duration::from_secs(10);
/// The longest wait for what is still to be told when all frames are sent.
const LAST_EVENTS_MAX: Duration = Duration::from_secs(10);
/// The longest wait for the server's close.
const CLOSE_MAX: Duration = Duration::from_secs(2);

impl Player {
    /// Opens the stream at this path and waits until its models are warm.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn open(&self, address: SocketAddr, path: &str) -> Result<Socket, CliError> {
        let opened = timeout(OPEN_MAX, open(address, path)).await;
        let opened = opened.unwrap_or_else(|_| Err(failed("its models did not get ready in time")));
        self.tally.lock().state = if opened.is_ok() { StreamState::Live } else { StreamState::Failed };
        opened
    }

    /// Sends the frames when they are due and takes in what the server tells, to the last frame's event.
    ///
    /// # Errors
    /// Where the stream breaks off, or not every frame is told of.
    pub async fn play(&self, socket: Socket, schedule: Schedule) -> Result<(), CliError> {
        let (mut sink, mut events) = socket.split();
        let sending = async {
            self.send(&mut sink, &schedule).await?;
            timeout(LAST_EVENTS_MAX, self.all_heard()).await.map_err(|_| self.left_open())
        };
        let played = tokio::select! {
            sent = sending => sent,
            error = self.hear(&mut events) => Err(error),
        };
        self.tally.lock().state = if played.is_ok() { StreamState::Ended } else { StreamState::Failed };
        close(sink, events).await;
        played
    }

    async fn send(&self, sink: &mut SplitSink<Socket, Message>, schedule: &Schedule) -> Result<(), CliError> {
        for frame in 0..schedule.frames.unwrap_or(u64::MAX) {
            let due = schedule.start + schedule.period.mul_f64(frame as f64);
            tokio::select! {
                biased;
                () = schedule.stop.cancelled() => break,
                () = sleep_until(due) => {}
            }
            let picture = self.clip.picture(frame + self.offset).clone();
            self.tally.lock().send(std::time::Instant::now());
            let sent = timeout(SEND_MAX, sink.send(Message::Binary(picture))).await;
            sent.map_err(|_| failed("the server takes no frames"))?.map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    /// Takes in events until the stream ends by itself, which it should not.
    async fn hear(&self, events: &mut SplitStream<Socket>) -> CliError {
        loop {
            match events.next().await {
                Some(Ok(Message::Text(text))) => self.take_in(&text),
                Some(Ok(Message::Close(close))) => {
                    let reason = close.map_or_else(String::new, |close| format!(": {}", close.reason));
                    return failed(format!("the server closed it{reason}"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return broken(&error),
                None => return failed("the connection ended"),
            }
        }
    }

    fn take_in(&self, text: &str) {
        let Ok(event) = serde_json::from_str::<Value>(text) else { return };
        self.tally.lock().hear(&event, std::time::Instant::now());
        self.heard.notify_one();
    }

    async fn all_heard(&self) {
        while self.tally.lock().unanswered() > 0 {
            self.heard.notified().await;
        }
    }

    fn left_open(&self) -> CliError {
        failed(format!("{} frames were neither answered nor dropped", self.tally.lock().unanswered()))
    }
}

async fn open(address: SocketAddr, path: &str) -> Result<Socket, CliError> {
    let connected = TcpStream::connect(address).await;
    let socket = connected.map_err(|error| failed(format!("the server cannot be reached: {error}")))?;
    // A frame must not wait for the acknowledgement of the last one.
    socket.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
    let url = format!("ws://{address}{path}");
    // The client is in the server's process here and must not blur what a stream takes there.
    let buffers = WebSocketConfig::default().read_buffer_size(8 << 10).write_buffer_size(0);
    let opened = client_async_with_config(url, socket, Some(buffers)).await;
    let (mut socket, _) = opened.map_err(|error| broken(&error))?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let event: Value = serde_json::from_str(&text).unwrap_or_default();
                return if event["type"] == "ready" { Ok(socket) } else { Err(refused(&event)) };
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(broken(&error)),
            None => return Err(failed("the connection ended")),
        }
    }
}

async fn close(mut sink: SplitSink<Socket, Message>, mut events: SplitStream<Socket>) {
    // All is said; how the connection ends changes nothing.
    let _ = timeout(CLOSE_MAX, async {
        let _ = sink.close().await;
        while let Some(Ok(_)) = events.next().await {}
    })
    .await;
}

fn refused(event: &Value) -> CliError {
    let said = |field: &str| event[field].as_str().map(str::to_owned);
    let error = failed(said("detail").unwrap_or_else(|| "the server did not say why".to_owned()));
    match said("cure") {
        Some(cure) => error.cure(cure),
        None => error,
    }
}

fn broken(error: &WireError) -> CliError {
    failed(error.to_string())
}

fn failed(what: impl std::fmt::Display) -> CliError {
    CliError::new("stream_failed", format!("a stream failed: {what}"))
}
