//! As much of an HTTP client as the demo needs of its own server: one request, one answer, one connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// The body of the answer; none where its status is not 200 or it does not come.
pub async fn get(address: SocketAddr, path: &str) -> Option<String> {
    request(address, &format!("GET {path} HTTP/1.1\r\n"), &[]).await
}

/// The same for a request with a body.
pub async fn post(address: SocketAddr, path: &str, body: &[u8]) -> Option<String> {
    request(address, &format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len()), body).await
}

async fn request(address: SocketAddr, head: &str, body: &[u8]) -> Option<String> {
    let head = format!("{head}Host: {address}\r\nConnection: close\r\n\r\n");
    let answer = timeout(ANSWER_MAX, exchange(address, head.as_bytes(), body)).await.ok()?.ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
}

async fn exchange(address: SocketAddr, head: &[u8], body: &[u8]) -> io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(head).await?;
    socket.write_all(body).await?;
    let mut answer = Vec::new();
    socket.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(answer)
}
