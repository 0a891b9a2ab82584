//! Pictures and texts through a pair of towers, and faces.

use crate::client::{get, post, post_with};
use crate::house::shared;
use crate::pictures::png;
use crate::text_house::{ask, asked, difference, fixture, floats, one, pair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

fn reference(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(&format!("image_text/{name}/reference.json"))).unwrap()).unwrap()
}

fn data_url(picture: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(picture))
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_likenesses_are_those_of_the_reference() {
    let Some(folder) = shared() else { return };
    let image = data_url(&std::fs::read(folder.join("media/bus.jpg")).unwrap());
    for name in ["clip", "siglip"] {
        let house = pair(name).await;
        let reference = reference(name);
        let (captions, bus) = (&reference["captions"], &reference["pictures"]["bus"]);
        let body = |scoring: &str| json!({"left": {"image": image}, "right": captions, "scoring": scoring});
        let logits = asked(&house, "/v1/similarity", &body("logits")).await;
        // The reference decodes JPEG with another library; what that changes in a cosine (2e-4 at most) is multiplied by the scale of 100.
        assert!(difference(&floats(&logits["scores"][0]), &floats(&bus["logits"])) < 0.1, "{name}: {logits}");
        let shares = asked(&house, "/v1/similarity", &body("probabilities")).await;
        let shares = floats(&shares["scores"][0]);
        assert!(difference(&shares, &floats(&bus["probabilities"])) < 0.03, "{name}: {shares:?}");
        let zero_shot = json!({"image": image, "labels": captions, "template": "{}"});
        let labels = asked(&house, "/v1/zero-shot", &zero_shot).await;
        let mut scores = vec![0.0; captions.as_array().unwrap().len()];
        for label in labels["labels"].as_array().unwrap() {
            let index = label["index"].as_u64().unwrap() as usize;
            assert_eq!(label["label"], captions[index]);
            scores[index] = label["score"].as_f64().unwrap() as f32;
        }
        assert!(difference(&scores, &shares) < 1e-5, "{name}: {labels}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_embeds_both_in_one_request_and_each_by_its_short_name() {
    let house = pair("clip").await;
    let picture = png(40, 30, 200);
    let url = data_url(&picture);
    let both =
        asked(&house, "/v1/embeddings", &json!({"model": "clip", "input": ["a bus", {"image": url}, "a dog"]})).await;
    let item = |at: usize| both["data"][at]["embedding"].clone();
    let text = asked(&house, "/embed/text", &json!({"texts": ["a bus", "a dog"]})).await;
    // Runs of other lengths round their last bits otherwise.
    let near = |a: &Value, b: &Value| difference(&floats(a), &floats(b)) < 1e-5;
    assert!(near(&text["embeddings"][0], &item(0)) && near(&text["embeddings"][1], &item(2)), "{text}");
    let raw = post(house.address, "/embed/vision", &picture).await.json();
    assert!(near(&raw["embedding"], &item(1)) && raw["dimension"] == floats(&item(1)).len(), "{raw}");
    let json = serde_json::to_vec(&json!({"image": BASE64_STANDARD.encode(&picture)})).unwrap();
    let in_json = post_with(house.address, "/embed/vision", "content-type: application/json\r\n", &json).await.json();
    let form = [
        b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".as_slice(),
        &picture,
        b"\r\n--x--\r\n",
    ];
    let head = "content-type: multipart/form-data; boundary=x\r\n";
    let in_form = post_with(house.address, "/embed/vision", head, &form.concat()).await.json();
    assert!(near(&in_json["embedding"], &item(1)) && near(&in_form["embedding"], &item(1)), "{in_json} {in_form}");
    let tower = asked(&house, "/v1/embeddings", &json!({"model": "pictures", "input": {"image": url}})).await;
    assert!(near(&tower["data"][0]["embedding"], &item(1)), "{tower}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_towers_cannot_do_is_refused() {
    let house = pair("clip").await;
    let url = data_url(&png(8, 8, 1));
    for (path, body, status, param) in [
        ("/v1/embeddings", json!({"model": "captions", "input": {"image": url}}), 400, "model"),
        ("/v1/embeddings", json!({"model": "pictures", "input": "a"}), 400, "model"),
        ("/v1/embeddings", json!({"model": "clip", "input": [1, 2]}), 400, "input"),
        ("/v1/embeddings", json!({"model": "clip", "input": "a", "dimensions": 4}), 400, "dimensions"),
        (
            "/v1/embeddings",
            json!({"model": "clip", "input": {"image": "data:image/png;base64,iVBORw0KGgo="}}),
            422,
            "input",
        ),
        ("/v1/zero-shot", json!({"image": url, "labels": []}), 400, "labels"),
        ("/v1/zero-shot", json!({"image": url, "labels": ["a"], "template": "a photo"}), 400, "template"),
        ("/v1/zero-shot", json!({"image": url, "labels": ["a"], "template": "{} and {}"}), 400, "template"),
        (
            "/v1/zero-shot",
            // Each of its places takes the label: some terabytes in all.
            json!({"image": url, "labels": ["a".repeat(1 << 20)], "template": "{}".repeat(1 << 20)}),
            400,
            "template",
        ),
        ("/v1/zero-shot", json!({"image": "http://127.0.0.1/a.png", "labels": ["a"]}), 400, "image"),
        ("/v1/zero-shot", json!({"image": url, "labels": ["a"], "model": "pictures"}), 400, "model"),
        ("/v1/zero-shot", json!({"image": url, "labels": vec!["a"; 1_001]}), 400, "labels"),
    ] {
        let answer = ask(&house, path, &body).await;
        let shown = body.to_string().chars().take(100).collect::<String>();
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (status, &param.into()),
            "{shown}: {}",
            answer.text()
        );
    }
    let twice = post(house.address, "/embed/vision?model=clip&model=clip", &png(8, 8, 1)).await;
    assert_eq!((twice.status, &twice.json()["code"]), (400, &json!("invalid_query")));
}

#[tokio::test(flavor = "multi_thread")]
async fn faces_are_found_on_the_real_pictures() {
    let Some(folder) = shared() else { return };
    let house = one("yunet", &folder.join("yunet/face_detection_yunet_2023mar.onnx")).await;
    for (picture, scores) in [("zidane", [0.94, 0.90]), ("bus", [0.92, 0.91]), ("two_people", [0.94, 0.94])] {
        let bytes = std::fs::read(folder.join(format!("media/{picture}.jpg"))).unwrap();
        let answer = post(house.address, "/v1/faces?score_min=0.8", &bytes).await.json();
        let found: Vec<f32> =
            answer["faces"].as_array().unwrap().iter().map(|face| face["score"].as_f64().unwrap() as f32).collect();
        assert!(difference(&found, &scores) < 0.05, "{picture}: {found:?}");
        let face = &answer["faces"][0];
        let (x1, x2) = (face["box"][0].as_f64().unwrap(), face["box"][2].as_f64().unwrap());
        let nose = face["landmarks"]["nose"][0].as_f64().unwrap();
        assert!(x1 < nose && nose < x2, "{face}");
        let again = post(house.address, "/face/detect?score_min=0.8&crops=true", &bytes).await.json();
        assert_eq!(again["faces"][0]["landmarks"], face["landmarks"]);
        let crop = BASE64_STANDARD.decode(again["faces"][0]["crop"].as_str().unwrap()).unwrap();
        assert!(crop.starts_with(&[0xff, 0xd8]), "a JPEG");
    }
    let wrong = post(house.address, "/v1/faces?score=1", b"x").await;
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (400, &"invalid_query".into()));
    let none = post(house.address, "/v1/faces?embeddings=true", &png(64, 64, 1)).await;
    assert_eq!((none.status, &none.json()["error"]["code"]), (400, &"model_required".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_listed_and_says_what_it_is() {
    let house = pair("clip").await;
    let list = get(house.address, "/v1/models").await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["captions", "pictures", "clip"]);
    let one = get(house.address, "/v1/models/clip").await.json();
    assert_eq!((&one["state"], &one["object"]), (&json!("ready"), &json!("model")), "{one}");
    assert_eq!(one["pair"], json!({"image": "pictures", "text": "captions"}));
    assert!(get(house.address, "/v1/models/pictures").await.json()["pair"].is_null());
    asked(&house, "/v1/embeddings", &json!({"model": "clip", "input": "a bus"})).await;
    assert!(get(house.address, "/v1/models/clip").await.json()["work"]["rows"].as_u64() >= Some(1));
    let load = post(house.address, "/v1/models/clip/load", b"").await;
    assert_eq!((load.status, &load.json()["code"]), (404, &json!("model_not_found")));
    assert!(load.text().contains("pair of towers"), "{}", load.text());
    post(house.address, "/v1/models/pictures/unload", b"").await;
    assert_eq!(get(house.address, "/v1/models/clip").await.json()["state"], "absent", "half a pair does not serve");
    let ranked = ask(&house, "/v1/rerank", &json!({"model": "clip", "query": "a", "documents": ["b"]})).await;
    let error = &ranked.json()["error"];
    assert_eq!((ranked.status, &error["code"], &error["param"]), (400, &json!("wrong_family"), &json!("model")));
    assert!(error["message"].as_str().unwrap().contains("pair of towers"), "{error}");
    let cosine = asked(&house, "/v1/similarity", &json!({"model": "clip", "left": "a bus", "right": "a bus"})).await;
    assert!(cosine["scores"][0][0].as_f64().unwrap() > 0.999, "{cosine}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_short_forms_take_the_model_from_the_address() {
    let house = pair("clip").await;
    let text = json!({"text": "a bus"});
    let by_pair = asked(&house, "/embed/text", &text).await;
    assert_eq!(asked(&house, "/embed/text?model=clip", &text).await, by_pair);
    assert_eq!(asked(&house, "/embed/text?model=captions", &text).await, by_pair);
    assert_eq!(asked(&house, "/embed/text?model=clip", &json!({"text": "a bus", "model": "clip"})).await, by_pair);
    let picture = png(8, 8, 1);
    assert_eq!(post(house.address, "/embed/vision?model=pictures", &picture).await.status, 200);
    for (path, body, status, code) in [
        ("/embed/text?model=nobody", text.clone(), 404, "model_not_found"),
        ("/embed/text?model=pictures", text.clone(), 400, "wrong_family"),
        ("/embed/text?modle=clip", text.clone(), 400, "invalid_query"),
        ("/embed/text?model=captions", json!({"text": "a", "model": "clip"}), 400, "invalid_query"),
        ("/embed/text", json!({"text": "a", "dimension": 4}), 400, "invalid_body"),
    ] {
        let answer = ask(&house, path, &body).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{path}: {}", answer.text());
    }
    let vision = async |query: &str| post(house.address, &format!("/embed/vision{query}"), &picture).await;
    assert_eq!(vision("?model=nobody").await.status, 404);
    assert_eq!(vision("?modle=clip").await.json()["code"], "invalid_query");
    assert_eq!(vision("?model=captions").await.json()["code"], "wrong_family");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_nobody_knows_is_named_where_the_form_is_our_own() {
    let house = pair("clip").await;
    for (path, body) in [
        ("/embed/text", json!({"text": "a", "surprise": 1})),
        ("/v1/similarity", json!({"left": "a", "right": "b", "surprise": 1})),
    ] {
        let answer = ask(&house, path, &body).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(answer.text().contains("no field `surprise`"), "{path}: {}", answer.text());
    }
    let more = json!({"model": "clip", "input": "a", "surprise": 1, "user": "x", "safety_identifier": "y"});
    asked(&house, "/v1/embeddings", &more).await;
}
