//! What the server tells of its machine: the process, the queue, the stages and the pools.

use crate::client::{get, post};
use crate::house::House;
use crate::pictures::png;
use samovar_server::ServerLimits;
use serde_json::Value;

async fn machine(house: &House) -> Value {
    let answer = get(house.address, "/v1/machine").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {pointer} in {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_and_the_process_are_told() {
    let house = House::fake(ServerLimits::default()).await;
    let first = machine(&house).await;
    assert_eq!((&first["object"], &first["status"]), (&"machine".into(), &"ready".into()));
    assert!(number(&first, "/machine/cores") >= 1.0 && number(&first, "/slots") == 2.0);
    assert!(number(&first, "/machine/memory_bytes") > number(&first, "/machine/memory_available_bytes"));
    assert!(number(&first, "/process/resident_bytes") > 1e6 && number(&first, "/process/threads") > 2.0);
    assert!(number(&first, "/process/resident_max_bytes") >= number(&first, "/process/resident_bytes"));
    let second = machine(&house).await;
    assert!(number(&second, "/up_s") > number(&first, "/up_s"));
    assert!(number(&second, "/process/cores_busy") >= 0.0, "shares are told between two");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_of_each_class_adds_up_by_itself() {
    let house = House::fake(ServerLimits::default()).await;
    let before = machine(&house).await;
    for number in 0..3 {
        assert_eq!(post(house.address, "/v1/detect", &png(8, 8, number)).await.status, 200);
    }
    let after = machine(&house).await;
    let grown = |pointer: &str| number(&after, pointer) - number(&before, pointer);
    assert_eq!(["live", "interactive", "job"], [0, 1, 2].map(|at| after["classes"][at]["class"].as_str().unwrap()));
    assert_eq!([0, 1, 2].map(|at| grown(&format!("/classes/{at}/rows"))), [0.0, 3.0, 0.0]);
    for stage in ["queue", "prepare", "infer", "finish"] {
        assert!(grown(&format!("/classes/1/stages_s/{stage}")) > 0.0, "{stage}: {after}");
        assert_eq!(grown(&format!("/classes/2/stages_s/{stage}")), 0.0, "{stage}");
    }
    assert_eq!(after["pools"].as_array().unwrap().len(), 4);
    assert_eq!(after["pools"][0]["pool"], "picture");
    assert!(grown("/pools/0/takes") >= 3.0, "{after}");
    let work = &get(house.address, "/v1/models/fake").await.json()["work"];
    assert!(number(work, "/busy_s") > 0.0 && number(work, "/inference_p99_ms") >= number(work, "/inference_p50_ms"));
}
