//! The kept sound of live calls: what was sent is what can be fetched, to the sample, and it goes with its call.

use crate::call_house::{open, pcm16, rest, send};
use crate::client::{PATIENCE, delete, get};
use crate::house::{House, options};
use crate::socket::Socket;
use crate::speech_house::{call_samples, has_voices, hearing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};
use samovar_server::{CallSettings, ServerOptions};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

fn keeping(folder: &TempDir, keep_audio: bool) -> ServerOptions {
    let settings = CallSettings { keep_audio, ..CallSettings::new(folder.path()) };
    ServerOptions { calls: Some(settings), ..options() }
}

/// The call as it is kept, once it is over.
async fn over(house: &House, id: &str) -> Value {
    loop {
        let told = get(house.address, &format!("/v1/calls/{id}")).await.json();
        if told["state"] != "open" {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The sound of a call, decoded as any recording is.
async fn sound(house: &House, id: &str) -> Vec<f32> {
    let audio = get(house.address, &format!("/v1/calls/{id}/audio")).await;
    assert_eq!(audio.status, 200, "{}", audio.head);
    let input = AudioInput::Bytes(audio.body.into());
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    assert_eq!((reader.info().channels, reader.info().rate_hz), (1, 16_000));
    reader.read_to_end(usize::MAX).unwrap()
}

fn is_the_same(kept: &[f32], sent: &[f32]) {
    let furthest = kept.iter().zip(sent).map(|(kept, sent)| (kept - sent).abs()).fold(0.0, f32::max);
    assert!(furthest < 1e-4, "{furthest}");
}

fn files(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path().join("audio")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sound_of_a_live_call_is_kept_to_the_sample_and_goes_with_it() {
    if !has_voices() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let house = hearing(keeping(&folder, true)).await;
    let samples = call_samples();
    let (mut socket, ready) = open(&house, "?language=en&partial_ms=0").await;
    send(&mut socket, &pcm16(&samples), &[641, 1, 16_001]).await;
    rest(&mut socket).await;
    let id = ready["call"].as_str().unwrap();
    let told = over(&house, id).await;
    assert_eq!((&told["state"], &told["duration_s"]), (&json!("ended"), &json!(15.0)), "{told}");
    let kept = sound(&house, id).await;
    assert_eq!(kept.len(), samples.len());
    is_the_same(&kept, &samples);
    // One that breaks off is kept as far as it came.
    let (mut socket, ready) = open(&house, "?language=en&partial_ms=0").await;
    let sent = pcm16(&samples[..77_777]);
    socket.frame(sent).await;
    drop(socket);
    let broken = ready["call"].as_str().unwrap();
    assert_eq!(over(&house, broken).await["state"], "interrupted");
    let kept = sound(&house, broken).await;
    assert_eq!(kept.len(), 77_777);
    is_the_same(&kept, &samples);
    assert_eq!(files(&folder), 2);
    for (gone, left) in [(id, 1), (broken, 0)] {
        assert_eq!(delete(house.address, &format!("/v1/calls/{gone}")).await, 204);
        assert_eq!(files(&folder), left);
        let audio = get(house.address, &format!("/v1/calls/{gone}/audio")).await;
        assert_eq!((audio.status, &audio.json()["code"]), (404, &json!("call_not_found")));
    }
    // Deleted while somebody speaks, it leaves nothing behind either.
    let (mut socket, ready) = open(&house, "?language=en&partial_ms=0").await;
    socket.frame(pcm16(&samples)[..200_000].to_vec()).await;
    socket.event_of("final").await;
    assert_eq!(delete(house.address, &format!("/v1/calls/{}", ready["call"].as_str().unwrap())).await, 204);
    socket.say(r#"{"type":"end"}"#).await;
    rest(&mut socket).await;
    let gone = tokio::time::timeout(PATIENCE, async {
        while files(&folder) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    gone.await.expect("its file is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_is_not_kept_is_told_by_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let house = hearing(keeping(&folder, false)).await;
    let (mut socket, ready) = open(&house, "").await;
    send(&mut socket, &pcm16(&call_samples()[..32_000]), &[6_400]).await;
    rest(&mut socket).await;
    let id = ready["call"].as_str().unwrap();
    over(&house, id).await;
    let audio = get(house.address, &format!("/v1/calls/{id}/audio")).await;
    assert_eq!((audio.status, &audio.json()["code"]), (404, &json!("call_audio_not_kept")));
    assert_eq!(files(&folder), 0);
    let without = hearing(options()).await;
    let audio = get(without.address, &format!("/v1/calls/{id}/audio")).await;
    assert_eq!((audio.status, &audio.json()["code"]), (404, &json!("calls_disabled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sound_of_a_realtime_session_is_kept_too() {
    if !has_voices() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let house = hearing(keeping(&folder, true)).await;
    let mut socket = Socket::open_at(house.address, "/v1/realtime?intent=transcription").await;
    assert_eq!(socket.event().await["type"], "session.created");
    let update = json!({"type": "session.update", "session": {"type": "transcription", "audio": {"input": {
        "format": {"type": "audio/pcm", "rate": 16_000}, "transcription": {"model": "whisper", "language": "en"}}}}});
    socket.say(&update.to_string()).await;
    assert_eq!(socket.event().await["type"], "session.updated");
    let samples = &call_samples()[..80_000];
    for piece in pcm16(samples).chunks(9_999) {
        let audio = STANDARD.encode(piece);
        socket.say(&json!({"type": "input_audio_buffer.append", "audio": audio}).to_string()).await;
    }
    socket.event_of("conversation.item.input_audio_transcription.completed").await;
    drop(socket);
    house.until("samovar_calls_open", |open| open == 0.0).await;
    let list = get(house.address, "/v1/calls").await.json();
    let id = list["data"][0]["id"].as_str().unwrap();
    over(&house, id).await;
    let kept = sound(&house, id).await;
    assert_eq!(kept.len(), samples.len());
    is_the_same(&kept, samples);
}
