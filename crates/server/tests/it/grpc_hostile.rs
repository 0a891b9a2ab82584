//! Messages and frames that no library would send.

use crate::grpc_client::health::HealthCheckRequest;
use crate::grpc_client::inference::{ModelInferRequest, ModelMetadataRequest};
use crate::grpc_client::{channel, client, health_client, raw, row, rows_house};
use crate::house::options;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use prost::Message;
use std::net::SocketAddr;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";
const METADATA: &str = "/inference.GRPCInferenceService/ModelMetadata";

/// Sends these bytes as the body of a call; the status of the answer.
async fn call(address: SocketAddr, path: &str, headers: &[(&'static str, &str)], body: Vec<u8>) -> Code {
    let body = Body::new(http_body_util::Full::new(bytes::Bytes::from(body)));
    let mut request = Request::post(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header("te", "trailers").body(body).unwrap();
    let response = channel(address).await.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    assert_eq!((parts.status.as_u16(), &parts.headers["content-type"]), (200, &"application/grpc".parse().unwrap()));
    if let Some(code) = status_of(&parts.headers) {
        return code;
    }
    let body = body.collect().await.unwrap();
    body.trailers().and_then(status_of).expect("an answer has a status")
}

fn status_of(headers: &HeaderMap) -> Option<Code> {
    Status::from_header_map(headers).map(|status| status.code())
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

fn good() -> Vec<u8> {
    row("", [0.0; 4]).encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_wrong_are_refused_on_every_call() {
    let house = rows_house(options()).await;
    let gibibyte = [&[0][..], &(1_u32 << 30).to_be_bytes()].concat();
    for path in [INFER, STREAM, METADATA] {
        let told = async |body: Vec<u8>| call(house.address, path, &[GRPC], body).await;
        assert_eq!(told(gibibyte.clone()).await, Code::ResourceExhausted, "{path}");
        assert_eq!(told([&gibibyte[..], &[0; 1_000]].concat()).await, Code::ResourceExhausted, "{path}");
        for broken in [vec![0, 0, 0], [&[0, 0, 0, 0, 9][..], b"short"].concat(), frame(7, b"x"), frame(0, &[0xff; 64])]
        {
            let code = told(broken.clone()).await;
            assert!(matches!(code, Code::InvalidArgument | Code::Internal), "{path} {broken:?}: {code:?}");
        }
        let compressed = call(house.address, path, &[GRPC, ("grpc-encoding", "gzip")], frame(1, b"\x1f\x8b")).await;
        assert!(matches!(compressed, Code::Unimplemented | Code::Internal), "{path}: {compressed:?}");
    }
    assert_eq!(call(house.address, INFER, &[GRPC], Vec::new()).await, Code::InvalidArgument);
    let two = [frame(0, &good()), frame(0, &good())].concat();
    assert_eq!(call(house.address, INFER, &[GRPC], two).await, Code::InvalidArgument);
    assert_eq!(call(house.address, INFER, &[GRPC], frame(0, &good())).await, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_not_unpacked() {
    let house = rows_house(options()).await;
    let told = call(house.address, STREAM, &[GRPC, ("grpc-encoding", "deflate")], frame(1, &[0; 1_000])).await;
    assert_eq!(told, Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_the_wrong_kind_are_refused() {
    let house = rows_house(options()).await;
    for timeout in ["soon", "-1S", "123456789S", "1"] {
        let told = call(house.address, INFER, &[GRPC, ("grpc-timeout", timeout)], frame(0, &good())).await;
        assert_eq!(told, Code::InvalidArgument, "{timeout}");
    }
    for path in ["/inference.GRPCInferenceService/Nothing", "/no.Such/Service", "/nothing"] {
        assert_eq!(call(house.address, path, &[GRPC], frame(0, b"")).await, Code::Unimplemented, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_repeated_without_end_is_counted_before_it_is_read() {
    let house = rows_house(options()).await;
    let entry = [0x22, 0x00];
    let input = |inside: Vec<u8>| [&[0x2a][..], &length(inside.len()), &inside].concat();
    let strings = [0x42, 0x00].repeat(2 << 20);
    let contents = [&[0x2a][..], &length(strings.len()), &strings].concat();
    for message in [
        [0x2a, 0x00].repeat(4 << 20),
        [0x32, 0x00].repeat(4 << 20),
        [0x3a, 0x00].repeat(4 << 20),
        [&[0x22, 4, 0x0a, 2][..], b"ab"].concat().repeat(1 << 10).into_iter().chain([0x2a, 0x00].repeat(257)).collect(),
        input(entry.repeat(4 << 20)),
        input(contents),
    ] {
        let told = call(house.address, INFER, &[GRPC], frame(0, &message)).await;
        assert_eq!(told, Code::ResourceExhausted, "{:?}", &message[..2]);
    }
    assert_eq!(call(house.address, INFER, &[GRPC], frame(0, &good())).await, Code::Ok);
}

fn length(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(length as u64, &mut bytes);
    bytes
}

/// A length within a message that reaches beyond it, at every place where one is.
#[tokio::test(flavor = "multi_thread")]
async fn every_cut_of_a_message_is_refused_or_read() {
    let house = rows_house(options()).await;
    let message = good();
    for length in 0..message.len() {
        let code = call(house.address, INFER, &[GRPC], frame(0, &message[..length])).await;
        assert!(matches!(code, Code::InvalidArgument | Code::NotFound), "{length}: {code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_and_the_connection_goes_on() {
    let house = rows_house(options()).await;
    let mut client = client(house.address).await;
    let large: ModelInferRequest = raw("rows", "images", "", &vec![0.0; 5 << 20]);
    let error = client.model_infer(large).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error:?}");
    assert!(client.model_infer(row("", [0.0; 4])).await.is_ok());
    let long = ModelMetadataRequest { name: "x".repeat(17 << 20), version: String::new() };
    assert_eq!(client.model_metadata(long).await.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_watch_health_and_no_more() {
    let house = rows_house(options()).await;
    let mut client = health_client(house.address).await;
    let mut watching = Vec::new();
    for _ in 0..128 {
        watching.push(client.watch(HealthCheckRequest::default()).await.unwrap());
    }
    let refused = client.watch(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), refused.metadata().contains_key("grpc-retry-pushback-ms")), (Code::Unavailable, true));
    assert!(client.check(HealthCheckRequest::default()).await.is_ok(), "asking once is always answered");
}
