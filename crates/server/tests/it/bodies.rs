//! What all bodies together may hold.

use crate::client::{PATIENCE, get, post};
use crate::grpc_client::{channel, client, raw, rows_house};
use crate::house::{House, options};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use samovar_server::{ServerLimits, ServerOptions};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tower::ServiceExt;

const MIB: usize = 1 << 20;

/// 4 MiB for all, of which one connection has two.
fn limits() -> ServerLimits {
    ServerLimits { body_bytes_max: MIB, bodies_bytes_max: 4 * MIB, ..ServerLimits::default() }
}

/// A connection on which somebody says that a body of 1 MiB follows, and sends the beginning of it.
async fn begun(address: SocketAddr, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {MIB}\r\n\r\nbeginning");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bodies_declare_is_set_aside_and_comes_back() {
    let house = House::fake(limits()).await;
    let mut held = Vec::new();
    for number in 1..=4 {
        held.push(begun(house.address, "/v1/detect").await);
        house.until("samovar_body_bytes", |bytes| bytes == (number * MIB) as f64).await;
    }
    let refused = post(house.address, "/v1/detect", b"one more").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("too_many_bytes")), "{}", refused.text());
    assert_eq!((refused.header("retry-after"), refused.header("connection")), (Some("1"), Some("close")));
    assert_eq!(house.metric("samovar_bodies_refused_total").await, 1.0);
    let openai = post(house.address, "/v1/embeddings", b"{\"input\": \"a\"}").await;
    assert_eq!((openai.status, openai.header("retry-after")), (503, Some("1")));
    assert_eq!(get(house.address, "/health/live").await.status, 200, "what has no body is answered");
    drop(held.pop());
    house.until("samovar_body_bytes", |bytes| bytes == (3 * MIB) as f64).await;
    assert_eq!(post(house.address, "/v1/detect", b"no picture").await.status, 415);
}

/// Nearly half a MiB at once, and the rest of it after `go`; how long it is nobody says.
async fn upload(
    service: tonic::transport::Channel,
    address: SocketAddr,
    go: CancellationToken,
) -> (u16, Option<String>) {
    let part = |bytes| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![7; bytes])));
    let later = stream::once(async move {
        go.cancelled_owned().await;
        part(16)
    });
    let body = StreamBody::new(stream::iter([part(MIB / 2 - 16)]).chain(later).boxed());
    let request = Request::post(format!("http://{address}/v1/detect")).body(tonic::body::Body::new(body)).unwrap();
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    drop(body.collect().await);
    let retry_after = parts.headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (parts.status.as_u16(), retry_after)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_bodies_on_one_connection_do_not_fill_the_memory() {
    let house = House::fake(limits()).await;
    let (service, go) = (channel(house.address).await, CancellationToken::new());
    let uploads: Vec<_> = (0..200).map(|_| tokio::spawn(upload(service.clone(), house.address, go.clone()))).collect();
    house.until("samovar_bodies_refused_total", |refused| refused == 196.0).await;
    let held = house.metric("samovar_body_bytes").await;
    assert!(held > 0.0 && held <= 2.0 * MIB as f64, "{held} bytes of one connection are held");
    go.cancel();
    let mut told = Vec::new();
    for upload in uploads {
        told.push(timeout(PATIENCE, upload).await.unwrap().unwrap());
    }
    let refused = told.iter().filter(|(status, retry)| *status == 503 && retry.as_deref() == Some("1")).count();
    let read = told.iter().filter(|(status, _)| *status == 415).count();
    assert_eq!((refused, read), (196, 4), "{told:?}");
    house.until("samovar_body_bytes", |bytes| bytes == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_stream_gives_back_what_was_answered() {
    let limits = ServerLimits { body_bytes_max: MIB / 4, ..limits() };
    let house = rows_house(ServerOptions { limits, ..options() }).await;
    let wide: Vec<f32> = vec![0.5; 4 * 10_000];
    let mut message = raw("rows", "images", "", &wide);
    message.inputs[0].shape = vec![10_000, 4];
    let bytes = prost::Message::encoded_len(&message);
    assert!(bytes < MIB / 4 && 20 * bytes > 3 * MIB, "{bytes} bytes");
    let mut stream =
        client(house.address).await.model_stream_infer(stream::iter(vec![message; 20])).await.unwrap().into_inner();
    for _ in 0..20 {
        let answer = timeout(PATIENCE, stream.message()).await.unwrap();
        let answer = answer.expect("each message has room when those before were answered").expect("an answer");
        assert_eq!(answer.error_message, "");
    }
    drop(stream);
    house.until("samovar_body_bytes", |bytes| bytes == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_call_without_room_is_told_when_to_ask_again() {
    let house = rows_house(ServerOptions { limits: limits(), ..options() }).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(begun(house.address, "/v2/models/rows/infer").await);
    }
    house.until("samovar_body_bytes", |bytes| bytes == (4 * MIB) as f64).await;
    let status = client(house.address).await.model_infer(raw("rows", "images", "", &[0.0; 4])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");
    let mut answer = [0; 12];
    drop(held.pop());
    house.until("samovar_body_bytes", |bytes| bytes == (3 * MIB) as f64).await;
    held[0].write_all(&vec![0; MIB - 9]).await.unwrap();
    timeout(PATIENCE, held[0].read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400", "whoever was let in goes on");
}
