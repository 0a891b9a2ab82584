//! `/v1/rerank` by a cross-encoder and by vectors, and `/v1/similarity` of texts.

use crate::text_house::{ask, asked, difference, expected, floats, texts};
use serde_json::{Value, json};

const PATH: &str = "/v1/rerank";

/// The scores in the order of the documents.
fn by_document(answer: &Value) -> Vec<f32> {
    let results = answer["results"].as_array().unwrap();
    let mut scores = vec![f32::NAN; results.len()];
    for result in results {
        scores[result["index"].as_u64().unwrap() as usize] = result["relevance_score"].as_f64().unwrap() as f32;
    }
    scores
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cross_encoder_puts_documents_in_order() {
    let house = texts(&["reranker", "m3", "bert"]).await;
    let expected = expected();
    let body = json!({"query": expected["query"], "documents": expected["documents"], "max_tokens_per_doc": 9});
    let answer = asked(&house, PATH, &body).await;
    assert_eq!((&answer["model"], &answer["method"]), (&"reranker".into(), &"cross-encoder".into()));
    assert!(difference(&by_document(&answer), &floats(&expected["reranker"]["scores"])) < 1e-4);
    let told: Vec<f64> =
        answer["results"].as_array().unwrap().iter().map(|one| one["relevance_score"].as_f64().unwrap()).collect();
    assert!(told.is_sorted_by(|a, b| a >= b), "{told:?}");
    let raw = asked(&house, PATH, &with(&body, &json!({"raw_scores": true}))).await;
    assert!(difference(&by_document(&raw), &floats(&expected["reranker"]["logits"])) < 1e-4);
    let best = asked(&house, PATH, &with(&body, &json!({"top_n": 2, "return_documents": true}))).await;
    let results = best["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    let place = results[0]["index"].as_u64().unwrap() as usize;
    assert_eq!(results[0]["document"]["text"], expected["documents"][place]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_texts_ranks_by_its_vectors_and_says_so() {
    let house = texts(&["m3", "bert"]).await;
    let expected = expected();
    let body = json!({"model": "bert", "query": expected["query"], "documents": [{"text": "tea"}, expected["query"], "kettle"]});
    let cosine = asked(&house, PATH, &body).await;
    assert_eq!(cosine["method"], "cosine");
    let hybrid = asked(&house, PATH, &with(&body, &json!({"model": "m3"}))).await;
    assert_eq!(
        (&hybrid["method"], &hybrid["results"][0]["index"]),
        (&"hybrid".into(), &1.into()),
        "the query itself is nearest"
    );
    let weights = json!({"model": "m3", "weights": {"dense": 1.0}});
    let dense = asked(&house, PATH, &with(&body, &weights)).await;
    let alike = json!({"model": "m3", "left": expected["query"], "right": ["tea", expected["query"], "kettle"]});
    let cosines = asked(&house, "/v1/similarity", &alike).await;
    assert!(difference(&by_document(&dense), &floats(&cosines["scores"][0])) < 1e-5);
    let refused = ask(&house, PATH, &with(&body, &json!({"weights": {"dense": 1.0}}))).await;
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &"weights".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_ranked_or_compared_is_refused() {
    let house = texts(&["reranker", "bert"]).await;
    let many = vec!["a"; 1_001];
    let refused = |body: Value| {
        let house = &house;
        async move {
            let path = if body.get("left").is_some() { "/v1/similarity" } else { PATH };
            let answer = ask(house, path, &body).await;
            let error = &answer.json()["error"];
            (answer.status, error["param"].clone(), error["code"].clone())
        }
    };
    for (body, status, param, code) in [
        (json!({"query": "", "documents": ["a"]}), 400, json!("query"), "empty_input"),
        (json!({"query": "a", "documents": []}), 400, json!("documents"), "empty_input"),
        (json!({"query": "a", "documents": ["a", ""]}), 400, json!("documents"), "empty_input"),
        (json!({"query": "a", "documents": many}), 400, json!("documents"), "too_many_items"),
        (json!({"query": "a", "documents": [1]}), 400, json!("documents"), "invalid_body"),
        (json!({"query": ["a"], "documents": ["a"]}), 400, json!("query"), "invalid_body"),
        (json!({"query": "a", "documents": ["a"], "model": "x"}), 404, json!("model"), "model_not_found"),
        (json!({"left": "a", "model": "reranker"}), 400, json!("model"), "wrong_family"),
        (json!({"left": "a", "model": "bert", "scoring": "logits"}), 400, json!("scoring"), "invalid_option"),
        (
            json!({"left": vec!["a"; 1_001], "right": vec!["a"; 1_000], "model": "bert"}),
            400,
            json!("right"),
            "too_many_items",
        ),
        (json!({"left": [], "model": "bert"}), 400, json!("left"), "empty_input"),
        (json!({"left": "a", "rigth": "b"}), 400, Value::Null, "invalid_body"),
    ] {
        let shown = body.to_string().chars().take(80).collect::<String>();
        assert_eq!(refused(body).await, (status, param, json!(code)), "{shown}");
    }
}

/// `body` with the keys of `more`.
fn with(body: &Value, more: &Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}
