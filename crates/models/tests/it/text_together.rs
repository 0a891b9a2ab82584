//! Texts of many callers on one model: which of them share a run, what becomes of those that leave, and of requests larger than the queue.

use crate::serving::{Serving, call};
use crate::text::hints;
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_engines::{FakeEngine, FakeFault, FakeModel, Gate};
use samovar_models::{EmbedOptions, TextEmbedder, TextEmbedding, TextInput};
use samovar_runtime::{RunError, RunErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

fn encoder() -> FakeModel {
    let dynamic = |name: &str| Dim::Dynamic(Some(name.to_owned()));
    let input = |name: &str| Port {
        name: name.to_owned(),
        element: ElementType::I64,
        dims: vec![dynamic("batch"), dynamic("sequence")],
    };
    let output = Port {
        name: "sentence_embedding".to_owned(),
        element: ElementType::F32,
        dims: vec![dynamic("batch"), Dim::Fixed(4)],
    };
    let inputs = vec![input("input_ids"), input("attention_mask")];
    FakeModel::new(Signature { inputs, outputs: vec![output], ..Signature::default() })
}

/// Texts of up to 32 tokens, one slot, 512 tokens a run.
fn start(model: &FakeModel) -> Serving {
    let engine = FakeEngine::new().with("model.onnx", model);
    Serving::start_plain(Arc::new(engine), PathBuf::from("model.onnx"), hints("bert")).unwrap()
}

async fn embed(embedder: TextEmbedder, texts: Vec<String>, stream: u64) -> Result<Vec<TextEmbedding>, RunError> {
    let texts = texts.into_iter().map(TextInput::Text).collect();
    embedder.embed(texts, &EmbedOptions::default(), call(stream)).await
}

/// So many tokens with the special ones.
fn words(tokens: usize) -> String {
    vec!["tea"; tokens - 2].join(" ")
}

/// Lets every task that was spawned go on until it waits.
async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn texts_of_many_callers_share_runs_by_their_length_as_far_as_the_tokens_reach() {
    let (model, gate, rows) = (encoder(), Gate::closed(), Arc::new(Mutex::new(Vec::new())));
    let serving = start(&model);
    let embedder = serving.embedder();
    let seen = Arc::clone(&rows);
    model.on_run(move |call| seen.lock().unwrap().push(call.rows));
    model.hold_runs(&gate);
    serving.block_on(async {
        let plug = tokio::spawn(embed(embedder.clone(), vec![words(4)], 0));
        settle().await;
        gate.wait_for(1);
        // 40 of 9 to 16 tokens, then 20 of 25 to 32: rows of 16 and of 32 tokens.
        let tokens = (0..60).map(|caller| if caller < 40 { 9 + caller % 8 } else { 25 + caller % 8 });
        let callers =
            tokens.zip(1..).map(|(tokens, caller)| tokio::spawn(embed(embedder.clone(), vec![words(tokens)], caller)));
        let callers: Vec<_> = callers.collect();
        settle().await;
        gate.open();
        assert!(plug.await.unwrap().is_ok());
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap().len(), 1);
        }
    });
    assert_eq!(*rows.lock().unwrap(), [1, 32, 8, 16, 4]);
}

#[test]
fn a_request_whose_caller_leaves_is_taken_out_of_the_queue() {
    let (model, gate) = (encoder(), Gate::closed());
    let serving = start(&model);
    let embedder = serving.embedder();
    model.hold_runs(&gate);
    let before = model.counts().rows;
    serving.block_on(async {
        let plug = tokio::spawn(embed(embedder.clone(), vec![words(4)], 0));
        settle().await;
        gate.wait_for(1);
        let leaving = tokio::spawn(embed(embedder.clone(), vec![words(9); 10], 1));
        settle().await;
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        gate.open();
        assert!(plug.await.unwrap().is_ok());
        assert!(embed(embedder, vec![words(9)], 2).await.is_ok());
    });
    assert_eq!(model.counts().rows - before, 2, "the plug and the last one");
}

#[test]
fn a_request_larger_than_the_queue_is_answered_in_its_own_order() {
    let model = encoder();
    let serving = start(&model);
    let embedder = serving.embedder();
    let texts: Vec<String> = (0..700).map(|text| words(3 + text % 29)).collect();
    let found = serving.block_on(embed(embedder.clone(), texts, 1)).unwrap();
    assert!(found.iter().map(|found| found.tokens).eq((0..700).map(|text| 3 + text % 29)));
    let alone: Vec<_> =
        (3..32).map(|tokens| serving.block_on(embed(embedder.clone(), vec![words(tokens)], 1)).unwrap()).collect();
    assert!(found.iter().zip(alone.iter().cycle()).all(|(found, alone)| *found == alone[0]));
}

#[test]
fn a_vector_without_numbers_fails_its_request_and_the_next_one_is_served() {
    let model = encoder();
    let serving = start(&model);
    model.fail_every_run(Some(FakeFault::Nan));
    let error = serving.block_on(embed(serving.embedder(), vec![words(4); 3], 1)).unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Internal);
    model.fail_every_run(None);
    assert!(serving.block_on(embed(serving.embedder(), vec![words(4); 3], 1)).is_ok());
}
