//! Requests of the Open Inference Protocol that are wrong: each is refused in the protocol's form, and the next one is answered.

use crate::client::{Answer, PATIENCE, get, post, post_with, raw, read_to_end};
use crate::house::{House, options};
use crate::tensors::{bytes, echo_house, infer_binary, mixed_house};
use samovar_runtime::resident_bytes;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const INFER: &str = "/v2/models/mixed/infer";

fn values() -> Value {
    json!({"name": "values", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]})
}

fn ids() -> Value {
    json!({"name": "ids", "shape": [1, 2], "datatype": "INT64", "data": [7, 8]})
}

fn with(mut tensor: Value, field: &str, value: Value) -> Value {
    tensor[field] = value;
    tensor
}

async fn is_well(house: &House) -> bool {
    let body = json!({"inputs": [values(), ids()]}).to_string();
    post(house.address, INFER, body.as_bytes()).await.status == 200
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{}", answer.text());
    assert!(answer.json()["error"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_inputs_and_outputs_are_told_apart() {
    let house = mixed_house(options()).await;
    let wrong = [
        (json!([values()]), "missing_input"),
        (json!([]), "missing_input"),
        (json!([values(), values(), ids()]), "duplicate_input"),
        (json!([values(), ids(), with(ids(), "name", json!("../ids"))]), "unknown_input"),
        (json!([values(), with(ids(), "shape", json!([-1, -2]))]), "invalid_shape"),
        (json!([values(), with(ids(), "shape", json!([i64::MAX, 16]))]), "invalid_shape"),
        (json!([values(), with(ids(), "shape", json!([2]))]), "invalid_shape"),
        (json!([values(), with(with(ids(), "shape", json!([1_i64 << 40, 0])), "data", json!([]))]), "invalid_shape"),
        (json!([values(), with(with(ids(), "shape", json!([2, 1])), "data", json!([1, 2]))]), "invalid_shape"),
        (json!([with(with(values(), "shape", json!([1, 2])), "data", json!([1, 2])), ids()]), "invalid_shape"),
        (json!([with(values(), "shape", json!([1, 1, 3])), ids()]), "invalid_shape"),
        (json!([with(values(), "data", json!([1, 2])), ids()]), "invalid_data_size"),
        (json!([with(values(), "data", json!([1, 2, 3, 4])), ids()]), "invalid_body"),
        (json!([with(values(), "datatype", json!("INT32")), ids()]), "invalid_datatype"),
        (json!([with(values(), "datatype", json!("FLOAT")), ids()]), "invalid_datatype"),
        (json!([with(values(), "data", json!(["1", "2", "3"])), ids()]), "invalid_body"),
        (json!([with(values(), "parameters", json!({"binary_data_size": -1})), ids()]), "invalid_parameter"),
        (json!([with(values(), "parameters", json!({"binary_data_size": 12})), ids()]), "invalid_body"),
    ];
    for (inputs, code) in wrong {
        let body = json!({"inputs": inputs}).to_string();
        refused(&post(house.address, INFER, body.as_bytes()).await, 400, code);
    }
    let outputs = [
        (json!([{"name": "nobody"}]), "unknown_output"),
        (json!([{"name": "scores"}, {"name": "scores"}]), "duplicate_output"),
        (json!([{"name": "scores", "parameters": {"classification": -1}}]), "invalid_parameter"),
        (json!([{"name": "scores", "parameters": {"classification": 1_000_000}}]), "invalid_parameter"),
    ];
    for (outputs, code) in outputs {
        let body = json!({"inputs": [values(), ids()], "outputs": outputs}).to_string();
        refused(&post(house.address, INFER, body.as_bytes()).await, 400, code);
    }
    assert!(is_well(&house).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_versions_and_parameters_are_told_apart() {
    let house = mixed_house(options()).await;
    let body = |parameters: Value| json!({"parameters": parameters, "inputs": [values(), ids()]}).to_string();
    let ask = async |path: &str, parameters: Value| post(house.address, path, body(parameters).as_bytes()).await;
    refused(&ask("/v2/models/nobody/infer", json!({})).await, 404, "model_not_found");
    refused(&ask("/v2/models/%ff%fe/infer", json!({})).await, 404, "model_not_found");
    refused(&ask("/v2/models/mixed/versions/7/infer", json!({})).await, 404, "model_version_not_found");
    refused(&ask("/v2/models/mixed/versions/one/infer", json!({})).await, 400, "invalid_version");
    refused(&ask(INFER, json!({"sequence_id": 5})).await, 501, "sequence_unsupported");
    refused(&ask(INFER, json!({"triton_secret": 1})).await, 400, "invalid_parameter");
    refused(&ask(INFER, json!({"timeout": "soon"})).await, 400, "invalid_parameter");
    assert_eq!(ask(INFER, json!({"sequence_id": 0, "priority": 9, "timeout": 20_000_000})).await.status, 200);
    assert_eq!(get(house.address, INFER).await.status, 405);
    assert_eq!(get(house.address, "/v2/nothing").await.json()["code"], "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_lie_about_themselves_are_refused() {
    let house = mixed_house(options()).await;
    let body = json!({"inputs": [values(), ids()]}).to_string();
    for length in ["99999999", "18446744073709551615", "-1", "many", "99999999999999999999999"] {
        let header = format!("inference-header-content-length: {length}\r\n");
        assert_eq!(post_with(house.address, INFER, &header, body.as_bytes()).await.status, 400, "{length}");
    }
    refused(&infer_binary(&house, "mixed", &body, b"left over").await, 400, "invalid_body");
    refused(&post_with(house.address, INFER, "inference-header-content-length: 0\r\n", b"").await, 400, "raw_request");
    refused(
        &post_with(house.address, INFER, "content-encoding: gzip\r\n", b"x").await,
        501,
        "content_encoding_unsupported",
    );
    refused(&post(house.address, INFER, b"{\"inputs\": \xff}").await, 400, "invalid_body");
    refused(&post(house.address, INFER, b"").await, 400, "invalid_body");
    refused(&post(house.address, INFER, b"[]").await, 400, "invalid_body");
    let long = post(house.address, INFER, json!({"inputs": "x".repeat(1 << 20)}).to_string().as_bytes()).await;
    refused(&long, 400, "invalid_body");
    assert!(long.body.len() < 1_000, "what is wrong is not told back");
    assert!(is_well(&house).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_may_be_nested_so_deep_and_no_deeper() {
    let house = mixed_house(options()).await;
    let nested = |depth: usize| {
        let data = format!("{}1,2,3{}", "[".repeat(depth), "]".repeat(depth));
        let inputs = format!("{{\"name\":\"values\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":{data}}},{}", ids());
        format!("{{\"inputs\":[{inputs}]}}")
    };
    assert_eq!(post(house.address, INFER, nested(50).as_bytes()).await.status, 200);
    refused(&post(house.address, INFER, nested(120).as_bytes()).await, 400, "invalid_body");
    refused(&post(house.address, INFER, nested(200_000).as_bytes()).await, 400, "invalid_body");
    refused(&post(house.address, "/v2/repository/index", "[".repeat(100_000).as_bytes()).await, 400, "invalid_body");
    assert!(is_well(&house).await);
}

/// A body of so many chunks of one byte each.
async fn in_chunks_of_one(house: &House, json: &str, binary: &[u8]) -> Answer {
    let body = [json.as_bytes(), binary].concat();
    let head = format!(
        "POST /v2/models/echo/infer HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
         inference-header-content-length: {}\r\n\r\n",
        json.len()
    );
    let mut wire = head.into_bytes();
    for byte in body {
        wire.extend_from_slice(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    raw(house.address, &wire).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_chunks_of_one_byte_take_no_more_than_their_bytes() {
    const NUMBERS: usize = 250_000;
    let house = echo_house().await;
    let json = json!({"inputs": [{"name": "x", "shape": [1, NUMBERS], "datatype": "FP32",
        "parameters": {"binary_data_size": NUMBERS * 4}}],
        "outputs": [{"name": "y", "parameters": {"binary_data": true}}]})
    .to_string();
    let numbers = bytes(&vec![1.5; NUMBERS]);
    let mut grown = Vec::new();
    let mut before = 0;
    for _ in 0..6 {
        let answer = in_chunks_of_one(&house, &json, &numbers).await;
        assert_eq!(answer.status, 200, "{}", answer.head);
        let now = resident_bytes();
        grown.push(i128::from(now) - i128::from(before));
        before = now;
    }
    let last = grown[3..].iter().min().unwrap();
    assert!(*last <= 1 << 20, "resident memory grows with each request: {grown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_in_the_middle_harms_nobody() {
    let house = mixed_house(options()).await;
    for cut in [10, 200, 400] {
        let body = json!({"inputs": [values(), ids()]}).to_string();
        let head = format!("POST {INFER} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", body.len() * 2);
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        socket.write_all(&head.as_bytes()[..cut.min(head.len())]).await.unwrap();
        socket.shutdown().await.unwrap();
        drop(tokio::time::timeout(PATIENCE, read_to_end(&mut socket)).await);
    }
    assert!(is_well(&house).await);
}
