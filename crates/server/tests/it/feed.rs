//! A reader of Server-Sent Events.

use crate::client::PATIENCE;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A reader of Server-Sent Events over HTTP/1.0, so that nothing stands between the lines.
pub(crate) struct Feed(BufReader<TcpStream>);

/// One of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) event: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
}

impl Feed {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_after(address, path, None).await
    }

    /// Comes back: the last event that it had was that one.
    pub(crate) async fn open_after(address: SocketAddr, path: &str, last: Option<u64>) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n{last}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut feed = Self(BufReader::new(socket));
        let status = feed.line().await.unwrap();
        assert!(status.contains(" 200 "), "{status}");
        while !feed.line().await.unwrap().is_empty() {}
        feed
    }

    /// The next one; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Sent> {
        let mut sent = Sent { event: String::new(), id: None, data: Value::Null };
        loop {
            let line = self.line().await?;
            match line.split_once(':') {
                None if line.is_empty() && !sent.event.is_empty() => return Some(sent),
                Some(("event", name)) => sent.event = name.trim().to_owned(),
                Some(("id", id)) => sent.id = id.trim().parse().ok(),
                Some(("data", data)) => sent.data = serde_json::from_str(data).unwrap(),
                _ => {}
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("the server sends").unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }
}
