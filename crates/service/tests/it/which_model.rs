//! Which Whisper a request means that names none, while it is not known yet what the models are.

use crate::speech::{call, registry, request, starter, whisper};
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{ModelSource, ModelSpec, Registry};
use samovar_service::ServiceError;
use samovar_service::access::Caller;
use samovar_service::speech::{SpeechService, SpeechSettings, TranscribeRequest, Transcript};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn movements() -> ModelSpec {
    let file = ModelSource::file(starter("models/starter-stg-nf.onnx"));
    ModelSpec::new("movements", file, binder(FamilyHints::default()))
}

/// A model that is loaded when it is asked for.
fn lazy(spec: ModelSpec) -> ModelSpec {
    ModelSpec { preload: false, ..spec }
}

/// The service, and what the call that ships comes to where the request names no model.
async fn unnamed(specs: Vec<ModelSpec>) -> (Arc<Registry>, Result<Transcript, ServiceError>) {
    let registry = registry(specs);
    let service = SpeechService::new(Arc::clone(&registry), SpeechSettings::default());
    let request = TranscribeRequest { model: None, ..request(call().0) };
    let answer = service.transcribe(&Caller::local(), request, |_| ()).await;
    (registry, answer)
}

/// The names of the models with their states.
fn states(registry: &Registry) -> Vec<(String, &'static str)> {
    registry.list().into_iter().map(|model| (model.name, model.state.name())).collect()
}

fn said(name: &str, state: &'static str) -> (String, &'static str) {
    (name.to_owned(), state)
}

#[tokio::test]
async fn the_only_whisper_is_found_among_models_that_are_on_their_way() {
    let (registry, answer) = unnamed(vec![movements(), whisper("words")]).await;
    assert_eq!(&*answer.unwrap().model, "words");
    assert_eq!(states(&registry), [said("movements", "ready"), said("words", "ready")]);
}

#[tokio::test]
async fn of_two_whispers_one_must_be_named_and_that_is_told_once_they_are_known() {
    let (registry, answer) = unnamed(vec![whisper("one"), whisper("two")]).await;
    assert_eq!(answer.unwrap_err().kind().code(), "model_required");
    assert_eq!(states(&registry), [said("one", "ready"), said("two", "ready")], "the loads were waited for");
    // What was unloaded is known all the same.
    registry.unload("one").await.unwrap();
    let service = SpeechService::new(registry, SpeechSettings::default());
    assert_eq!(service.check_model(None).unwrap_err().kind().code(), "model_required");
}

#[tokio::test]
async fn a_whisper_that_is_loading_is_not_taken_before_the_other_is_known() {
    let registry = registry(vec![whisper("one"), whisper("two")]);
    registry.load("one").await.unwrap().unwrap();
    let service = SpeechService::new(Arc::clone(&registry), SpeechSettings::default());
    let chosen = service.transcriber(None, Instant::now() + Duration::from_secs(600)).await;
    assert_eq!(chosen.err().unwrap().kind().code(), "model_required");
}

#[tokio::test]
async fn who_waits_for_what_the_models_are_waits_no_longer_than_it_may() {
    let registry = registry(vec![whisper("one"), whisper("two")]);
    let service = SpeechService::new(registry, SpeechSettings::default());
    let late = service.transcriber(None, Instant::now()).await;
    assert_eq!(late.err().unwrap().kind().code(), "model_not_ready");
}

#[tokio::test]
async fn what_nobody_loads_is_not_loaded_to_find_out_what_it_is() {
    let (registry, answer) = unnamed(vec![lazy(movements()), lazy(whisper("words"))]).await;
    assert_eq!(answer.unwrap_err().kind().code(), "model_required");
    assert_eq!(states(&registry), [said("movements", "absent"), said("words", "absent")]);
}

#[tokio::test]
async fn what_is_known_before_it_is_loaded_takes_no_wait() {
    let known = |spec: ModelSpec, family| ModelSpec { family: Some(family), ..lazy(spec) };
    let (registry, answer) = unnamed(vec![known(movements(), "stg-nf"), known(whisper("words"), "whisper")]).await;
    assert_eq!(&*answer.unwrap().model, "words");
    assert_eq!(states(&registry), [said("movements", "absent"), said("words", "ready")]);
    let service = SpeechService::new(Arc::clone(&registry), SpeechSettings::default());
    let words = service.transcriber(None, Instant::now()).await.unwrap();
    assert!(service.voice_detector(&words, Instant::now()).await.unwrap().is_none(), "the Whisper hears no voices");
}
