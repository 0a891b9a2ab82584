//! A WebSocket client.

use crate::client::{Answer, PATIENCE, raw};
use futures_util::{SinkExt, StreamExt};
use http::Request;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a stream, with a query that begins with `?` or is empty.
    pub(crate) async fn open(address: SocketAddr, query: &str) -> Self {
        Self::open_at(address, &format!("/v1/streams/detect{query}")).await
    }

    /// Opens whatever stream is at that path.
    pub(crate) async fn open_at(address: SocketAddr, path: &str) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let url = format!("ws://{address}{path}");
        Self(client_async(url, socket).await.unwrap().0)
    }

    /// Opens what that request asks for.
    pub(crate) async fn request(address: SocketAddr, request: Request<()>) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        Self(client_async(request, socket).await.unwrap().0)
    }

    /// Opens a stream over this connection.
    pub(crate) async fn over(socket: TcpStream, address: SocketAddr) -> Self {
        let url = format!("ws://{address}/v1/streams/detect");
        Self(client_async(url, socket).await.unwrap().0)
    }

    /// Sends a frame if that can be done at once; the server may have closed.
    pub(crate) async fn send_quietly(&mut self, bytes: Vec<u8>) {
        drop(timeout(Duration::from_millis(100), self.0.send(Message::Binary(bytes.into()))).await);
    }

    /// The same, when the first event, `ready`, has come.
    pub(crate) async fn ready(address: SocketAddr, query: &str) -> Self {
        let mut socket = Self::open(address, query).await;
        let ready = socket.event().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        socket
    }

    pub(crate) async fn frame(&mut self, bytes: Vec<u8>) {
        self.send(Message::Binary(bytes.into())).await.unwrap();
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.send(Message::Text(text.into())).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: Message) -> Result<(), Error> {
        timeout(PATIENCE, self.0.send(message)).await.expect("the server reads")
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Value {
        match self.message().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("no event: {other:?}"),
        }
    }

    /// The next event of that type, whatever comes before.
    pub(crate) async fn event_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event().await;
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The code that the server closes with, whatever comes before.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.close().await.0
    }

    /// The same with the reason.
    pub(crate) async fn close(&mut self) -> (u16, String) {
        loop {
            match self.message().await {
                Some(Message::Close(frame)) => {
                    let frame = frame.expect("a close has a code");
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(_) => {}
                None => panic!("the connection ended without a close"),
            }
        }
    }

    /// The answer to a request for an upgrade that is refused.
    pub(crate) async fn refused(address: SocketAddr, path: &str) -> Answer {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        raw(address, head.as_bytes()).await
    }

    async fn message(&mut self) -> Option<Message> {
        let message = timeout(PATIENCE, self.0.next()).await.expect("the server sends");
        message.map(|message| message.unwrap())
    }
}
