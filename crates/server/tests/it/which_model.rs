//! Requests that name no model while nothing is loaded yet, at every address that hears.

use crate::call_house::open;
use crate::client::post;
use crate::house::{House, fake_detector, options, spec};
use crate::socket::Socket;
use crate::speech_house::{ask, asked, call, specs};
use samovar_engines::Rten;
use samovar_runtime::ModelSpec;
use std::path::Path;
use std::sync::Arc;

/// A server of these Whispers and a detector, as `samovar serve` knows them from their files; none loaded.
async fn cold(whispers: &[&str]) -> House {
    let known = |spec: ModelSpec, family| ModelSpec { family: Some(family), preload: false, ..spec };
    let whisper = |name: &&str| {
        let spec = specs().remove(0);
        known(ModelSpec { name: (*name).to_owned(), ..spec }, "whisper")
    };
    let detector = known(spec("detector", Path::new("absent.onnx")), "yolo");
    let specs = whispers.iter().map(whisper).chain([detector]).collect();
    House::start(options(), Arc::new(Rten), specs, fake_detector()).await
}

fn state(house: &House, name: &str) -> &'static str {
    house.registry.model(name).unwrap().state().name()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_whisper_answers_although_nothing_is_loaded() {
    let house = cold(&["words"]).await;
    let (mut call_stream, ready) = open(&house, "").await;
    assert_eq!((&ready["model"], &ready["voice_model"]), (&"words".into(), &serde_json::Value::Null));
    call_stream.say(r#"{"type":"end"}"#).await;
    let mut session = Socket::open_at(house.address, "/v1/realtime?intent=transcription").await;
    assert_eq!(session.event().await["session"]["audio"]["input"]["transcription"]["model"], "words");
    house.registry.unload("words").await.unwrap();
    let told = post(house.address, "/asr/transcribe", &call()).await;
    assert_eq!((told.status, &told.json()["model"]), (200, &"words".into()));
    house.registry.unload("words").await.unwrap();
    let fields = [("chunking_strategy", "auto"), ("include[]", "logprobs")];
    assert!(asked(&house, "/v1/audio/transcriptions", &fields, &call()).await.json()["logprobs"].is_array());
    house.registry.unload("words").await.unwrap();
    let told = post(house.address, "/api/analyze", &call()).await.json();
    assert_eq!(told["transcript"]["model"], "words", "{told}");
    assert_eq!(state(&house, "detector"), "absent", "nothing else was loaded for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_whispers_one_must_be_named() {
    let house = cold(&["one", "two"]).await;
    for path in ["/asr/transcribe", "/api/analyze"] {
        let refused = post(house.address, path, &call()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &"model_required".into()), "{path}");
    }
    let refused = ask(&house, "/v1/audio/transcriptions", &[], &call()).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &"model_required".into()));
    for path in ["/v1/streams/call", "/v1/realtime"] {
        let refused = Socket::refused(house.address, path).await;
        assert!(refused.status == 400 && refused.text().contains("model_required"), "{path}");
    }
    assert_eq!((state(&house, "one"), state(&house, "two")), ("absent", "absent"));
}
