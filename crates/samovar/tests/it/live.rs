//! One live stream and its client, in plain blocking steps, and what is asked of a server beside it.

use crate::running::Running;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// One live stream, as its client has it; dropped, the connection ends without a word.
pub struct Live(WebSocket<TcpStream>);

/// The longest wait for anything that is due, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

impl Live {
    /// Opens `/v1/streams/…` and waits for `ready`, which it gives too.
    pub fn open(address: &str, stream: &str) -> (Self, Value) {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut live = Self(client(format!("ws://{address}/v1/streams/{stream}"), socket).unwrap().0);
        let ready = live.event();
        assert_eq!(ready["type"], "ready", "{ready}");
        (live, ready)
    }

    /// Sends a picture.
    pub fn frame(&mut self, picture: &[u8]) {
        self.0.send(Message::Binary(picture.to_vec().into())).unwrap();
    }

    /// Asks for a mode.
    pub fn ask(&mut self, mode: &str) {
        self.0.send(Message::Text(json!({"type": "mode", "mode": mode}).to_string().into())).unwrap();
    }

    /// The next event.
    pub fn event(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no event: {other:?}"),
            }
        }
    }
}

/// One number of the metrics page, by its series as it is written there.
#[track_caller]
pub fn metric(server: &Running, series: &str) -> u64 {
    let page = server.request("GET /metrics", b"");
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().unwrap()
}

/// Live frames that the server counts as not started: those that waited longer than a live frame may, and those for any other reason.
pub fn not_started(server: &Running) -> (u64, u64) {
    let page = server.request("GET /metrics", b"");
    let counts = page.lines().filter(|line| line.starts_with("samovar_dropped_total{") && line.contains("\"live\""));
    counts.fold((0, 0), |(late, other), line| {
        let count: u64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
        if line.contains("reason=\"expired\"") { (late + count, other) } else { (late, other + count) }
    })
}

/// Asks for something, which has to be granted; gives the answer.
#[track_caller]
pub fn post(server: &Running, path: &str, body: &[u8]) -> Value {
    let (status, answer) = asked(server, path, body);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Asks for something; gives the status and the answer.
pub fn asked(server: &Running, path: &str, body: &[u8]) -> (u16, Value) {
    let answer = server.request(&format!("POST {path}"), body);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// Waits for what other threads or the server bring about.
#[track_caller]
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}
