//! Live calls over WebSocket: what is said, how it sounds and how urgent it is; late models, slow readers, bad sound, the end.

use crate::call_house::{of, open, pcm16, rest, said, send};
use crate::client::{delete, get};
use crate::house::options;
use crate::socket::Socket;
use crate::speech_house::{call_samples, call_truth, ears, has_voices, hearing, word_errors};
use samovar_server::{CallSettings, ServerLimits, ServerOptions, StreamLimits};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Chunks of 20 ms, cut within samples, and some of half a second.
const ODD: [usize; 5] = [641, 1, 639, 16_001, 333];

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_heard_whole_whatever_its_chunks_are() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    let truth = call_truth();
    let (mut socket, ready) = open(&house, "?language=en&words=true&label=case%207").await;
    assert_eq!(
        (&ready["model"], &ready["voice_model"], &ready["format"]),
        (&json!("whisper"), &json!("voices"), &json!("pcm16"))
    );
    assert_eq!((&ready["call"], &ready["options"]["words"]), (&Value::Null, &json!(true)));
    send(&mut socket, &pcm16(&call_samples()), &ODD).await;
    let events = rest(&mut socket).await;
    let errors = word_errors(&said(&events), truth["text"].as_str().unwrap());
    assert!(errors <= 0.05, "{errors}: {}", said(&events));
    fits_together(&events);
    let finals = of(&events, "final");
    assert_eq!(finals.len(), 6, "six sentences with pauses between them");
    for (heard, spoken) in finals.iter().zip(truth["segments"].as_array().unwrap()) {
        let off = (heard["start_s"].as_f64().unwrap() - spoken["start"].as_f64().unwrap()).abs();
        assert!(off < 0.5, "{heard} {spoken}");
    }
    assert!(finals[1]["segments"][0]["words"].as_array().unwrap().len() >= 5, "{}", finals[1]);
    let decision = of(&events, "triage").pop().unwrap().clone();
    assert_eq!(decision["priority"], "P1", "{decision}");
    assert!(!decision["reasons"].as_array().unwrap().is_empty());
    let features = of(&events, "features");
    assert!((14..=16).contains(&features.len()), "{}", features.len());
    assert!(features.iter().any(|event| event["distress"]["score"].is_number()));
    assert!((events.last().unwrap()["heard_s"].as_f64().unwrap() - 15.0).abs() < 0.1);
    assert_eq!(house.metric("samovar_call_heard_seconds_total").await.round(), 15.0);
    assert_eq!(house.metric("samovar_call_final_seconds_count").await, 6.0);
}

/// Finals come in order, partials before the final of their utterance, and what was stable stays unless the final says so.
fn fits_together(events: &[Value]) {
    let (mut stable, mut next): (BTreeMap<u64, String>, u64) = (BTreeMap::new(), 0);
    for event in events {
        let utterance = event["utterance"].as_u64();
        match event["type"].as_str().unwrap() {
            "partial" => {
                assert!(utterance.unwrap() >= next, "a partial behind its final: {event}");
                let (text, now) = (event["text"].as_str().unwrap(), event["stable"].as_str().unwrap());
                let before = stable.entry(utterance.unwrap()).or_default();
                assert!(text.starts_with(now) && now.starts_with(&**before), "{before}: {event}");
                now.clone_into(before);
            }
            "final" => {
                assert!(utterance.unwrap() >= next, "{event}");
                next = utterance.unwrap() + 1;
            }
            "error" | "lost" => panic!("{event}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_samples_come_in_all_writings() {
    if !has_voices() {
        return;
    }
    let (house, samples) = (ears().await, call_samples());
    let truth = call_truth()["text"].as_str().unwrap().to_owned();
    let stereo: Vec<f32> = samples.iter().flat_map(|sample| [0.0, *sample]).collect();
    let floats = |samples: &[f32]| samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>();
    for (query, sound) in [
        ("?format=pcm_f32", floats(&samples)),
        ("?channels=2&channel=1", pcm16(&stereo)),
        ("?format=mulaw&rate_hz=16000", samples.iter().map(|sample| mulaw(*sample)).collect()),
    ] {
        let (mut socket, _) = open(&house, &format!("{query}&language=en&features=false&partial_ms=0")).await;
        send(&mut socket, &sound, &[3_201]).await;
        let events = rest(&mut socket).await;
        let errors = word_errors(&said(&events), &truth);
        assert!(errors <= 0.05, "{query}: {errors}: {}", said(&events));
        assert!(of(&events, "features").is_empty() && of(&events, "partial").is_empty());
    }
}

/// G.711 µ-law of a sample (ITU-T G.711, Sun's form).
fn mulaw(sample: f32) -> u8 {
    let value = (sample.clamp(-1.0, 1.0) * 32_635.0) as i32;
    let magnitude = value.unsigned_abs().min(32_635) + 132;
    let exponent = 31 - (magnitude >> 7).leading_zeros();
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !((u32::from(value < 0) << 7 | exponent << 4 | mantissa) as u8)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_calls_at_once_do_not_mix() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    let (samples, truth) = (call_samples(), call_truth());
    let sentences = truth["segments"].as_array().unwrap();
    let calls: Vec<_> = (0..3)
        .map(|call| {
            let (from, to) = (&sentences[call * 2], &sentences[call * 2 + 1]);
            let at = |seconds: f64| (seconds.max(0.0) * 16_000.0) as usize;
            let from_s = from["start"].as_f64().unwrap() - 0.3;
            let sound = pcm16(&samples[at(from_s)..at(to["end"].as_f64().unwrap() + 0.4).min(samples.len())]);
            let text = format!("{} {}", from["text"].as_str().unwrap(), to["text"].as_str().unwrap());
            let address = house.address;
            tokio::spawn(async move {
                let (mut socket, _) = crate::call_house::open_at(address, "?language=en").await;
                send(&mut socket, &sound, &[640]).await;
                (rest(&mut socket).await, text)
            })
        })
        .collect();
    for call in calls {
        let (events, text) = call.await.unwrap();
        assert!(word_errors(&said(&events), &text) <= 0.05, "{text}: {}", said(&events));
        fits_together(&events);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_taken_while_its_model_is_away_and_caught_up() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    house.registry.unload("whisper").await.unwrap();
    let (mut socket, ready) = open(&house, "?language=en").await;
    assert_eq!(ready["model_state"], "absent", "{ready}");
    send(&mut socket, &pcm16(&call_samples()), &[3_200]).await;
    let events = rest(&mut socket).await;
    assert_eq!(events[0]["type"], "model_waiting", "{events:?}");
    assert_eq!(of(&events, "model_ready").len(), 1);
    assert!(word_errors(&said(&events), call_truth()["text"].as_str().unwrap()) <= 0.05, "{}", said(&events));
    assert!(of(&events, "lost").is_empty() && of(&events, "error").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn options_change_and_what_cannot_be_is_refused_on_the_way() {
    let house = ears().await;
    let (mut socket, _) = open(&house, "?features=false").await;
    socket.say(r#"{"type":"options","language":"German","partial_ms":0,"prompt":"Mühlweg"}"#).await;
    let mut event = socket.event().await;
    while event["type"] == "no_voice_model" {
        event = socket.event().await;
    }
    let expected = json!({"type": "options", "language": "de", "prompt": "Mühlweg", "partial_ms": 0, "words": false,
        "features": false, "silence_ms": 500});
    assert_eq!(event, expected);
    for (text, code) in [
        (r#"{"type":"options","partial_ms":7}"#, "invalid_option"),
        (r#"{"type":"options","silence_ms":7}"#, "invalid_option"),
        (r#"{"type":"options","language":"klingon"}"#, "unknown_language"),
        (r#"{"type":"options","langage":"en"}"#, "invalid_control"),
        ("[]", "invalid_control"),
        (&*"x".repeat(65_537), "invalid_control"),
    ] {
        socket.say(text).await;
        let event = socket.event().await;
        assert_eq!((event["type"].as_str(), event["code"].as_str()), (Some("error"), Some(code)), "{event}");
    }
    socket.say(r#"{"type":"end"}"#).await;
    let events = rest(&mut socket).await;
    assert_eq!(events.last().unwrap()["heard_s"], 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_is_refused_before_the_upgrade() {
    let house = ears().await;
    for (query, status, code) in [
        ("?format=mp3", 400, "invalid_query"),
        ("?unheard=of", 400, "invalid_query"),
        ("?partial_ms=5", 400, "invalid_option"),
        ("?format=webm&rate_hz=16000", 400, "invalid_option"),
        ("?label=", 400, "invalid_option"),
        ("?language=klingon", 400, "unknown_language"),
        ("?model=unheard-of", 404, "model_not_found"),
        ("?voice_model=unheard-of", 404, "model_not_found"),
        ("?format=opus", 501, "decoder_missing"),
    ] {
        let answer = Socket::refused(house.address, &format!("/v1/streams/call{query}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{query}");
    }
    let plain = get(house.address, "/v1/streams/call").await;
    assert_eq!((plain.status, plain.json()["code"].as_str()), (426, Some("upgrade_required")));
    // What only the models can tell is told as the first event.
    for (query, code) in
        [("?rate_hz=1", "audio_layout"), ("?channel=3", "audio_channel_absent"), ("?model=voices", "wrong_family")]
    {
        if query == "?model=voices" && !has_voices() {
            continue;
        }
        let mut socket = Socket::open_at(house.address, &format!("/v1/streams/call{query}")).await;
        assert_eq!(socket.event().await["code"], code, "{query}");
        assert_eq!(socket.close_code().await, 1008);
    }
    house.until("samovar_streams", |open| open == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_and_silence_cost_nothing_and_say_nothing() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    let (mut socket, _) = open(&house, "?language=en").await;
    let mut seed = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    })
    .take(96_001)
    .collect();
    send(&mut socket, &[noise, vec![0; 64_000]].concat(), &[7_777]).await;
    let events = rest(&mut socket).await;
    assert!(of(&events, "error").is_empty(), "{events:?}");
    assert!((events.last().unwrap()["heard_s"].as_f64().unwrap() - 5.0).abs() < 0.01);
    // And the next call is heard as ever.
    let (mut socket, _) = open(&house, "?language=en").await;
    send(&mut socket, &pcm16(&call_samples()), &ODD).await;
    let heard = said(&rest(&mut socket).await);
    assert!(word_errors(&heard, call_truth()["text"].as_str().unwrap()) <= 0.05, "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_late_loses_no_final() {
    if !has_voices() {
        return;
    }
    let stream = StreamLimits { events_max: 4, ..StreamLimits::default() };
    let limits = ServerLimits { stream, socket_send_bytes: 4 << 10, ..ServerLimits::default() };
    let house = hearing(ServerOptions { limits, ..options() }).await;
    let (mut socket, _) = open(&house, "?language=en&partial_ms=100").await;
    let sound = pcm16(&call_samples());
    send(&mut socket, &sound.repeat(3), &[6_400]).await;
    house.until("samovar_call_heard_seconds_total", |heard| heard >= 44.0).await;
    let events = rest(&mut socket).await;
    let truth = [call_truth()["text"].as_str().unwrap()].repeat(3).join(" ");
    assert!(word_errors(&said(&events), &truth) <= 0.05, "{}", said(&events));
    assert_eq!(of(&events, "speech_started").len(), of(&events, "final").len());
    assert!(!of(&events, "triage").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_stands_on_the_board_and_ends_by_request_with_what_was_said() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    let (mut socket, ready) = open(&house, "?language=en&partial_ms=0&features=false").await;
    let stream = ready["stream"].as_str().unwrap();
    let sound = pcm16(&call_samples());
    socket.frame(sound[..6 * 32_000].to_vec()).await;
    while socket.event().await["type"] != "final" {}
    let shown = get(house.address, &format!("/v1/streams/{stream}")).await.json();
    assert_eq!((&shown["kind"], &shown["state"]), (&json!("call"), &json!("live")), "{shown}");
    assert_eq!(shown["models"], json!(["whisper", "voices"]));
    assert_eq!(shown["figures"]["frames"], 1);
    assert!(["call.final", "call.triage"].contains(&shown["figures"]["last_event"].as_str().unwrap()), "{shown}");
    assert_eq!(delete(house.address, &format!("/v1/streams/{stream}")).await, 204);
    let mut events = Vec::new();
    loop {
        let event = socket.event().await;
        let is_last = event["type"] == "ended";
        events.push(event);
        if is_last {
            break;
        }
    }
    assert!(said(&events).contains("fire in the kitchen") || said(&events).contains("house"), "{events:?}");
    assert_eq!(socket.close_code().await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_down_tells_and_keeps_what_was_said() {
    if !has_voices() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let kept = || ServerOptions { calls: Some(CallSettings::new(folder.path())), ..options() };
    let mut house = hearing(kept()).await;
    let (mut socket, ready) = open(&house, "?language=en&features=false&label=case%207").await;
    let call = ready["call"].as_str().unwrap().to_owned();
    socket.frame(pcm16(&call_samples())[..5 * 32_000].to_vec()).await;
    // The first sentence was told; the second is cut off by the end.
    while socket.event().await["type"] != "final" {}
    house.shutdown.drain();
    let mut finals = 1;
    loop {
        let event = socket.event().await;
        finals += u32::from(event["type"] == "final");
        if event["type"] == "ended" {
            break;
        }
    }
    assert_eq!(finals, 2);
    assert!([1000, 1001].contains(&socket.close_code().await));
    (&mut house.served).await.unwrap();
    drop(house);
    let house = hearing(kept()).await;
    let detail = get(house.address, &format!("/v1/calls/{call}")).await.json();
    assert_eq!((&detail["state"], &detail["label"]), (&json!("interrupted"), &json!("case 7")), "{detail}");
    assert_eq!(detail["segments"].as_array().unwrap().len(), 2, "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_kept_as_they_ended() {
    if !has_voices() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let house = hearing(ServerOptions { calls: Some(CallSettings::new(folder.path())), ..options() }).await;
    let sound = pcm16(&call_samples());
    let named = |ready: &Value| ready["call"].as_str().unwrap().to_owned();
    let kept = async |call: &str| get(house.address, &format!("/v1/calls/{call}")).await.json();
    let over = async |call: &str| loop {
        let detail = kept(call).await;
        if detail["state"] != "open" {
            break detail;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    // To its end.
    let (mut socket, ready) = open(&house, "?language=en").await;
    send(&mut socket, &sound, &ODD).await;
    rest(&mut socket).await;
    let detail = over(&named(&ready)).await;
    assert_eq!(
        (&detail["state"], &detail["priority"], &detail["language"]),
        (&json!("ended"), &json!("P1"), &json!("en"))
    );
    assert_eq!(detail["segments"].as_array().unwrap().len(), 6, "{detail}");
    assert!(detail["features"].as_array().unwrap().len() >= 14 && !detail["decisions"].as_array().unwrap().is_empty());
    // The connection broke: what was sent before is heard and kept all the same.
    let (mut socket, ready) = open(&house, "?language=en").await;
    socket.frame(sound[..5 * 32_000].to_vec()).await;
    assert_eq!(kept(&named(&ready)).await["state"], "open");
    drop(socket);
    let detail = over(&named(&ready)).await;
    assert_eq!(detail["state"], "interrupted", "{detail}");
    assert!(detail["segments"][1]["text"].as_str().unwrap().contains("fire"), "{detail}");
    // Not wanted.
    let (_socket, ready) = open(&house, "?store=false").await;
    assert_eq!(ready["call"], Value::Null);
}
