//! Clients that break the rules of HTTP and WebSocket.

use crate::client::{Answer, get, post_with, raw, read_to_end};
use crate::house::House;
use crate::socket::Socket;
use samovar_server::{ServerLimits, StreamLimits};
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sends bytes after which the server must answer and close by itself.
async fn answers(address: SocketAddr, bytes: &str) -> Vec<u16> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let all = text(&read_to_end(&mut socket).await);
    all.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_framing_is_refused_and_closes() {
    let house = House::fake(ServerLimits::default()).await;
    let smuggled = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    let shapes = [
        format!(
            "POST /v1/detect HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!(
            "POST /v1/detect HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!("POST /v1/detect HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd{smuggled}"),
        format!("POST /v1/detect HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\nabcd{smuggled}"),
        format!("POST /v1/detect HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\nabcd{smuggled}"),
        format!("GET /health/live HTTP/1.1\r\n\r\n{smuggled}"),
        format!("GET /health/live HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n{smuggled}"),
        format!("GET /health/live HTTP/1.1\r\nhost : a\r\n\r\n{smuggled}"),
    ];
    for shape in shapes {
        assert_eq!(answers(house.address, &shape).await, [400], "{shape}");
    }
    let chunk = "POST /v1/detect HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4;\nxx\r\nabcd\r\n0\r\n\r\n";
    let bad_chunk = answers(house.address, &format!("{chunk}{smuggled}")).await;
    assert!(bad_chunk == [400] || bad_chunk.is_empty(), "{bad_chunk:?}");
    assert_eq!(get(house.address, "/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_request_that_was_sent_early_is_the_last() {
    let house = House::fake(ServerLimits::default()).await;
    let first = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    let doubly =
        "POST /health/live HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(answers(house.address, &format!("{first}{doubly}{first}")).await, [200, 405]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_connections_go_on() {
    let house = House::fake(ServerLimits::default()).await;
    let request = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(answers(house.address, &format!("{request}{request}{last}")).await, [200, 200, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_declared_length_is_refused_without_waiting_for_it() {
    let house = House::fake(ServerLimits::default()).await;
    let began = Instant::now();
    let head = "POST /v1/detect HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000000\r\n\r\n";
    let answer = raw(house.address, head.as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &"body_too_large".into()));
    assert_eq!(answer.header("connection"), Some("close"));
    println!("refused and closed in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_limited() {
    let house = House::fake(ServerLimits::default()).await;
    let many: String = (0..120).map(|number| format!("x-{number}: a\r\n")).collect();
    let long = "a".repeat(600 << 10);
    let path = "a".repeat(70 << 10);
    for (head, statuses) in [
        (format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n"), &[431][..]),
        (format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n"), &[431]),
        (format!("GET /{path} HTTP/1.1\r\nhost: a\r\n\r\n"), &[414, 431]),
    ] {
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        // The server may close before it has read everything.
        drop(socket.write_all(head.as_bytes()).await);
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        let status: u16 = text(&answer)[9..].parse().unwrap();
        assert!(statuses.contains(&status), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_could_be_read_and_is_over_the_limit_is_told_why() {
    let house = House::fake(ServerLimits::default()).await;
    let head = |bytes: usize| {
        format!("GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n", "a".repeat(bytes))
    };
    assert_eq!(raw(house.address, head(15 << 10).as_bytes()).await.status, 200);
    let answer = raw(house.address, head(17 << 10).as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (431, &"head_too_large".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_are_told_and_closed() {
    let limits = ServerLimits { connections_per_client_max: 3, ..ServerLimits::default() };
    let house = House::fake(limits).await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(Socket::ready(house.address, "").await);
    }
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    let refused = text(&read_to_end(&mut socket).await);
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\"code\":\"too_many_connections\""), "{refused}");
    let length: usize = refused.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
    assert_eq!(refused.split("\r\n\r\n").nth(1).unwrap().len(), length);
    drop(kept);
    let live = async || {
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        socket.write_all(b"GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        text(&read_to_end(&mut socket).await)
    };
    while !live().await.starts_with("HTTP/1.1 200") {
        tokio::task::yield_now().await;
    }
}

async fn upgrade(address: SocketAddr, headers: &str) -> Answer {
    let head = format!(
        "GET /v1/streams/detect HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 4096];
    let count = socket.read(&mut bytes).await.unwrap();
    let head = text(&bytes[..count]);
    let status = head[9..12].parse().unwrap();
    let body = head.split("\r\n\r\n").nth(1).unwrap_or_default().as_bytes().to_vec();
    Answer { status, head, body }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_open_no_stream_and_change_nothing() {
    let house = House::fake(ServerLimits::default()).await;
    let address = house.address;
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "https://evil.example:443"] {
        let answer = upgrade(address, &format!("origin: {origin}\r\n")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &"origin_not_allowed".into()), "{origin}");
    }
    let unload = async |origin: &str| {
        post_with(address, "/v1/models/fake/unload", &format!("origin: {origin}\r\n"), b"").await.status
    };
    assert_eq!(unload("http://evil.example").await, 403, "nor post a form");
    assert_eq!(unload(&format!("http://{address}")).await, 200);
    assert_eq!(upgrade(address, "").await.status, 101);
    assert_eq!(upgrade(address, &format!("origin: http://{address}\r\n")).await.status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_websocket_frames_close_with_their_code() {
    let stream = StreamLimits { message_bytes_max: 64 << 10, ..StreamLimits::default() };
    let house = House::fake(ServerLimits { stream, ..ServerLimits::default() }).await;
    let mut large = vec![0x82, 0xff];
    large.extend_from_slice(&9_000_000_000_u64.to_be_bytes());
    large.extend_from_slice(&[0; 4]);
    for (what, frame, code) in [
        ("reserved bits", vec![0xf2, 0x80, 0, 0, 0, 0], 1002),
        ("reserved opcode", vec![0x83, 0x80, 0, 0, 0, 0], 1002),
        ("no mask", vec![0x82, 0x01, 0], 1002),
        ("continuation of nothing", vec![0x80, 0x80, 0, 0, 0, 0], 1002),
        ("fragmented ping", vec![0x09, 0x80, 0, 0, 0, 0], 1002),
        ("text that is not UTF-8", vec![0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28], 1007),
        ("nine gigabytes", large, 1009),
    ] {
        assert_eq!(close_code(house.address, &frame).await, Some(code), "{what}");
    }
    let mut socket = Socket::ready(house.address, "").await;
    drop(socket.send(Message::Binary(vec![0; (64 << 10) + 1].into())).await);
    assert_eq!(socket.close_code().await, 1009);
    house.until("samovar_streams", |open| open == 0.0).await;
}

/// The code that a raw frame is answered with.
async fn close_code(address: SocketAddr, frame: &[u8]) -> Option<u16> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /v1/streams/detect HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(frame).await.unwrap();
    let bytes = read_to_end(&mut socket).await;
    // An unmasked close frame: 0x88, its length, the code.
    let close = bytes.windows(4).rposition(|window| window[0] == 0x88 && window[2] == 0x03)?;
    Some(u16::from_be_bytes([bytes[close + 2], bytes[close + 3]]))
}
