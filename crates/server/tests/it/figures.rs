//! Figures that are promised: what an idle stream holds, and how long it takes to open one.

use crate::house::House;
use crate::pictures::png;
use crate::socket::Socket;
use samovar_runtime::resident_bytes;
use samovar_server::{ServerLimits, StreamLimits};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn many() -> ServerLimits {
    let stream = StreamLimits { streams_max: 5_000, ..StreamLimits::default() };
    ServerLimits { connections_per_client_max: 5_000, stream, ..ServerLimits::default() }
}

/// A client that keeps nothing but its socket, so that what the process grows by is the server's.
async fn open(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /v1/streams/detect HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = [0; 2048];
    let mut filled = 0;
    while !bytes[..filled].windows(7).any(|window| window == b"\"ready\"") {
        filled += socket.read(&mut bytes[filled..]).await.unwrap();
    }
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_stream_holds_less_than_100_kib() {
    let house = House::fake(many()).await;
    let mut kept = Vec::new();
    for _ in 0..10 {
        kept.push(open(house.address).await);
    }
    for count in [100_u64, 500] {
        let before = resident_bytes();
        for _ in 0..count {
            kept.push(open(house.address).await);
        }
        let each = resident_bytes().saturating_sub(before) / count;
        println!("{count} more idle streams: {:.1} KiB each", each as f64 / 1024.0);
        assert!(each < 100 << 10, "{each} bytes each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gives_back_what_its_frame_took() {
    let house = House::fake(many()).await;
    let picture = png(1000, 800, 1);
    let mut kept = Vec::new();
    for _ in 0..10 {
        kept.push(shown(house.address, &picture).await);
    }
    let before = resident_bytes();
    for _ in 0..100 {
        kept.push(shown(house.address, &picture).await);
    }
    let each = resident_bytes().saturating_sub(before) / 100;
    println!("100 streams after a frame of {} KiB: {:.1} KiB each", picture.len() >> 10, each as f64 / 1024.0);
    assert!(each < 2 << 20, "{each} bytes each");
}

/// A stream that has had one frame looked at.
async fn shown(address: SocketAddr, picture: &[u8]) -> TcpStream {
    let mut socket = open(address).await;
    // Masked with zeros, which change nothing.
    let length = (picture.len() as u64).to_be_bytes();
    socket.write_all(&[&[0x82, 0xff][..], &length, &[0; 4], picture].concat()).await.unwrap();
    let mut bytes = [0; 1];
    socket.read_exact(&mut bytes).await.unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn opens_on_a_warm_model_are_counted_as_warm() {
    let house = House::fake(many()).await;
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let socket = Socket::ready(house.address, "").await;
        took.push(began.elapsed());
        drop(socket);
    }
    took.sort_unstable();
    let ms = |rank: usize| took[rank].as_secs_f64() * 1e3;
    println!("200 opens, connect to ready: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", ms(100), ms(198), ms(199));
    assert_eq!(house.metric("samovar_stream_open_seconds_count{warm=\"true\"}").await, 200.0);
    assert!(took[199] < Duration::from_secs(30));
}
