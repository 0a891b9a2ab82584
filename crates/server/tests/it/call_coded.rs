//! Live calls in coded sound: what browsers, recorders and WebRTC send, in pieces of odd sizes, cut off, broken, or too much at once.

use crate::call_house::{of, open, rest, said, send};
use crate::client::get;
use crate::house::{House, options, repository};
use crate::socket::Socket;
use crate::speech_house::{call_truth, has_voices, hearing, word_errors};
use crate::street::ffmpeg;
use samovar_media::FfmpegProgram;
use samovar_server::{CallSettings, ServerLimits, ServerOptions, StreamLimits};
use samovar_service::speech::SpeechSettings;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

/// Pieces of no size in particular.
const ODD: [usize; 6] = [1, 997, 3, 4_001, 17, 1_409];

/// A server that decodes; none where there is no ffmpeg or no voice model.
async fn decoding(more: ServerOptions) -> Option<(House, FfmpegProgram)> {
    let program = ffmpeg().filter(|_| has_voices())?;
    let speech = SpeechSettings { ffmpeg: Some(program.clone()), ..SpeechSettings::default() };
    Some((hearing(ServerOptions { speech, ..more }).await, program))
}

/// The call that ships, written so.
fn coded(program: &FfmpegProgram, arguments: &str) -> Vec<u8> {
    let mut command = Command::new(program.path());
    command.args(["-v", "error", "-i"]).arg(repository().join("starter/samples/call.flac"));
    let output = command.args(arguments.split(' ')).arg("pipe:1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

const WEBM: &str = "-c:a libopus -b:a 48k -cluster_time_limit 500 -f webm";
const OGG: &str = "-c:a libopus -b:a 48k -page_duration 100000 -f ogg";

/// The packets of an Ogg file with one stream, without the two that say what it is.
fn packets(ogg: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet, mut at) = (Vec::new(), Vec::new(), 0);
    while at < ogg.len() {
        let table = &ogg[at + 27..at + 27 + usize::from(ogg[at + 26])];
        at += 27 + table.len();
        for len in table {
            packet.extend(&ogg[at..at + usize::from(*len)]);
            at += usize::from(*len);
            if *len < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
    }
    packets.split_off(2)
}

/// Where the sound begins: behind everything that says what it is.
fn head_bytes(coded: &[u8]) -> usize {
    let at = |mark: &[u8], from: usize| from + coded[from..].windows(mark.len()).position(|part| part == mark).unwrap();
    if coded.starts_with(b"OggS") { at(b"OggS", at(b"OggS", 1) + 1) } else { at(&[0x1F, 0x43, 0xB6, 0x75], 0) }
}

/// All that was said, once, in six sentences, with its urgency, and a good end.
fn is_the_whole_call(name: &str, events: &[Value]) {
    let heard = said(events);
    let errors = word_errors(&heard, call_truth()["text"].as_str().unwrap());
    assert!(errors <= 0.05, "{name}: {errors}: {heard}");
    assert!(of(events, "error").is_empty() && of(events, "lost").is_empty(), "{name}: {events:?}");
    assert_eq!(of(events, "final").len(), 6, "{name}: {heard}");
    assert_eq!(of(events, "triage").pop().unwrap()["priority"], "P1", "{name}");
    let heard_s = events.last().unwrap()["heard_s"].as_f64().unwrap();
    assert!((heard_s - 15.0).abs() < 0.1, "{name}: {heard_s}");
}

#[tokio::test(flavor = "multi_thread")]
async fn coded_sound_gives_the_words_of_its_file_whatever_its_pieces_are() {
    let Some((house, program)) = decoding(options()).await else { return };
    for (format, arguments) in [("webm", WEBM), ("ogg", OGG), ("ogg", "-c:a libvorbis -f ogg")] {
        let (mut socket, ready) = open(&house, &format!("?format={format}&language=en")).await;
        assert_eq!(ready["format"], format);
        send(&mut socket, &coded(&program, arguments), &ODD).await;
        is_the_whole_call(arguments, &rest(&mut socket).await);
    }
    let (mut socket, _) = open(&house, "?format=opus&language=en").await;
    for packet in packets(&coded(&program, OGG)) {
        socket.frame(packet).await;
    }
    socket.say(r#"{"type":"end"}"#).await;
    is_the_whole_call("bare packets", &rest(&mut socket).await);
    house.until("samovar_streams", |open| open == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coded_sound_that_is_cut_off_is_heard_and_kept_as_far_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Some(CallSettings::new(folder.path()));
    let Some((house, program)) = decoding(ServerOptions { calls, ..options() }).await else { return };
    for (format, arguments) in [("webm", WEBM), ("ogg", OGG)] {
        let whole = coded(&program, arguments);
        let half = &whole[..whole.len() / 2];
        // Whoever says that it was all gets the rest and the end.
        let (mut socket, ready) = open(&house, &format!("?format={format}&language=en")).await;
        send(&mut socket, half, &ODD).await;
        let events = rest(&mut socket).await;
        is_the_first_half(format, &said(&events));
        assert!((6.5..8.5).contains(&events.last().unwrap()["heard_s"].as_f64().unwrap()), "{format}: {events:?}");
        let told = kept(&house, &ready).await;
        assert_eq!(words(&told), said(&events), "{format}");
        // Whoever is gone is heard and kept all the same.
        let (mut socket, ready) = open(&house, &format!("?format={format}&language=en")).await;
        for piece in half.chunks(1_409) {
            socket.frame(piece.to_vec()).await;
        }
        drop(socket);
        let told = kept(&house, &ready).await;
        assert_eq!(told["state"], "interrupted", "{format}: {told}");
        is_the_first_half(format, &words(&told));
    }
}

fn is_the_first_half(name: &str, heard: &str) {
    assert!(heard.starts_with("Hello, I need help. There is a fire in the kitchen."), "{name}: {heard}");
    assert!(!heard.contains("ambulance"), "{name}: {heard}");
}

fn words(kept: &Value) -> String {
    let segments = kept["segments"].as_array().unwrap();
    segments.iter().map(|segment| segment["text"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// The call as it is kept, once it is over.
async fn kept(house: &House, ready: &Value) -> Value {
    let path = format!("/v1/calls/{}", ready["call"].as_str().unwrap());
    loop {
        let told = get(house.address, &path).await.json();
        if told["state"] != "open" {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_is_told_by_its_code_and_the_call_comes_to_its_end() {
    let Some((house, program)) = decoding(options()).await else { return };
    let junk: Vec<u8> = (0..40_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (format, arguments) in [("webm", WEBM), ("ogg", OGG)] {
        let whole = coded(&program, arguments);
        let behind_a_head = [&whole[..head_bytes(&whole)], &junk].concat();
        for (name, sent) in [("junk", &junk), ("junk behind a head", &behind_a_head)] {
            let (mut socket, _) = open(&house, &format!("?format={format}&language=en")).await;
            send(&mut socket, sent, &ODD).await;
            let events = rest(&mut socket).await;
            let errors: Vec<&str> = of(&events, "error").iter().map(|event| event["code"].as_str().unwrap()).collect();
            assert!(
                errors.len() == 1 && ["audio_unsupported", "audio_damaged"].contains(&errors[0]),
                "{format}, {name}: {events:?}"
            );
            assert!(of(&events, "final").is_empty(), "{format}, {name}: {events:?}");
        }
    }
    // What is no packet is told and left out; the call goes on.
    let (mut socket, _) = open(&house, "?format=opus&language=en&partial_ms=0&features=false").await;
    let packets = packets(&coded(&program, OGG));
    for (number, packet) in packets.into_iter().enumerate() {
        if number == 100 {
            socket.frame(vec![3]).await;
        }
        socket.frame(packet).await;
    }
    socket.say(r#"{"type":"end"}"#).await;
    let events = rest(&mut socket).await;
    assert_eq!(of(&events, "error").len(), 1, "{events:?}");
    assert_eq!(of(&events, "error")[0]["code"], "audio_damaged");
    assert!(word_errors(&said(&events), call_truth()["text"].as_str().unwrap()) <= 0.05, "{}", said(&events));
}

/// Ogg pages that are followed by so much of nothing that the decoder gives up.
#[tokio::test(flavor = "multi_thread")]
async fn a_decoder_that_gives_up_is_told_at_once_and_ends_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Some(CallSettings::new(folder.path()));
    let Some((house, program)) = decoding(ServerOptions { calls, ..options() }).await else { return };
    let whole = coded(&program, OGG);
    let (mut socket, ready) = open(&house, "?format=ogg&language=en").await;
    for piece in [&whole[..whole.len() / 2], &[0; 300_000]].concat().chunks(1_409) {
        socket.send_quietly(piece.to_vec()).await;
    }
    // Nobody says `end`.
    let events = rest(&mut socket).await;
    let last = of(&events, "error").pop().unwrap();
    assert_eq!((&last["code"], &last["utterance"]), (&json!("audio_damaged"), &Value::Null), "{events:?}");
    assert!(last["detail"].as_str().unwrap().contains("cannot be decoded any further"), "{last}");
    is_the_first_half("ogg", &said(&events));
    let told = kept(&house, &ready).await;
    assert_eq!((&told["state"], words(&told)), (&json!("interrupted"), said(&events)));
    house.until("samovar_streams", |open| open == 0.0).await;
}

/// WebM is taken up again behind what is none.
#[tokio::test(flavor = "multi_thread")]
async fn damage_on_the_way_is_told_while_the_call_goes_on() {
    let Some((house, program)) = decoding(options()).await else { return };
    let whole = coded(&program, WEBM);
    let (first, second) = whole.split_at(whole.len() / 2);
    let (mut socket, _) = open(&house, "?format=webm&language=en&features=false&partial_ms=0").await;
    for piece in [first, &[0; 40_000]].concat().chunks(1_409) {
        socket.frame(piece.to_vec()).await;
    }
    let error = socket.event_of("error").await;
    assert_eq!(error["code"], "audio_damaged", "{error}");
    send(&mut socket, second, &ODD).await;
    let events = rest(&mut socket).await;
    assert!(of(&events, "error").is_empty(), "it is told once: {events:?}");
    assert!(said(&events).ends_with("Please hurry."), "{}", said(&events));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_a_limit_are_told_which_one() {
    let stream = StreamLimits { message_bytes_max: 3 << 20, ..StreamLimits::default() };
    let limits = ServerLimits { stream, ..ServerLimits::default() };
    let Some((house, program)) = decoding(ServerOptions { limits, ..options() }).await else { return };
    for (query, bytes, limit) in
        [("?format=ogg", (1 << 20) + 1, "1 MiB"), ("?format=opus", (1 << 20) + 1, "1 MiB"), ("", 61 * 32_000, "60 s")]
    {
        let (mut socket, _) =
            open(&house, &format!("{query}{}language=en", if query.is_empty() { '?' } else { '&' })).await;
        socket.frame(vec![0; bytes]).await;
        let error = socket.event_of("error").await;
        assert_eq!(error["code"], "audio_too_large", "{query}: {error}");
        assert!(error["detail"].as_str().unwrap().contains(limit), "{query}: {error}");
        // Nothing of it was taken: what follows is heard as ever.
        if query == "?format=ogg" {
            send(&mut socket, &coded(&program, OGG), &ODD).await;
            let events = rest(&mut socket).await;
            assert!(of(&events, "error").is_empty(), "{events:?}");
            assert_eq!(of(&events, "final").len(), 6);
        }
    }
    let (mut socket, _) = open(&house, "").await;
    socket.frame(vec![0; (3 << 20) + 1]).await;
    assert_eq!(socket.close().await, (1009, "a message has at most 3145728 bytes".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_a_decoder_comes_back_with_the_end_of_its_call() {
    let stream = StreamLimits { decoders_max: 1, ..StreamLimits::default() };
    let limits = ServerLimits { stream, ..ServerLimits::default() };
    let Some((house, _)) = decoding(ServerOptions { limits, ..options() }).await else { return };
    for _ in 0..2 {
        let (mut socket, _) = open(&house, "?format=webm").await;
        let refused = Socket::refused(house.address, "/v1/streams/call?format=ogg").await;
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("too_many_streams")));
        socket.say(r#"{"type":"end"}"#).await;
        rest(&mut socket).await;
        house.until("samovar_streams", |open| open == 0.0).await;
    }
}
