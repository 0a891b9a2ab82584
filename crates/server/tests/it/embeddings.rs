//! `/v1/embeddings` as OpenAI's clients use it, what is beyond that, and what is refused.

use crate::client::{get, post};
use crate::house::House;
use crate::text_house::{ask, asked, difference, expected, floats, mini_lm, texts};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

const PATH: &str = "/v1/embeddings";

fn vector(answer: &Value, at: usize) -> Vec<f32> {
    floats(&answer["data"][at]["embedding"])
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_an_input_gives_the_same_vector() {
    let house = texts(&["bert"]).await;
    let expected = expected();
    let text = &expected["texts"][0];
    let listed = asked(&house, PATH, &json!({"model": "bert", "input": [text, expected["texts"][1]]})).await;
    assert_eq!((&listed["object"], &listed["model"]), (&"list".into(), &"bert".into()));
    assert_eq!((&listed["data"][1]["index"], &listed["data"][1]["object"]), (&1.into(), &"embedding".into()));
    let reference = floats(&expected["bert"]["vectors"][0]);
    assert!(difference(&vector(&listed, 0), &reference) < 1e-4);
    assert!(difference(&vector(&listed, 1), &floats(&expected["bert"]["vectors"][1])) < 1e-4);
    let ids = &expected["bert"]["ids"][0];
    for input in [text.clone(), ids.clone(), json!([ids]), json!([{"text": text}])] {
        let one =
            asked(&house, PATH, &json!({"model": "bert", "input": input, "user": "u-1", "more": {"a": [1]}})).await;
        assert_eq!(one["data"][0]["embedding"], listed["data"][0]["embedding"], "{input}");
        assert_eq!(one["usage"]["prompt_tokens"], ids.as_array().unwrap().len());
        assert_eq!(one["usage"]["prompt_tokens"], one["usage"]["total_tokens"]);
    }
    let base64 = asked(&house, PATH, &json!({"input": text, "encoding_format": "base64"})).await;
    let bytes = BASE64_STANDARD.decode(base64["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let decoded: Vec<f32> = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(decoded, vector(&listed, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn dimensions_prompts_and_lengths_are_as_asked() {
    let house = texts(&["bert"]).await;
    let expected = expected();
    let text = &expected["texts"][0];
    let eight = asked(&house, PATH, &json!({"input": text, "dimensions": 8})).await;
    assert!(difference(&vector(&eight, 0), &floats(&expected["bert"]["eight"][0])) < 1e-4);
    for named in [json!({"input": text, "prompt_name": "query"}), json!({"input": text, "input_type": "query"})] {
        let prompted = asked(&house, PATH, &named).await;
        assert!(difference(&vector(&prompted, 0), &floats(&expected["bert"]["query"][0])) < 1e-4, "{named}");
    }
    let plain = asked(&house, PATH, &json!({"input": text, "normalize": false})).await;
    let unit = asked(&house, PATH, &json!({"input": text, "normalize": true})).await;
    assert!((dot(&vector(&unit, 0), &vector(&unit, 0)) - 1.0).abs() < 1e-5);
    assert!((dot(&vector(&plain, 0), &vector(&plain, 0)) - 1.0).abs() > 1e-3);
    let long = expected["texts"][4].as_str().unwrap().repeat(20);
    assert_eq!(ask(&house, PATH, &json!({"input": long})).await.json()["error"]["code"], "text_too_long");
    for truncate in [json!(true), json!("end"), json!("start"), json!("END")] {
        asked(&house, PATH, &json!({"input": long, "truncate": truncate})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_heads_come_with_one_request() {
    let house = texts(&["m3"]).await;
    let text = &expected()["texts"][0];
    let all = json!({"input": [text], "return_sparse": true, "return_multi_vector": true});
    let found = &asked(&house, PATH, &all).await["data"][0];
    let weights = found["sparse"].as_array().unwrap();
    assert!(!weights.is_empty() && weights.iter().all(|weight| weight["value"].as_f64().unwrap() > 0.0));
    assert!(found["multi_vector"].as_array().unwrap().len() >= weights.len());
    assert!(found["embedding"].is_array());
    let sparse = json!({"input": [text], "return_sparse": true, "return_dense": false});
    let only = &asked(&house, PATH, &sparse).await["data"][0];
    assert_eq!((&only["sparse"], only.get("embedding")), (&found["sparse"], None));
    let vectors = &get(house.address, "/v1/models/m3").await.json()["serving"]["vectors"];
    assert_eq!(vectors["heads"], json!(["dense", "sparse", "multi_vector"]));
    assert!(vectors["tokens_max"].is_u64(), "{vectors}");
}

/// What a client is told: status, type, param and code.
async fn refused(house: &House, body: &[u8]) -> (u16, String, Value, String) {
    let answer = post(house.address, PATH, body).await;
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.head);
    let error = answer.json()["error"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert!(text(&error["message"]).len() > 10);
    (answer.status, text(&error["type"]), error["param"].clone(), text(&error["code"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_in_openais_form_with_its_field() {
    let house = texts(&["bert", "reranker"]).await;
    let many = |count: usize| json!({"model": "bert", "input": vec!["a"; count]}).to_string();
    let cases: Vec<(Vec<u8>, u16, Value, &str)> = vec![
        (b"{\"model\": \"bert\", \"input\": \"\"}".to_vec(), 400, "input".into(), "empty_input"),
        (b"{\"model\": \"bert\", \"input\": []}".to_vec(), 400, "input".into(), "empty_input"),
        (b"{\"model\": \"bert\", \"input\": [[]]}".to_vec(), 400, "input".into(), "empty_input"),
        (b"{\"model\": \"bert\"}".to_vec(), 400, "input".into(), "invalid_body"),
        (b"{\"model\": \"bert\", \"input\": 7}".to_vec(), 400, "input".into(), "invalid_body"),
        (b"{\"model\": \"bert\", \"input\": [\"a\", 7]}".to_vec(), 400, "input".into(), "invalid_body"),
        (b"{\"model\": \"bert\", \"input\": [[1e99]]}".to_vec(), 400, "input".into(), "invalid_body"),
        (b"{\"model\": \"bert\", \"input\": [NaN]}".to_vec(), 400, Value::Null, "invalid_body"),
        (b"{\"model\": \"bert\", \"input\": \"\xff\"}".to_vec(), 400, Value::Null, "invalid_body"),
        (b"{\"model\": 7, \"input\": \"a\"}".to_vec(), 400, "model".into(), "invalid_body"),
        (
            b"{\"input\": \"a\", \"model\": \"bert\", \"encoding_format\": \"int8\"}".to_vec(),
            400,
            "encoding_format".into(),
            "invalid_body",
        ),
        (
            b"{\"input\": \"a\", \"model\": \"bert\", \"dimensions\": 9999}".to_vec(),
            400,
            "dimensions".into(),
            "invalid_dimensions",
        ),
        (
            b"{\"input\": \"a\", \"model\": \"bert\", \"dimensions\": 0}".to_vec(),
            400,
            "dimensions".into(),
            "invalid_dimensions",
        ),
        (
            b"{\"input\": \"a\", \"model\": \"bert\", \"prompt_name\": \"no\"}".to_vec(),
            400,
            "prompt_name".into(),
            "unknown_prompt",
        ),
        (
            b"{\"input\": \"a\", \"model\": \"bert\", \"return_sparse\": true}".to_vec(),
            400,
            Value::Null,
            "unsupported_head",
        ),
        (b"{\"input\": [999999], \"model\": \"bert\"}".to_vec(), 400, "input".into(), "unknown_token"),
        (b"{\"input\": {\"image\": \"AAAA\"}, \"model\": \"bert\"}".to_vec(), 415, "input".into(), "unsupported_media"),
        (b"{\"input\": \"a\", \"model\": \"ada\"}".to_vec(), 404, "model".into(), "model_not_found"),
        (b"{\"input\": \"a\", \"model\": \"reranker\"}".to_vec(), 400, "model".into(), "wrong_family"),
        (many(2_049).into_bytes(), 400, "input".into(), "too_many_items"),
        (many(9_000).into_bytes(), 400, "input".into(), "too_many_items"),
        (
            json!({"model": "bert", "input": "a".repeat(2 << 20)}).to_string().into_bytes(),
            413,
            "input".into(),
            "text_too_large",
        ),
        ("[".repeat(100_000).into_bytes(), 400, Value::Null, "invalid_body"),
        (Vec::new(), 400, Value::Null, "invalid_body"),
    ];
    for (body, status, param, code) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let expected = (status, "invalid_request_error".to_owned(), param, code.to_owned());
        assert_eq!(refused(&house, &body).await, expected, "{shown}");
    }
    let late = refused(&house, b"{\"model\": \"bert\", \"input\": \"a\", \"timeout_ms\": 0}").await;
    assert_eq!((late.0, late.1.as_str(), late.3.as_str()), (504, "server_error", "deadline_exceeded"));
    let method = get(house.address, PATH).await;
    assert_eq!((method.status, &method.json()["error"]["code"]), (405, &"method_not_allowed".into()));
    asked(&house, PATH, &json!({"model": "bert", "input": "the next one is answered"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_as_openai_takes_are_answered_in_order_and_counted() {
    let house = texts(&["bert"]).await;
    let words: Vec<String> = (0..2_048).map(|number| format!("samovar {}", number % 97)).collect();
    let answer = asked(&house, PATH, &json!({"model": "bert", "input": words})).await;
    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.len(), 2_048);
    assert!(data.iter().enumerate().all(|(index, item)| item["index"] == index));
    assert_eq!(data[3]["embedding"], data[100]["embedding"], "the same text");
    let tokens = answer["usage"]["prompt_tokens"].as_f64().unwrap();
    assert!(tokens >= 2_048.0 * 3.0);
    assert_eq!(house.metric("samovar_text_tokens_total{model=\"bert\"}").await, tokens);
}

#[tokio::test(flavor = "multi_thread")]
async fn mini_lm_is_as_its_card_says() {
    let Some(house) = mini_lm().await else { return };
    let input =
        ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"];
    let answer = asked(&house, PATH, &json!({"model": "minilm", "input": input})).await;
    for (at, cosine) in [(1, 0.695), (2, 0.943), (3, 0.257)] {
        let found = dot(&vector(&answer, 0), &vector(&answer, at));
        assert!((found - cosine).abs() < 1e-3, "{found} and not {cosine}");
    }
    let alike = asked(&house, "/v1/similarity", &json!({"left": input[0], "right": input[1..]})).await;
    assert!(difference(&floats(&alike["scores"][0]), &[0.695, 0.943, 0.257]) < 1e-3, "{alike}");
    let shown = get(house.address, "/v1/models/minilm").await.json();
    assert_eq!(
        (&shown["id"], &shown["object"], &shown["owned_by"]),
        (&"minilm".into(), &"model".into(), &"samovar".into())
    );
    assert_eq!((&shown["created"], &shown["serving"]["vectors"]["dimensions"]), (&0.into(), &384.into()));
    let short = asked(&house, "/embed/text", &json!({"text": input[0]})).await;
    assert_eq!((&short["embedding"], &short["dimension"]), (&answer["data"][0]["embedding"], &384.into()));
    let several = asked(&house, "/embed/text", &json!({"texts": input})).await;
    assert_eq!(several["embeddings"][3], answer["data"][3]["embedding"]);
    let health = get(house.address, "/health").await.json();
    assert_eq!(health["models_loaded"], json!(["minilm"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_text_embeddings_inference_get_its_forms() {
    let house = texts(&["bert", "reranker"]).await;
    let expected = expected();
    let (one, other) = (&expected["texts"][0], &expected["texts"][1]);
    let vectors = asked(&house, "/embed", &json!({"inputs": [one, other]})).await;
    for at in 0..2 {
        assert!(difference(&floats(&vectors[at]), &floats(&expected["bert"]["vectors"][at])) < 1e-4);
    }
    let plain = asked(&house, "/embed", &json!({"inputs": one, "truncate": true})).await;
    let vector = floats(&plain[0]);
    assert!((dot(&vector, &vector) - 1.0).abs() < 1e-4, "of length 1 unless somebody says otherwise");
    let alike = json!({"inputs": {"source_sentence": one, "sentences": [one, other]}});
    let alike = floats(&asked(&house, "/similarity", &alike).await);
    assert!((alike[0] - 1.0).abs() < 1e-4 && alike[1] < 0.9999 && alike.len() == 2, "{alike:?}");
    let texts = json!(["It is sunny.", "A samovar keeps water hot."]);
    let ranks = json!({"query": "What keeps water hot?", "texts": texts, "return_text": true, "raw_scores": true});
    let ranks = asked(&house, "/rerank", &ranks).await;
    assert!(ranks[0]["score"].as_f64() >= ranks[1]["score"].as_f64(), "{ranks}");
    assert_eq!(ranks[0]["text"], texts[ranks[0]["index"].as_u64().unwrap() as usize]);
    let theirs = json!({"query": "What keeps water hot?", "documents": texts, "raw_scores": true});
    let theirs = asked(&house, "/v1/rerank", &theirs).await;
    assert_eq!(theirs["results"][0]["index"], ranks[0]["index"]);
    let info = get(house.address, "/info").await.json();
    assert_eq!((&info["model_id"], &info["model_dtype"]), (&json!("bert"), &json!("float32")), "{info}");
    assert!(info["model_type"]["embedding"]["pooling"].is_string() && info["max_input_length"].as_u64() > Some(0));
    let ranker = get(house.address, "/info?model=reranker").await.json();
    assert!(ranker["model_type"]["reranker"].is_object(), "{ranker}");
    for (path, body, status, kind) in [
        ("/embed", json!({"inputs": []}), 400, "Empty"),
        ("/embed", json!({"texts": "a"}), 400, "Validation"),
        ("/embed_sparse", json!({"inputs": "a"}), 400, "Validation"),
        ("/embed?model=nobody", json!({"inputs": "a"}), 404, "Validation"),
        ("/embed", json!({"inputs": "word ".repeat(10_000)}), 400, "Validation"),
        ("/rerank", json!({"query": "a", "texts": []}), 400, "Empty"),
        ("/similarity", json!({"inputs": {"source_sentence": "a", "sentences": []}}), 400, "Validation"),
    ] {
        let answer = ask(&house, path, &body).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["error_type"]), (status, &json!(kind)), "{path}: {told}");
        assert!(told["error"].is_string() && told["code"].is_string(), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lexical_weights_are_told_as_text_embeddings_inference_does() {
    let house = texts(&["m3"]).await;
    let text = &expected()["texts"][0];
    let told = asked(&house, "/embed_sparse", &json!({"inputs": [text]})).await;
    let own = asked(&house, PATH, &json!({"input": text, "return_sparse": true})).await;
    let weights = told[0].as_array().unwrap();
    assert!(!weights.is_empty() && weights.iter().all(|weight| weight["index"].is_u64() && weight["value"].is_f64()));
    let own = &own["data"][0];
    let listed = own.to_string();
    assert!(listed.contains("sparse"), "{listed}");
}
