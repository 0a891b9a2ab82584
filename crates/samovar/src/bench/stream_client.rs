//! The client's end of one live stream: opens it, sends pictures, takes events.

use crate::failure::CliError;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// One live stream, as its client has it.
pub struct StreamClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// The longest that a model may take to load and warm.
const OPEN_MAX: Duration = Duration::from_secs(300);
/// The longest wait for an event that is due.
const EVENT_MAX: Duration = Duration::from_secs(60);

impl StreamClient {
    /// Opens `ws://…` and waits until its model is warm.
    ///
    /// # Errors
    /// Where it does not get there.
    pub async fn open(url: &str) -> Result<Self, CliError> {
        let connected = timeout(OPEN_MAX, connect_async(url)).await.map_err(|_| failed("it took too long to open"))?;
        let (mut socket, _) = connected.map_err(|error| failed(error.to_string()))?;
        let ready = timeout(OPEN_MAX, next_event(&mut socket)).await;
        let ready = ready.map_err(|_| failed("the model did not get ready in time"))??;
        match ready["type"].as_str() {
            Some("ready") => Ok(Self { socket }),
            _ => Err(failed(format!("the server said {ready}"))),
        }
    }

    /// Sends one picture.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn send(&mut self, picture: Bytes) -> Result<(), CliError> {
        self.socket.send(Message::Binary(picture)).await.map_err(|error| failed(error.to_string()))
    }

    /// Sends a control message.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn control(&mut self, message: &Value) -> Result<(), CliError> {
        let message = Message::Text(message.to_string().into());
        self.socket.send(message).await.map_err(|error| failed(error.to_string()))
    }

    /// The next event. Safe to give up.
    ///
    /// # Errors
    /// Where the stream ends or nothing comes for a minute.
    pub async fn event(&mut self) -> Result<Value, CliError> {
        let event = timeout(EVENT_MAX, next_event(&mut self.socket)).await;
        event.map_err(|_| failed("no event came in time"))?
    }

    /// Closes it in order.
    pub async fn close(mut self) {
        // All is said; how the connection ends changes nothing.
        let _ = self.socket.close(None).await;
        while let Ok(Some(Ok(_))) = timeout(Duration::from_secs(2), self.socket.next()).await {}
    }
}

async fn next_event(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Result<Value, CliError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map_err(|_| failed("an event is no JSON"));
            }
            Some(Ok(Message::Close(close))) => return Err(failed(format!("the server closed it: {close:?}"))),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(failed(error.to_string())),
            None => return Err(failed("the connection ended")),
        }
    }
}

fn failed(what: impl std::fmt::Display) -> CliError {
    CliError::new("stream_failed", format!("a stream failed: {what}"))
}
