//! One kept HTTP/1.1 connection of the load: as little work as possible for each request, since it shares the server's cores.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// One kept connection.
#[derive(Debug)]
pub struct HttpClient {
    address: SocketAddr,
    from: Option<IpAddr>,
    socket: Option<TcpStream>,
    /// What was read of the answer so far; kept from one to the next.
    buffer: Vec<u8>,
}

/// An answer, as far as a load looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body_bytes: usize,
}

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const HEAD_BYTES_MAX: usize = 64 << 10;
const READ_BYTES: usize = 64 << 10;

impl HttpClient {
    /// A connection that is opened with its first request.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, from: None, socket: None, buffer: Vec::new() }
    }

    /// The same from this address of the machine.
    #[must_use]
    pub fn from(self, from: Option<IpAddr>) -> Self {
        Self { from, ..self }
    }

    /// Sends one request and reads its whole answer.
    ///
    /// # Errors
    /// Whatever ends the connection; the next request opens another.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        let answered = timeout(ANSWER_MAX, self.exchange(request)).await;
        let outcome = answered.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")));
        if outcome.is_err() {
            self.socket = None;
        }
        outcome
    }

    /// The body of the last answer.
    pub fn body(&self, answer: Answer) -> &[u8] {
        &self.buffer[self.buffer.len().saturating_sub(answer.body_bytes)..]
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(self.address, self.from).await?,
        };
        socket.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            read_more(&mut socket, &mut self.buffer).await?;
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
        };
        let whole = head.bytes + head.body_bytes;
        while self.buffer.len() < whole {
            read_more(&mut socket, &mut self.buffer).await?;
        }
        if self.buffer.len() > whole {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more than one answer"));
        }
        if !head.closes {
            self.socket = Some(socket);
        }
        Ok(Answer { status: head.status, body_bytes: head.body_bytes })
    }
}

async fn open(address: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let socket = socket.connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

async fn read_more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.reserve(READ_BYTES);
    match socket.read_buf(buffer).await? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
        _ => Ok(()),
    }
}

/// What is needed of an answer's head.
struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
    closes: bool,
}

impl Head {
    /// The head, once all of it is there. Answers of unknown length are none that a load can time.
    fn parse(buffer: &[u8]) -> io::Result<Option<Self>> {
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if buffer.len() > HEAD_BYTES_MAX { Err(invalid("an endless head")) } else { Ok(None) };
        };
        let text = std::str::from_utf8(&buffer[..end]).map_err(|_| invalid("a head that is no text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let (mut body_bytes, mut closes) = (None, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                body_bytes = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        let status = status.ok_or_else(|| invalid("an answer without a status"))?;
        let body_bytes = body_bytes.ok_or_else(|| invalid("an answer without a length"))?;
        Ok(Some(Self { status, bytes: end + 4, body_bytes, closes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn answers_are_read_whole_and_a_broken_connection_is_opened_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            for answers in [&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", "llo"][..], &["HTTP/1.1 20"]] {
                let (mut socket, _) = listener.accept().await.unwrap();
                for part in answers {
                    socket.read_exact(&mut [0; 4]).await.unwrap();
                    socket.write_all(part.as_bytes()).await.unwrap();
                }
            }
        });
        let mut client = HttpClient::new(address);
        let answer = client.send(b"pingpong").await.unwrap();
        assert_eq!((answer.status, client.body(answer)), (200, &b"hello"[..]));
        assert!(client.send(b"ping").await.is_err(), "the connection was closed");
        assert_eq!(client.send(b"ping").await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        server.await.unwrap();
    }

    #[test]
    fn what_cannot_be_timed_is_refused() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap().is_none());
        assert!(
            Head::parse(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: close\r\n\r\n").unwrap().unwrap().closes
        );
    }
}
