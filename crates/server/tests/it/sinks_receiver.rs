//! Somebody who takes what webhooks post.

use crate::client::PATIENCE;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Takes everything.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    events: UnboundedReceiver<Value>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, (told, events)) = (listener.local_addr().unwrap(), unbounded_channel());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                open.spawn(serve(listener.accept().await.unwrap().0, told.clone()));
            }
        });
        Self { address, events, _tasks: tasks }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Value {
        timeout(PATIENCE, self.events.recv()).await.expect("an event comes").unwrap()
    }

    /// Everything that has come and was not looked at.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

async fn serve(socket: TcpStream, told: UnboundedSender<Value>) {
    let mut socket = BufReader::new(socket);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await.unwrap();
        drop(told.send(serde_json::from_slice(&body).unwrap()));
        socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    }
}
