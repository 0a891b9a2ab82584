//! What people and machines read: detections, probes, figures, pages.

use crate::client::{get, post, post_with};
use crate::house::{House, options};
use crate::pictures::png;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_server::ServerLimits;

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_answered_with_boxes_and_timings() {
    let house = House::fake(ServerLimits::default()).await;
    let answer = post(house.address, "/v1/detect", &png(40, 30, 1)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["model"], &json["generation"], &json["engine"]), (&"fake".into(), &1.into(), &"fake".into()));
    assert_eq!((&json["image"]["width"], &json["image"]["height"]), (&40.into(), &30.into()));
    assert!(json["detections"].is_array() && json["timings"]["total_ms"].as_f64().unwrap() > 0.0, "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_read_and_a_picture_is_drawn() {
    let house = House::fake(ServerLimits::default()).await;
    let picture = png(64, 64, 1);
    let plain = post(house.address, "/v1/detect?model=fake&score_min=0.5", &picture).await.json();
    for field in ["file", "image"] {
        let head = format!(
            "--b\r\ncontent-disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"a.bin\"\r\n\r\n"
        );
        let body = [head.as_bytes(), &picture, b"\r\n--b--\r\n"].concat();
        let answer =
            post_with(house.address, "/v1/detect", "content-type: multipart/form-data; boundary=b\r\n", &body).await;
        assert_eq!(answer.json()["detections"], plain["detections"]);
    }
    for (accept, magic) in [("image/png", &b"\x89PNG"[..]), ("image/jpeg", &b"\xff\xd8\xff"[..])] {
        let answer = post_with(house.address, "/v1/detect", &format!("accept: {accept}\r\n"), &picture).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(accept)));
        assert!(answer.body.starts_with(magic));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_have_three_meanings() {
    let house = House::fake_with(options(), true).await;
    house.until("samovar_model_state{model=\"fake\",state=\"ready\"}", |value| value == 1.0).await;
    let status = async |path| get(house.address, path).await.status;
    assert_eq!(
        (status("/health/live").await, status("/health/ready").await, status("/health/startup").await),
        (200, 200, 200)
    );
    house.registry.unload("fake").await.unwrap();
    assert_eq!(status("/health/ready").await, 200, "a model that was put away comes back with its next use");
    house.fake.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    assert_eq!(post(house.address, "/v1/models/fake/load", b"").await.status, 422);
    let ready = get(house.address, "/health/ready").await;
    assert_eq!(ready.status, 503);
    let model = &ready.json()["models"][0];
    assert_eq!((&ready.json()["code"], &model["state"]), (&"model_not_ready".into(), &"failed".into()));
    assert_eq!(model["code"], "model_file_damaged");
    assert!(model["retry_after_s"].as_u64().unwrap() >= 1);
    assert_eq!((status("/health/live").await, status("/health/startup").await), (200, 200), "started stays started");
    let health = get(house.address, "/health").await.json();
    assert_eq!((&health["status"], &health["models"][0]["name"]), (&"not_ready".into(), &"fake".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_answers_while_every_slot_is_busy() {
    let house = House::fake(ServerLimits::default()).await;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    let address = house.address;
    let busy: Vec<_> =
        (0..4).map(|seed| tokio::spawn(async move { post(address, "/v1/detect", &png(8, 8, seed)).await })).collect();
    gate.wait_for(2);
    assert_eq!(get(address, "/health/live").await.status, 200);
    gate.open();
    for answer in busy {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_work_without_any_other_server() {
    let house = House::fake(ServerLimits::default()).await;
    let landing = get(house.address, "/").await;
    assert!(landing.status == 200 && landing.text().contains("Samovar"));
    let moved = get(house.address, "/demo").await;
    assert_eq!((moved.status, moved.header("location")), (308, Some("/")));
    let api = get(house.address, "/openapi.json").await.json();
    for path in ["/v1/detect", "/v1/streams/detect", "/v1/models/{name}/reload", "/health/ready", "/metrics"] {
        assert!(api["paths"][path].is_object(), "{path} is described");
    }
    assert_eq!(get(house.address, "/docs/").await.status, 200);
    let script = get(house.address, "/docs/swagger-ui-bundle.js").await;
    assert!(script.status == 200 && script.body.len() > 100_000, "the page's script is served from here");
}

/// What a page or a script loads, by the addresses that it has in it.
fn loads(text: &str) -> impl Iterator<Item = String> {
    let quoted = text.split('"').map(|part| part.trim_start_matches("./").trim_start_matches("console/"));
    let named = quoted.filter(|part| part.ends_with(".js") || part.ends_with(".css"));
    named.map(|part| format!("/console/{part}")).collect::<Vec<_>>().into_iter()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consoles_pages_load_from_here_alone_and_put_text_in_as_text() {
    let house = House::fake(ServerLimits::default()).await;
    let mut waiting = Vec::new();
    for page in ["/", "/calls"] {
        let answer = get(house.address, page).await;
        assert_eq!((answer.status, answer.header("x-content-type-options")), (200, Some("nosniff")), "{page}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{page}: {policy}");
        assert!(
            !answer.text().contains("<script>") && !answer.text().contains(" style="),
            "{page} runs under its policy"
        );
        waiting.extend(loads(&answer.text()));
    }
    let mut seen = std::collections::BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let part = get(house.address, &path).await;
        assert_eq!((part.status, part.header("cache-control")), (200, Some("no-cache")), "{path}");
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval("] {
            assert!(!part.text().contains(way), "{path} uses {way}");
        }
        waiting.extend(loads(&part.text()));
    }
    assert!(seen.contains("/console/distress-chart.js") && seen.len() >= 12, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_stay_closed_under_random_paths() {
    let house = House::fake(ServerLimits::default()).await;
    let series =
        async || get(house.address, "/metrics").await.text().lines().filter(|line| !line.starts_with('#')).count();
    for path in ["/nothing", "/v1/models/nobody", "/v1/nothing?x=1"] {
        get(house.address, path).await;
    }
    series().await;
    let before = series().await;
    for number in 0..1_000_u32 {
        let path = match number % 3 {
            0 => format!("/{number}"),
            1 => format!("/v1/models/m{number}"),
            _ => format!("/v1/x{number}?y={number}"),
        };
        get(house.address, &path).await;
    }
    assert_eq!(series().await, before);
}
