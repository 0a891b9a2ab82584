//! Recordings as text over HTTP: OpenAI's forms and Samovar's own, what is counted, and what is not told to the log.

use crate::client::{get, post, post_with};
use crate::house::{House, options};
use crate::speech_house::{
    Events, ask, asked, begun, call, call_samples, call_truth, ears, form, has_voices, hearing, said, wav, word_errors,
    words,
};
use samovar_server::{ServerLimits, ServerOptions};
use samovar_service::access::{Access, KeyDigest, KeySpec, Keyring, Rate, Scope, Scopes};
use serde_json::{Value, json};
use std::sync::Arc;

const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";
const TRANSLATIONS: &str = "/v1/audio/translations";
const ASR: &str = "/asr/transcribe";

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn near(value: &Value, wanted: f64) -> bool {
    (value.as_f64().unwrap() - wanted).abs() < 0.3
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_openai_tells_the_same_text() {
    let (house, truth) = (ears().await, call_truth());
    let said = text(&truth["text"]);
    let json = asked(&house, TRANSCRIPTIONS, &[("model", "whisper")], &call()).await.json();
    assert_eq!(
        json,
        json!({
            "text": said, "languages": [{"code": "en"}], "usage": {"type": "duration", "seconds": 15.0},
        })
    );
    let plain = asked(&house, TRANSCRIPTIONS, &[("model", "whisper"), ("response_format", "text")], &call()).await;
    assert_eq!((plain.header("content-type"), plain.text()), (Some("text/plain; charset=utf-8"), format!("{said}\n")));
    let segments = truth["segments"].as_array().unwrap();
    let srt = asked(&house, TRANSCRIPTIONS, &[("response_format", "srt")], &call()).await.text();
    let cues: Vec<Vec<&str>> = srt.trim_end().split("\n\n").map(|cue| cue.lines().collect()).collect();
    assert_eq!(cues.len(), segments.len(), "{srt}");
    for (number, (cue, segment)) in cues.iter().zip(segments).enumerate() {
        assert_eq!((cue[0], cue[2]), ((number + 1).to_string().as_str(), text(&segment["text"])));
        assert!(cue[1].starts_with("00:00:") && cue[1].contains(" --> 00:00:") && cue[1].contains(','), "{srt}");
    }
    let vtt = asked(&house, TRANSCRIPTIONS, &[("response_format", "vtt")], &call()).await.text();
    assert!(vtt.starts_with("WEBVTT\n\n00:00.") && vtt.matches(" --> ").count() == segments.len(), "{vtt}");
    let translated = asked(&house, TRANSLATIONS, &[("response_format", "verbose_json")], &call()).await.json();
    assert_eq!((&translated["task"], &translated["language"]), (&json!("translate"), &json!("english")));
    assert!(word_errors(text(&translated["text"]), said) <= 0.05, "{translated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verbose_json_tells_segments_words_and_how_sure_it_is() {
    let (house, truth) = (ears().await, call_truth());
    let verbose = [("model", "whisper"), ("response_format", "verbose_json"), ("language", "english")];
    let told = asked(&house, TRANSCRIPTIONS, &verbose, &call()).await.json();
    assert_eq!(
        (&told["task"], &told["language"], &told["duration"]),
        (&json!("transcribe"), &json!("english"), &json!(15.0))
    );
    assert_eq!((&told["text"], told.get("words"), told.get("logprobs")), (&truth["text"], None, None));
    let (found, wanted) = (told["segments"].as_array().unwrap(), truth["segments"].as_array().unwrap());
    assert_eq!(found.len(), wanted.len());
    for (id, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(
            (&found["id"], &found["seek"], text(&found["text"]).trim()),
            (&json!(id), &json!(0), text(&wanted["text"]))
        );
        assert!(
            near(&found["start"], wanted["start"].as_f64().unwrap())
                && near(&found["end"], wanted["end"].as_f64().unwrap())
        );
        assert!(!found["tokens"].as_array().unwrap().is_empty() && found["temperature"] == json!(0.0));
        for figure in ["avg_logprob", "compression_ratio", "no_speech_prob"] {
            assert!(found[figure].is_f64(), "{found}");
        }
    }
    let words_only = [&verbose[..], &[("timestamp_granularities[]", "word"), ("include[]", "logprobs")]].concat();
    let told = asked(&house, TRANSCRIPTIONS, &words_only, &call()).await.json();
    assert_eq!(told.get("segments"), None);
    let heard: Vec<_> = told["words"].as_array().unwrap().iter().map(|word| text(&word["word"])).collect();
    assert_eq!(heard.join(" "), text(&truth["text"]));
    let starts: Vec<f64> =
        told["words"].as_array().unwrap().iter().map(|word| word["start"].as_f64().unwrap()).collect();
    assert!(starts.is_sorted() && starts[0] < 1.0 && starts[starts.len() - 1] > 12.0, "{starts:?}");
    let logprobs = told["logprobs"].as_array().unwrap();
    let bytes: Vec<u8> = logprobs
        .iter()
        .flat_map(|one| one["bytes"].as_array().unwrap())
        .map(|byte| byte.as_u64().unwrap() as u8)
        .collect();
    assert_eq!(String::from_utf8(bytes).unwrap().trim(), text(&truth["text"]));
    assert!(logprobs.iter().all(|one| one["logprob"].as_f64().unwrap() <= 0.0 && one["token"].is_string()));
    let both = [&words_only[..], &[("timestamp_granularities[]", "segment")]].concat();
    let told = asked(&house, TRANSCRIPTIONS, &both, &call()).await.json();
    assert!(told["segments"].is_array() && told["words"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_each_segment_in_order_and_ends_with_all_of_it() {
    let (house, truth) = (ears().await, call_truth());
    let fields = [
        ("stream", "true"),
        ("include[]", "logprobs"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
    ];
    let twice = crate::speech_house::long_call(2);
    for (fields, recording, times) in [(&fields[..], &call(), 1), (&fields[..1], &twice, 2)] {
        let events = Events::open(begun(&house, TRANSCRIPTIONS, fields, recording).await).await;
        assert!(
            events.head.starts_with("HTTP/1.1 200") && events.head.contains("text/event-stream"),
            "{}",
            events.head
        );
        let events = events.rest().await;
        let (done, events) = events.split_last().unwrap();
        let wanted = truth["segments"].as_array().unwrap();
        // What the model makes of the second call behind the text of the first is not its strength; the order is.
        assert!(events.len() % 2 == 0 && (events.len() == 2 * wanted.len() || times == 2), "{events:?}");
        assert!(events.len() >= 2 * wanted.len(), "{events:?}");
        let mut told = String::new();
        for (id, (pair, wanted)) in events.chunks(2).zip(wanted).enumerate() {
            let id = json!(format!("seg_{id}"));
            assert_eq!(
                (&pair[0]["type"], &pair[1]["type"]),
                (&json!("transcript.text.delta"), &json!("transcript.text.segment"))
            );
            assert_eq!((&pair[0]["segment_id"], &pair[1]["id"], &pair[1]["text"]), (&id, &id, &wanted["text"]));
            assert_eq!((pair[0].get("logprobs").is_some(), pair[1].get("words").is_some()), (times == 1, times == 1));
            told += text(&pair[0]["delta"]);
        }
        assert_eq!(told, text(&truth["text"]));
        let deltas = events.iter().filter_map(|event| event["delta"].as_str());
        assert_eq!(
            (&done["type"], &done["text"]),
            (&json!("transcript.text.done"), &json!(deltas.collect::<String>()))
        );
        assert_eq!(
            done["usage"],
            json!({"type": "duration", "seconds": 15.0 + 45.0 * f64::from(u8::from(times == 2))})
        );
    }
    let early = ask(&house, TRANSCRIPTIONS, &[("stream", "true")], b"").await;
    assert_eq!((early.status, &early.json()["error"]["code"]), (422, &json!("audio_empty")), "told by its status");
    let silence = begun(&house, TRANSCRIPTIONS, &[("stream", "true")], &wav(16_000, 1, &[0.0; 16_000])).await;
    let events = Events::open(silence).await.rest().await;
    assert_eq!((events.len(), &events[0]["type"], &events[0]["text"]), (1, &json!("transcript.text.done"), &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn samovars_own_address_takes_a_body_or_a_form() {
    let (house, truth) = (ears().await, call_truth());
    let raw = post(house.address, "/asr/transcribe?words=true&language=en", &call()).await;
    assert_eq!(raw.status, 200, "{}", raw.text());
    let told = raw.json();
    assert_eq!((&told["text"], &told["language"], &told["model"]), (&truth["text"], &json!("en"), &json!("whisper")));
    assert_eq!((&told["duration_s"], &told["translated"]), (&json!(15.0), &json!(false)));
    let segments = told["segments"].as_array().unwrap();
    for (found, wanted) in segments.iter().zip(truth["segments"].as_array().unwrap()) {
        assert_eq!(found["text"], wanted["text"]);
        assert!(
            (found["start_s"].as_f64().unwrap() - wanted["start"].as_f64().unwrap()).abs() < 0.5
                && found["average_logprob"].is_f64(),
            "{found}"
        );
    }
    let spoken = segments.iter().flat_map(|segment| segment["words"].as_array().unwrap());
    let spoken: Vec<_> = spoken.map(|word| text(&word["text"])).collect();
    assert_eq!(spoken.join(" "), text(&truth["text"]));
    assert!(
        told["timings"]["hear_ms"].as_f64().unwrap() > 0.0 && told["timings"]["real_time_factor"].is_f64(),
        "{told}"
    );
    let formed = asked(&house, ASR, &[], &call()).await.json();
    assert_eq!((&formed["text"], formed["segments"][0].get("words")), (&truth["text"], None));
    if has_voices() {
        let voiced = post(house.address, "/asr/transcribe?vad=true", &call()).await.json();
        assert!(word_errors(text(&voiced["text"]), text(&truth["text"])) < 0.5, "{voiced}");
        let chunked = [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[silence_duration_ms]", "2000")];
        let chunked = asked(&house, TRANSCRIPTIONS, &chunked, &call()).await.json();
        assert!(word_errors(text(&chunked["text"]), text(&truth["text"])) <= 0.05, "{chunked}");
    }
}

/// Sentences that espeak-ng says in voices that the model has heard, and what all surfaces make of them.
#[tokio::test(flavor = "multi_thread")]
async fn of_the_closed_set_hardly_a_word_is_wrong_through_every_surface() {
    let sentences = [
        "There is a fire in the kitchen.",
        "My father is not breathing.",
        "The school is full of smoke.",
        "There is a man with a knife.",
        "I need an ambulance.",
        "Two people are injured.",
        "There was an explosion in the factory.",
        "Somebody is in the cellar.",
    ];
    let mut errors = [0.0; 3];
    let house = ears().await;
    for sentence in sentences {
        let Some(sound) = said(sentence, "en-gb+f2") else { return };
        let own = post(house.address, ASR, &sound).await.json();
        let openai = asked(&house, TRANSCRIPTIONS, &[("model", "whisper")], &sound).await.json();
        let events =
            Events::open(begun(&house, TRANSCRIPTIONS, &[("stream", "true")], &sound).await).await.rest().await;
        let heard = [&own["text"], &openai["text"], &events[events.len() - 1]["text"]];
        println!("{sentence} {heard:?}");
        for (errors, heard) in errors.iter_mut().zip(heard) {
            *errors += word_errors(text(heard), sentence) / sentences.len() as f64;
        }
    }
    println!("word error rates: {errors:?}");
    assert!(errors.iter().all(|errors| *errors <= 0.05), "{errors:?}");
}

/// What a client is told: status, type, param and code.
async fn refused(house: &House, path: &str, fields: &[(&str, &str)], recording: &[u8]) -> (u16, String, Value, String) {
    let answer = ask(house, path, fields, recording).await;
    assert_eq!(answer.header("content-type"), Some("application/json"), "{fields:?}: {}", answer.head);
    let error = answer.json()["error"].clone();
    assert!(text(&error["message"]).len() > 10);
    (answer.status, text(&error["type"]).to_owned(), error["param"].clone(), text(&error["code"]).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_in_openais_form_with_its_field() {
    type Fields = &'static [(&'static str, &'static str)];
    let (house, call) = (ears().await, call());
    let cases: &[(Fields, u16, Value, &str)] = &[
        (&[("model", "whisper-1")], 404, json!("model"), "model_not_found"),
        (&[("model", "gpt-4o-transcribe"), ("stream", "true")], 404, json!("model"), "model_not_found"),
        (&[("language", "klingon")], 400, json!("language"), "unknown_language"),
        (&[("language", "ja")], 400, json!("language"), "unknown_language"),
        (&[("response_format", "diarized_json")], 400, json!("response_format"), "unsupported_option"),
        (&[("known_speaker_names[]", "ada")], 400, json!("known_speaker_names"), "unsupported_option"),
        (&[("timestamp_granularities[]", "word")], 400, json!("timestamp_granularities"), "invalid_option"),
        (&[("temperature", "2")], 400, json!("temperature"), "invalid_option"),
        (&[("beams", "17")], 400, Value::Null, "invalid_option"),
        (&[("tempreature", "0")], 400, Value::Null, "invalid_body"),
        (&[("file", "twice")], 400, json!("file"), "invalid_body"),
    ];
    for path in [TRANSCRIPTIONS, TRANSLATIONS] {
        for (fields, status, param, code) in cases {
            let expected = (*status, "invalid_request_error".to_owned(), param.clone(), (*code).to_owned());
            assert_eq!(refused(&house, path, fields, &call).await, expected, "{fields:?}");
        }
    }
    let (head, body) = form(&[("model", "whisper")], None);
    let none = post_with(house.address, TRANSCRIPTIONS, &head, &body).await.json();
    assert_eq!((&none["error"]["param"], &none["error"]["code"]), (&json!("file"), &json!("invalid_body")));
    assert_eq!(post(house.address, TRANSCRIPTIONS, &call).await.json()["error"]["code"], "invalid_body", "no form");
    let late = refused(&house, TRANSCRIPTIONS, &[("timeout_ms", "0")], &call).await;
    assert!((late.0 == 504 && late.3 == "deadline_exceeded") || (late.0 == 429 && late.3 == "queue_full"), "{late:?}");
    let long = "x".repeat(70_000);
    assert_eq!(refused(&house, TRANSCRIPTIONS, &[("prompt", &long)], &call).await.3, "invalid_body");
    assert_eq!(refused(&house, TRANSCRIPTIONS, &[("prompt", &long[..20_000])], &call).await.3, "text_too_long");
    let own = post(house.address, "/asr/transcribe?model=nosuch", &call).await;
    assert_eq!((own.status, &own.json()["code"]), (404, &json!("model_not_found")), "RFC 9457 there");
    assert_eq!(own.header("content-type"), Some("application/problem+json"));
    for query in ["beam=2", "words=perhaps", "model=a&model=b"] {
        let answer = post(house.address, &format!("{ASR}?{query}"), &call).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_query")), "{query}");
    }
    assert_eq!(get(house.address, TRANSCRIPTIONS).await.json()["error"]["code"], "method_not_allowed");
    asked(&house, TRANSCRIPTIONS, &[], &call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_have_limits_of_their_own() {
    let audio = samovar_server::AudioUploadLimits { bytes_max: 2 << 20, held_bytes_max: 3 << 20, ..Default::default() };
    let limits = ServerLimits { body_bytes_max: 64 << 10, audio, ..ServerLimits::default() };
    let house = hearing(ServerOptions { limits, ..options() }).await;
    let samples = [&call_samples()[..], &[0.0; 500_000]].concat();
    let larger = wav(16_000, 1, &samples);
    assert!(larger.len() > 1 << 20, "more than other bodies may have, and more than is kept in memory");
    let told = asked(&house, TRANSCRIPTIONS, &[], &larger).await.json();
    assert_eq!(words(text(&told["text"])), words(text(&call_truth()["text"])));
    let too_large = wav(16_000, 1, &samples.repeat(2));
    assert_eq!(refused(&house, TRANSCRIPTIONS, &[], &too_large).await.3, "body_too_large");
    assert_eq!(post(house.address, ASR, &too_large).await.json()["code"], "body_too_large");
    assert_eq!(post(house.address, "/v1/detect", &larger).await.json()["code"], "body_too_large");
    asked(&house, ASR, &[], &larger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_heard_is_counted_by_surface_and_outcome() {
    let house = ears().await;
    asked(&house, TRANSCRIPTIONS, &[], &call()).await;
    asked(&house, ASR, &[], &call()).await;
    ask(&house, TRANSLATIONS, &[], b"").await;
    Events::open(begun(&house, TRANSCRIPTIONS, &[("stream", "true")], &call()).await).await.rest().await;
    let count = async |surface: &str, outcome: &str| {
        house.metric(&format!("samovar_speech_requests_total{{surface=\"{surface}\",outcome=\"{outcome}\"}}")).await
    };
    assert_eq!((count("transcriptions", "answered").await, count("asr", "answered").await), (2.0, 1.0));
    assert_eq!((count("translations", "refused").await, count("asr", "left").await), (1.0, 0.0));
    assert_eq!(house.metric("samovar_speech_audio_seconds_total{surface=\"transcriptions\"}").await, 30.0);
    assert_eq!(house.metric("samovar_speech_real_time_factor_count{surface=\"asr\"}").await, 1.0);
    let steps = house.metric("samovar_speech_decoder_steps_total{model=\"whisper\"}").await;
    assert!(steps > 100.0 && house.metric("samovar_speech_decoder_windows_total{model=\"whisper\"}").await >= steps);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_hold_for_recordings_too() {
    let key = |name: &str, scope: Scope| KeySpec {
        scopes: Scopes::default().with(scope),
        ..KeySpec::new(name, KeyDigest::of(&format!("{name}-{name}")))
    };
    let rated = KeySpec { rate: Rate::new(0.001, 1), ..key("rated", Scope::Infer) };
    let keys = Keyring::new(&[key("jobs", Scope::Jobs), rated]).unwrap();
    let house = hearing(ServerOptions { access: Arc::new(Access::keyed(keys)), ..options() }).await;
    let (head, body) = form(&[], Some(&call()));
    let ask = async |path: &str, name: &str| {
        let head = format!("{head}authorization: Bearer {name}-{name}\r\n");
        post_with(house.address, path, &head, &body).await
    };
    let nobody = post_with(house.address, TRANSCRIPTIONS, &head, &body).await;
    assert_eq!((nobody.status, &nobody.json()["error"]["type"]), (401, &json!("authentication_error")));
    for path in [TRANSCRIPTIONS, TRANSLATIONS, ASR] {
        assert_eq!(ask(path, "jobs").await.status, 403, "{path}");
    }
    assert_eq!(ask(TRANSCRIPTIONS, "rated").await.status, 200);
    let again = ask(TRANSCRIPTIONS, "rated").await;
    assert_eq!((again.status, &again.json()["error"]["code"]), (429, &json!("rate_limited")));
    assert!(again.header("retry-after").is_some(), "{}", again.head);
}
