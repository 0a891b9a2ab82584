//! Clients that are too slow, in every shape.

use crate::client::{PATIENCE, get, read_to_end};
use crate::house::{House, options};
use crate::pictures::png;
use crate::socket::Socket;
use samovar_engines::Gate;
use samovar_server::{ServerLimits, ServerOptions, StreamLimits};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const SHORT: Duration = Duration::from_millis(300);

fn short() -> ServerLimits {
    ServerLimits {
        header_time: SHORT,
        idle_time: 4 * SHORT,
        body_idle_time: SHORT,
        write_stall_time: SHORT,
        ..ServerLimits::default()
    }
}

/// Sends what it has bit by bit, for ever; tells what came back when the server closed.
async fn trickle(address: SocketAddr, first: &str, then: &'static str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(first.as_bytes()).await.unwrap();
    let (mut read, mut write) = socket.into_split();
    let writer = tokio::spawn(async move {
        while !then.is_empty() && write.write_all(then.as_bytes()).await.is_ok() {
            tokio::time::sleep(SHORT / 6).await;
        }
        std::future::pending::<()>().await;
    });
    let mut bytes = Vec::new();
    drop(timeout(PATIENCE, read.read_to_end(&mut bytes)).await.expect("the server closes"));
    writer.abort();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_shapes_of_slow_clients_are_cut() {
    let house = House::fake(short()).await;
    let address = house.address;
    let body = "POST /v1/detect HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n";
    let (silent, head, body_trickle, body_silent) = tokio::join!(
        trickle(address, "", ""),
        trickle(address, "GET / HTTP/1.1\r\n", "x: y\r\n"),
        trickle(address, body, "a"),
        trickle(address, body, ""),
    );
    assert_eq!((silent.as_str(), head.as_str()), ("", ""), "no request, no answer");
    for slow in [body_trickle, body_silent] {
        assert!(slow.starts_with("HTTP/1.1 408 ") && slow.contains("body_too_slow"), "{slow}");
    }
    assert_eq!(house.metric("samovar_connections_cut_total").await, 2.0, "the others were answered");
    assert_eq!(get(address, "/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_is_closed_when_nothing_comes() {
    let house = House::fake(short()).await;
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    socket.write_all(b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut socket).await.starts_with(b"HTTP/1.1 200"));
    house.until("samovar_connections", |open| open == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_answer_is_cut() {
    let house = House::fake(ServerLimits { socket_send_bytes: 4 << 10, ..short() }).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut socket = socket.connect(house.address).await.unwrap();
    socket.write_all(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    house.until("samovar_connections_cut_total", |cut| cut == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_does_not_read_is_bounded_and_closed() {
    let stream = StreamLimits { events_max: 8, events_lost_max: 50, stall_time: PATIENCE, ..StreamLimits::default() };
    let limits = ServerLimits { socket_send_bytes: 4 << 10, stream, ..ServerLimits::default() };
    let house = House::fake(limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut socket = Socket::over(socket.connect(house.address).await.unwrap(), house.address).await;
    let mut other = Socket::ready(house.address, "").await;
    let picture = png(8, 8, 1);
    // The system's own buffers take some events first, and now and then one more, which begins the count anew: so frames
    // are sent until the server has had enough, not a number of them.
    let closed = timeout(PATIENCE, async {
        while house.metric("samovar_streams").await > 1.0 {
            for _ in 0..20 {
                socket.send_quietly(picture.clone()).await;
            }
        }
    });
    closed.await.expect("the server closes the stream");
    assert!(house.metric("samovar_stream_events_lost_total").await > 50.0, "it was closed for what it lost");
    other.frame(picture).await;
    assert_eq!(other.event().await["type"], "result", "others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_control_messages_before_ready_is_bounded_and_closed() {
    let stream =
        StreamLimits { write_buffer_bytes_max: 16 << 10, stall_time: 10 * PATIENCE, ..StreamLimits::default() };
    let limits = ServerLimits { socket_send_bytes: 4 << 10, stream, ..ServerLimits::default() };
    let house = House::fake_with(ServerOptions { limits, ..options() }, false).await;
    let gate = Gate::closed();
    house.fake.hold_loads(&gate);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut socket = Socket::over(socket.connect(house.address).await.unwrap(), house.address).await;
    gate.wait_for(1);
    // Each of them is refused, and nobody reads that.
    let closed = timeout(PATIENCE, async {
        while house.metric("samovar_streams").await > 0.0 {
            for _ in 0..100 {
                drop(socket.send(Message::Text("{}".into())).await);
            }
        }
    });
    closed.await.expect("the server closes the stream");
    gate.open();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanished_is_found() {
    let stream = StreamLimits { ping_time: SHORT, pong_time: SHORT, ..StreamLimits::default() };
    let house = House::fake(ServerLimits { stream, ..ServerLimits::default() }).await;
    // This client never reads, so it answers no ping; the other one does.
    let mute = Socket::open(house.address, "").await;
    let mut alive = Socket::ready(house.address, "").await;
    let reader = tokio::spawn(async move { alive.close_code().await });
    house.until("samovar_streams", |open| open == 1.0).await;
    tokio::time::sleep(3 * SHORT).await;
    assert_eq!(house.metric("samovar_streams").await, 1.0, "who answers stays");
    reader.abort();
    drop(mute);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_dropped_frees_its_place() {
    let house = House::fake(ServerLimits::default()).await;
    let sockets: Vec<_> = futures_util::future::join_all((0..20).map(|_| Socket::ready(house.address, ""))).await;
    assert_eq!(house.metric("samovar_streams").await, 20.0);
    drop(sockets);
    house.until("samovar_streams", |open| open == 0.0).await;
    house.until("samovar_connections", |open| open == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "lowers the limit of open files of the whole process: run it alone"]
async fn the_accept_loop_survives_a_system_without_descriptors() {
    let house = House::fake(ServerLimits { connections_per_client_max: 1_000, ..ServerLimits::default() }).await;
    let limit = rustix::process::Rlimit { current: Some(128), maximum: Some(128) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let mut kept = Vec::new();
    while let Ok(socket) = TcpStream::connect(house.address).await {
        kept.push(socket);
    }
    // Every descriptor is taken; the last connections could not be accepted.
    tokio::time::sleep(SHORT).await;
    drop(kept);
    assert_eq!(get(house.address, "/health/live").await.status, 200);
    assert!(house.metric("samovar_accept_errors_total").await >= 1.0);
}
