//! Texts through real engines, held against sentence-transformers, FlagEmbedding and each other.

use crate::engines::each_engine;
use crate::files::shared;
use crate::serving::{Serving, call};
use samovar_engine_api::Engine;
use samovar_engines::Rten;
use samovar_models::{
    EmbedOptions, FamilyHints, FamilyKind, Heads, HybridScore, HybridWeights, Pooling, TextEmbedding, TextHints,
    TextInput, Truncate, hybrid_score,
};
use samovar_runtime::{Failure, FailureKind, RunError, RunErrorKind};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TOLERANCE: f32 = 1e-4;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/text").join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(folder("expected.json")).unwrap()).unwrap()
}

pub(crate) fn hints(name: &str) -> FamilyHints {
    FamilyHints { assets: Some(folder(name)), ..FamilyHints::default() }
}

fn start_hinted(engine: Arc<dyn Engine>, name: &str, hints: FamilyHints) -> Result<Serving, Failure> {
    Serving::start_hinted(engine, folder(name).join("model.onnx"), 8, hints)
}

fn start(engine: Arc<dyn Engine>, name: &str) -> Serving {
    start_hinted(engine, name, hints(name)).unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// Texts that are too long are cut at their end, as the references do.
fn cutting() -> EmbedOptions {
    EmbedOptions { truncate: Truncate::End, ..EmbedOptions::default() }
}

fn embed(serving: &Serving, texts: &[String], options: &EmbedOptions) -> Result<Vec<TextEmbedding>, RunError> {
    let texts = texts.iter().map(|text| TextInput::Text(text.clone())).collect();
    serving.block_on(serving.embedder().embed(texts, options, call(1)))
}

fn dense(serving: &Serving, texts: &[String], options: &EmbedOptions) -> Vec<Vec<f32>> {
    embed(serving, texts, options).unwrap().into_iter().map(|found| found.dense.unwrap()).collect()
}

fn code(error: &RunError) -> &'static str {
    error.kind().code()
}

fn differs(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn assert_near(what: &str, found: &[Vec<f32>], expected: &Value) {
    let expected: Vec<Vec<f32>> = expected.as_array().unwrap().iter().map(floats).collect();
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(&expected).map(|(a, b)| differs(a, b)).fold(0.0, f32::max);
    println!("  {what}: at most {worst:.1e} from the reference");
    assert!(worst < TOLERANCE, "{what}: {worst}");
}

#[test]
fn a_sentence_encoder_gives_the_vectors_of_sentence_transformers() {
    let expected = expected();
    let texts = strings(&expected["texts"]);
    each_engine(|engine| {
        let serving = start(engine, "bert");
        let bert = &expected["bert"];
        assert_near("vectors", &dense(&serving, &texts, &cutting()), &bert["vectors"]);
        let query = EmbedOptions { prompt: Some("query".to_owned()), ..cutting() };
        assert_near("with a prompt", &dense(&serving, &texts, &query), &bert["query"]);
        let eight = EmbedOptions { dimensions: Some(8), ..cutting() };
        assert_near("of 8 dimensions", &dense(&serving, &texts, &eight), &bert["eight"]);
    });
}

#[test]
fn each_way_of_pooling_gives_the_vectors_of_sentence_transformers() {
    let expected = expected();
    let texts = strings(&expected["texts"]);
    for (pooling, key) in [(Pooling::Cls, "cls"), (Pooling::LastToken, "lasttoken")] {
        let text = TextHints { pooling: Some(pooling), normalize: Some(false), ..TextHints::default() };
        let serving = start_hinted(Arc::new(Rten), "bert", FamilyHints { text, ..hints("bert") }).unwrap();
        assert_near(key, &dense(&serving, &texts, &cutting()), &expected["bert"][key]);
    }
}

#[test]
fn the_model_knows_what_its_files_say() {
    let serving = start(Arc::new(Rten), "bert");
    let model = serving.embedder().model().unwrap();
    assert_eq!((model.tokens_max(), model.dimensions(), model.heads()), (32, Some(16), Heads::DENSE));
    assert_eq!((model.pooling(), model.normalizes()), (Pooling::Mean, true));
    assert_eq!(model.prompts().collect::<Vec<_>>(), ["document", "query"]);
    let expected = expected();
    for (text, ids) in strings(&expected["texts"]).into_iter().zip(expected["bert"]["ids"].as_array().unwrap()) {
        let ids: Vec<u32> = serde_json::from_value(ids.clone()).unwrap();
        if ids.len() <= 32 {
            assert_eq!(model.encode(&TextInput::Text(text), &EmbedOptions::default()).unwrap().ids, ids);
        }
    }
}

#[test]
fn three_heads_come_out_of_one_pass_as_flag_embedding_has_them() {
    let expected = expected();
    let texts = strings(&expected["texts"]);
    let options = EmbedOptions { heads: Heads { dense: true, sparse: true, multi_vector: true }, ..cutting() };
    each_engine(|engine| {
        let serving = start(engine, "m3");
        let found = embed(&serving, &texts, &options).unwrap();
        for (found, expected) in found.iter().zip(expected["m3"]["embeddings"].as_array().unwrap()) {
            assert!(differs(found.dense.as_ref().unwrap(), &floats(&expected["dense"])) < TOLERANCE);
            let weights: Vec<(u32, f32)> = serde_json::from_value(expected["sparse"].clone()).unwrap();
            let sparse = found.sparse.as_ref().unwrap();
            assert!(sparse.iter().map(|(id, _)| id).eq(weights.iter().map(|(id, _)| id)), "{sparse:?} {weights:?}");
            assert!(sparse.iter().zip(&weights).all(|(a, b)| (a.1 - b.1).abs() < TOLERANCE));
            assert_near("multi-vectors", found.multi_vector.as_ref().unwrap(), &expected["colbert"]);
        }
        let query = &embed(&serving, &strings(&Value::Array(vec![expected["query"].clone()])), &options).unwrap()[0];
        let documents = embed(&serving, &strings(&expected["documents"]), &options).unwrap();
        let scores = documents.iter().map(|document| hybrid_score(query, document, HybridWeights::default()));
        let scores: Vec<_> = scores.collect();
        let of = |head: fn(&HybridScore) -> f32| -> Vec<f32> { scores.iter().map(head).collect() };
        let found = [
            ("dense", of(|score| score.dense.unwrap())),
            ("sparse", of(|score| score.sparse.unwrap())),
            ("colbert", of(|score| score.multi_vector.unwrap())),
            ("all", of(|score| score.all)),
        ];
        for (head, found) in found {
            let apart = differs(&found, &floats(&expected["m3"]["scores"][head]));
            println!("  score {head}: at most {apart:.1e} from the reference");
            assert!(apart < TOLERANCE, "{head}: {found:?}");
        }
    });
}

#[test]
fn pairs_are_scored_as_sentence_transformers_cross_encoder_scores_them() {
    let expected = expected();
    let documents = strings(&expected["documents"]);
    each_engine(|engine| {
        let text = TextHints { tokens_max: Some(48), ..TextHints::default() };
        let serving = start_hinted(engine, "reranker", FamilyHints { text, ..hints("reranker") }).unwrap();
        let encoder = serving.cross_encoder();
        let query = expected["query"].as_str().unwrap();
        let found = serving.block_on(encoder.scores(query, &documents, Truncate::End, call(1))).unwrap();
        let scores: Vec<f32> = found.iter().map(|found| found.score).collect();
        let logits: Vec<f32> = found.iter().map(|found| found.logit).collect();
        assert!(differs(&scores, &floats(&expected["reranker"]["scores"])) < TOLERANCE);
        assert!(differs(&logits, &floats(&expected["reranker"]["logits"])) < TOLERANCE);
        assert!(found.iter().all(|found| found.tokens <= 48));
        let refused = serving.block_on(encoder.scores(query, &documents, Truncate::Refuse, call(1)));
        assert_eq!(refused.map_err(|error| code(&error)), Err("text_too_long"));
    });
}

#[test]
fn a_text_among_others_gives_bit_for_bit_what_it_gives_alone() {
    let texts = strings(&expected()["texts"]);
    // Four of each, so that rows of equal length share runs.
    let many: Vec<String> = texts.iter().cycle().take(4 * texts.len()).cloned().collect();
    each_engine(|engine| {
        let serving = start(engine, "bert");
        let together = dense(&serving, &many, &cutting());
        for (text, together) in many.iter().zip(&together) {
            assert_eq!(&dense(&serving, std::slice::from_ref(text), &cutting())[0], together, "{text}");
        }
    });
}

#[test]
fn padding_changes_nothing_that_can_be_seen() {
    let text = vec!["tea tea tea tea tea tea tea tea tea".to_owned()];
    each_engine(|engine| {
        let padded = start(Arc::clone(&engine), "bert");
        let tokens = embed(&padded, &text, &EmbedOptions::default()).unwrap()[0].tokens;
        // A model whose longest text this is has a row of just this length.
        let limit = TextHints { tokens_max: Some(tokens), ..TextHints::default() };
        let exact = start_hinted(engine, "bert", FamilyHints { text: limit, ..hints("bert") }).unwrap();
        let (exact, padded) =
            (dense(&exact, &text, &EmbedOptions::default()), dense(&padded, &text, &EmbedOptions::default()));
        let apart = differs(&exact[0], &padded[0]);
        println!("  {tokens} tokens, padded and not: {apart:.1e} apart");
        assert!(![8, 16, 24, 32].contains(&tokens) && apart < 1e-5, "{apart}");
    });
}

#[test]
fn what_is_wrong_with_a_text_or_an_option_is_told_before_anything_runs() {
    let serving = start(Arc::new(Rten), "bert");
    let long = vec!["tea ".repeat(200)];
    let options = EmbedOptions::default;
    let heads = Heads { sparse: true, ..Heads::DENSE };
    let none = Heads { dense: false, sparse: false, multi_vector: false };
    let cases = [
        (options(), "text_too_long"),
        (EmbedOptions { prompt: Some("nobody".to_owned()), ..cutting() }, "unknown_prompt"),
        (EmbedOptions { dimensions: Some(17), ..cutting() }, "invalid_dimensions"),
        (EmbedOptions { dimensions: Some(0), ..cutting() }, "invalid_dimensions"),
        (EmbedOptions { heads, ..cutting() }, "unsupported_head"),
        (EmbedOptions { heads: none, ..cutting() }, "unsupported_head"),
    ];
    for (options, expected) in cases {
        assert_eq!(code(&embed(&serving, &long, &options).unwrap_err()), expected);
    }
    let error = embed(&serving, &long, &options()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the text has 202 tokens and the model takes 32; shorten it, or allow it to be truncated"
    );
    assert_eq!(embed(&serving, &long, &cutting()).unwrap()[0].tokens, 32);
    assert_eq!(serving.block_on(serving.embedder().embed(Vec::new(), &options(), call(1))).unwrap(), []);
}

#[test]
fn tokens_are_taken_with_the_special_ones_or_without_and_held_against_the_vocabulary() {
    let serving = start(Arc::new(Rten), "bert");
    let (embedder, options) = (serving.embedder(), EmbedOptions::default());
    let text = TextInput::Text("The samovar is hot.".to_owned());
    let ids = embedder.model().unwrap().encode(&text, &options).unwrap().ids;
    let plain = ids[1..ids.len() - 1].to_vec();
    let given = vec![text, TextInput::Tokens(ids), TextInput::Tokens(plain)];
    let found = serving.block_on(embedder.embed(given, &options, call(1))).unwrap();
    assert!(found[0] == found[1] && found[0] == found[2]);
    let unknown = vec![TextInput::Tokens(vec![5, 100_000])];
    let error = serving.block_on(embedder.embed(unknown, &options, call(1))).unwrap_err();
    assert_eq!(code(&error), "unknown_token");
}

fn reason(name: &str, hints: FamilyHints) -> String {
    let failure = start_hinted(Arc::new(Rten), name, hints).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Contract);
    failure.reason
}

#[test]
fn a_model_whose_files_do_not_fit_together_does_not_load() {
    assert!(reason("bert", FamilyHints::default()).contains("name the folder where it lies as `assets`"));
    let empty = tempfile::tempdir().unwrap();
    let elsewhere = FamilyHints { assets: Some(empty.path().to_owned()), ..FamilyHints::default() };
    assert!(reason("bert", elsewhere.clone()).starts_with("`tokenizer.json` is missing"));
    std::fs::copy(folder("bert/tokenizer.json"), empty.path().join("tokenizer.json")).unwrap();
    std::fs::write(empty.path().join("config.json"), r#"{"vocab_size": 20}"#).unwrap();
    assert!(reason("bert", elsewhere.clone()).contains("the model's table has 20 rows"));
    std::fs::write(empty.path().join("tokenizer.json"), "{}").unwrap();
    assert!(reason("bert", elsewhere).starts_with("`tokenizer.json` cannot be used"));
    let text = TextHints { tokens_max: Some(65), ..TextHints::default() };
    assert!(reason("bert", FamilyHints { text, ..hints("bert") }).contains("64 tokens at most"));
    let scores = FamilyHints { family: Some(FamilyKind::CrossEncoder), ..hints("bert") };
    assert!(reason("bert", scores).contains("expected `logits` [batch, labels]"));
}

#[test]
fn a_model_of_another_family_is_told() {
    let serving = start(Arc::new(Rten), "reranker");
    let error = embed(&serving, &["tea".to_owned()], &EmbedOptions::default()).unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Input { code: "wrong_family" });
    assert!(error.to_string().contains("`cross-encoder`, which embeds no texts"), "{error}");
}

#[test]
fn mini_lm_finds_the_sentences_alike_that_its_card_says() {
    let Some(models) = shared() else { return };
    let sentences = [
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
        "The man is eating food.",
        "A man is having a meal.",
    ];
    let sentences = sentences.map(str::to_owned);
    each_engine(|engine| {
        let assets = FamilyHints { assets: Some(models.join("minilm")), ..FamilyHints::default() };
        let path = models.join("minilm/model.onnx");
        let serving = Serving::start_hinted(engine, path, 8, assets).unwrap();
        let vectors = dense(&serving, &sentences, &EmbedOptions::default());
        assert_eq!(serving.embedder().model().unwrap().tokens_max(), 256);
        let cosine = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum::<f32>();
        let cosines = [cosine(0, 1), cosine(0, 2), cosine(0, 3)];
        println!("  {cosines:?}");
        assert!(differs(&cosines, &[0.695, 0.943, 0.257]) < 1e-3, "{cosines:?}");
    });
}
