//! The Open Inference Protocol over HTTP: metadata, inference in each of its forms, statistics, the repository, settings.

use crate::client::{get, post, post_with};
use crate::house::options;
use crate::tensors::{bytes, echo_house, infer_binary, mixed_house, parts};
use samovar_engines::{FakeFault, fake_digest};
use samovar_server::ServerOptions;
use samovar_service::tensor::{LogControl, LogHook};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// One row of `mixed`.
fn request() -> Value {
    json!({"id": "a-1", "inputs": [
        {"name": "values", "shape": [1, 3], "datatype": "FP32", "data": [[1.0, 2.0, 3.0]]},
        {"name": "ids", "shape": [1, 2], "datatype": "INT64", "data": [7, 8]},
    ]})
}

async fn infer(house: &crate::house::House, body: &Value) -> crate::client::Answer {
    post(house.address, "/v2/models/mixed/infer", body.to_string().as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_and_its_models_tell_of_themselves() {
    let house = mixed_house(options()).await;
    let server = get(house.address, "/v2").await.json();
    assert_eq!(server["name"], "samovar");
    assert!(server["extensions"].as_array().unwrap().contains(&json!("binary_tensor_data")));
    assert_eq!(get(house.address, "/v2/health/live").await.json(), json!({"live": true}));
    assert_eq!(get(house.address, "/v2/health/ready").await.json(), json!({"ready": true}));
    let ready = get(house.address, "/v2/models/mixed/versions/1/ready").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"name": "mixed", "ready": true})));
    let model = get(house.address, "/v2/models/mixed").await.json();
    assert_eq!((&model["name"], &model["versions"]), (&json!("mixed"), &json!(["1"])));
    assert_eq!(model["inputs"][1], json!({"name": "ids", "datatype": "INT64", "shape": [-1, -1]}));
    let config = get(house.address, "/v2/models/mixed/config").await.json();
    assert_eq!((&config["max_batch_size"], &config["input"][0]["dims"]), (&json!(128), &json!([3])));
    assert_eq!(config["output"][1]["data_type"], "TYPE_FP16");
    assert_eq!(get(house.address, "/v2/models").await.json(), json!({"models": ["mixed"]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_goes_in_and_out() {
    let house = mixed_house(options()).await;
    let mut body = request();
    body["outputs"] = json!([{"name": "scores"}]);
    let answer = infer(&house, &body).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let told = answer.json();
    let digest = fake_digest(&[1.0, 2.0, 3.0]) + fake_digest(&[7.0, 8.0]);
    let scores: Vec<f64> = (0..4).map(|index| digest + f64::from(index)).collect();
    assert_eq!(
        told,
        json!({"model_name": "mixed", "model_version": "1", "id": "a-1", "outputs": [
            {"name": "scores", "datatype": "FP32", "shape": [1, 4], "data": scores}]})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_tensors_come_back_bit_for_bit() {
    let house = echo_house().await;
    let numbers: Vec<f32> = (0..1_228_800).map(|number| number as f32 * 0.5).collect();
    let json = json!({"parameters": {"binary_data_output": true}, "inputs": [
        {"name": "x", "shape": [1, numbers.len()], "datatype": "FP32", "parameters": {"binary_data_size": numbers.len() * 4}},
    ]});
    let answer = infer_binary(&house, "echo", &json.to_string(), &bytes(&numbers)).await;
    let (told, binary) = parts(&answer);
    assert_eq!(told["outputs"][0]["shape"], json!([1, numbers.len()]));
    assert!(binary == bytes(&numbers));
    let odd = [f32::NAN, f32::INFINITY, -0.0];
    let raw = "inference-header-content-length: 0\r\n";
    let answer = post_with(house.address, "/v2/models/echo/infer", raw, &bytes(&odd)).await;
    assert_eq!(parts(&answer).1, bytes(&odd), "bits pass through");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_finite_is_null_in_json() {
    let house = mixed_house(options()).await;
    house.fake.fail_every_run(Some(FakeFault::Nan));
    let answer = infer(&house, &request()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["outputs"][0]["data"].as_array().unwrap().iter().any(Value::is_null));
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_are_told_in_place_of_numbers() {
    let house = mixed_house(options()).await;
    let mut body = request();
    body["outputs"] = json!([{"name": "scores", "parameters": {"classification": 2}}]);
    let told = infer(&house, &body).await.json();
    let digest = fake_digest(&[1.0, 2.0, 3.0]) + fake_digest(&[7.0, 8.0]);
    let best = [format!("{:.6}:3:fox", digest + 3.0), format!("{:.6}:2:owl", digest + 2.0)];
    assert_eq!(told["outputs"][0], json!({"name": "scores", "datatype": "BYTES", "shape": [1, 2], "data": best}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_count_requests_rows_and_runs() {
    let house = mixed_house(options()).await;
    let four = json!({"inputs": [
        {"name": "values", "shape": [4, 3], "datatype": "FP32", "data": vec![1.0; 12]},
        {"name": "ids", "shape": [4, 1], "datatype": "INT64", "data": [1, 2, 3, 4]},
    ]});
    assert_eq!(infer(&house, &request()).await.status, 200);
    assert_eq!(infer(&house, &four).await.json()["outputs"][0]["shape"], json!([4, 4]));
    assert_eq!(infer(&house, &json!({"inputs": []})).await.status, 400);
    let told = get(house.address, "/v2/models/mixed/stats").await.json();
    let model = &told["model_stats"][0];
    assert_eq!((&model["name"], &model["version"]), (&json!("mixed"), &json!("1")));
    assert_eq!((&model["inference_count"], &model["execution_count"]), (&json!(5), &json!(2)));
    let stats = &model["inference_stats"];
    assert_eq!((&stats["success"]["count"], &stats["fail"]["count"]), (&json!(2), &json!(1)));
    assert_eq!(stats["queue"]["count"], 2);
    assert_eq!(model["batch_stats"].as_array().unwrap().len(), 2);
    assert_eq!(get(house.address, "/v2/models/stats").await.json(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_listed_freed_and_loaded() {
    let house = mixed_house(options()).await;
    let index = async |body: &str| post(house.address, "/v2/repository/index", body.as_bytes()).await.json();
    let ready = json!([{"name": "mixed", "version": "1", "state": "READY", "reason": ""}]);
    assert_eq!((index("").await, index("{\"ready\": true}").await), (ready.clone(), ready));
    let act = async |what: &str, body: &str| {
        post(house.address, &format!("/v2/repository/models/mixed/{what}"), body.as_bytes()).await
    };
    assert_eq!(act("unload", "{\"parameters\": {\"unload_dependents\": false}}").await.status, 200);
    assert_eq!(get(house.address, "/v2/models/mixed/ready").await.status, 503);
    assert_eq!(index("{\"ready\": true}").await, json!([]));
    assert_eq!(act("load", "{\"parameters\": {\"config\": \"{}\"}}").await.status, 501);
    assert_eq!(act("load", "{}").await.status, 200);
    assert_eq!(get(house.address, "/v2/models/mixed/ready").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_kept_and_what_is_not_served_says_so() {
    let house = mixed_house(options()).await;
    let trace = post(house.address, "/v2/models/mixed/trace/setting", b"{\"trace_rate\": \"5\"}").await.json();
    assert_eq!(trace["trace_rate"], "5");
    assert_eq!(get(house.address, "/v2/trace/setting").await.json()["trace_rate"], "1000");
    assert_eq!(post(house.address, "/v2/trace/setting", b"{\"trace_nothing\": \"5\"}").await.status, 400);
    assert_eq!(get(house.address, "/v2/logging").await.json()["log_verbose_level"], 0);
    assert_eq!(post(house.address, "/v2/logging", b"{\"log_verbose_level\": 1}").await.json()["code"], "log_fixed");
    for path in ["/v2/models/mixed/generate", "/v2/cudasharedmemory/region/r/register"] {
        assert_eq!(post(house.address, path, b"{}").await.status, 501, "{path}");
    }
    let region =
        post(house.address, "/v2/systemsharedmemory/region/r/register", b"{\"key\": \"/k\", \"byte_size\": 8}").await;
    assert_eq!((region.status, &region.json()["code"]), (501, &json!("shared_memory_disabled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn tensors_go_through_a_model_of_any_family() {
    let house = crate::house::House::fake(samovar_server::ServerLimits::default()).await;
    let pixels = vec![0.5_f32; 3 * 64 * 64];
    let json = json!({"inputs": [{"name": "images", "shape": [1, 3, 64, 64], "datatype": "FP32",
        "parameters": {"binary_data_size": pixels.len() * 4}}],
        "outputs": [{"name": "output0", "parameters": {"binary_data": true}}]});
    let answer = infer_binary(&house, "fake", &json.to_string(), &bytes(&pixels)).await;
    let (told, binary) = parts(&answer);
    assert_eq!((told["outputs"][0]["shape"].clone(), binary.len()), (json!([1, 6, 84]), 6 * 84 * 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_changes_its_level_when_somebody_says_so() {
    let levels = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&levels);
    let set: LogHook = Arc::new(move |level| heard.lock().unwrap().push(level));
    let house = mixed_house(ServerOptions { log: Some(LogControl { level: "warn", set }), ..options() }).await;
    let log = get(house.address, "/v2/logging").await.json();
    assert_eq!((&log["log_info"], &log["log_warning"]), (&json!(false), &json!(true)), "as the process began");
    let set = async |body: &str| post(house.address, "/v2/logging", body.as_bytes()).await;
    assert_eq!(set("{\"log_verbose_level\": 1}").await.json()["log_verbose_level"], 1);
    assert_eq!(set("{\"log_verbose_level\": 0, \"log_info\": true}").await.json()["log_info"], true);
    assert_eq!(set("{\"log_format\": \"ISO8601\"}").await.status, 200);
    assert_eq!(set("{\"log_nothing\": true}").await.status, 400);
    assert_eq!(*levels.lock().unwrap(), ["debug", "info"], "and nothing where the level stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_with_what_is_no_number_are_counted() {
    let house = echo_house().await;
    let json =
        r#"{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}]}"#;
    let infer = async |numbers: [f32; 2]| {
        let answer = infer_binary(&house, "echo", json, &bytes(&numbers)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        house.metric("samovar_tensor_nan_total{model=\"echo\"}").await
    };
    assert_eq!(infer([1.0, f32::INFINITY]).await, 0.0);
    assert_eq!(infer([1.0, f32::NAN]).await, 1.0);
    assert_eq!(infer([f32::NAN, f32::NAN]).await, 2.0, "answers are counted, not numbers");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_the_protocol_is_on_the_page() {
    let house = mixed_house(options()).await;
    let page = get(house.address, "/openapi.json").await.json();
    let of_protocol = page["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/v2"));
    let mut addresses = 0;
    for (path, methods) in of_protocol {
        let at = path.replace("{model}", "mixed").replace("{version}", "1").replace("{region}", "r");
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string() && operation["tags"][0] == "protocol", "{method} {path}");
            let answer =
                if method == "get" { get(house.address, &at).await } else { post(house.address, &at, b"{}").await };
            let text = answer.text();
            assert!(
                !text.contains("\"not_found\"") && !text.contains("\"method_not_allowed\""),
                "{method} {path}: {text}"
            );
            addresses += 1;
        }
    }
    assert_eq!(addresses, 38);
}
