//! Recordings of every make, clients who go away, and what the log is not told.

use crate::house::{House, options};
use crate::speech_house::{
    Events, ask, asked, begun, call, call_samples, call_truth, ears, hearing, long_call, wav, wav_head, word_errors,
};
use samovar_server::ServerOptions;
use samovar_service::speech::SpeechSettings;
use serde_json::json;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};

const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";
const ASR: &str = "/asr/transcribe";

/// The same noise whenever it is asked for.
fn noise(samples: usize, level: f32) -> Vec<f32> {
    let mut state = 0x2545_F491_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 32_768.0 - 1.0
    };
    (0..samples).map(|_| next() * level).collect()
}

/// Three tones a time, like music.
fn chords(samples: usize) -> Vec<f32> {
    let tone = |at: usize, hz: f32| (at as f32 / 16_000.0 * hz * std::f32::consts::TAU).sin();
    let root = |at: usize| [220.0, 277.2, 329.6, 246.9][at / 8_000 % 4];
    (0..samples).map(|at| [1.0, 1.26, 1.5].iter().map(|part| tone(at, root(at) * part)).sum::<f32>() * 0.25).collect()
}

/// At another rate: straight lines between the samples that are there.
fn faster(samples: &[f32], times: usize) -> Vec<f32> {
    let next = samples.iter().skip(1).chain(samples.last());
    let pairs = samples.iter().zip(next);
    pairs.flat_map(|(a, b)| (0..times).map(move |step| a + (b - a) * step as f32 / times as f32)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_make_of_the_call_gives_its_words() {
    let (house, sound, truth) = (ears().await, call_samples(), call_truth());
    let halved: Vec<f32> = sound.chunks_exact(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
    let stereo: Vec<f32> = sound.iter().flat_map(|&sample| [sample, sample]).collect();
    let loud: Vec<f32> = sound.iter().map(|sample| (sample * 12.0).clamp(-1.0, 1.0)).collect();
    let pcm = &wav(16_000, 1, &sound)[44..];
    let made = [
        ("FLAC that is called MP3", call(), 0.0, false),
        // The model that ships hears little without the upper half of the band.
        ("8 kHz", wav(8_000, 1, &halved), 0.6, false),
        ("192 kHz", wav(192_000, 1, &faster(&sound, 12)), 0.05, false),
        ("stereo", wav(16_000, 2, &stereo), 0.05, false),
        ("clipped", wav(16_000, 1, &loud), 0.3, false),
        ("a WAV that claims 4 GB", [&wav_head(16_000, 1, u32::MAX - 1)[..], pcm].concat(), 0.05, true),
        ("a WAV whose end nobody knew", [&wav_head(16_000, 1, u32::MAX)[..], pcm].concat(), 0.05, false),
    ];
    for (name, recording, errors_max, is_incomplete) in made {
        let answer = asked(&house, TRANSCRIPTIONS, &[], &recording).await;
        let told = answer.json();
        let errors = word_errors(told["text"].as_str().unwrap(), truth["text"].as_str().unwrap());
        assert!(errors <= errors_max, "{name}: {errors} {told}");
        let code = is_incomplete.then_some("audio_damaged");
        assert_eq!((answer.header("samovar-incomplete"), told["incomplete"]["code"].as_str()), (code, code), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_speech_is_heard_without_a_fault_and_what_is_no_audio_is_refused() {
    let house = ears().await;
    for (name, sound) in [
        ("silence", vec![0.0; 80_000]),
        ("noise", noise(80_000, 0.3)),
        ("loud noise", noise(40_000, 1.0)),
        ("chords", chords(80_000)),
        ("a constant", vec![1.0; 20_000]),
        ("a hundredth of a second", vec![0.1; 160]),
    ] {
        let told = asked(&house, ASR, &[], &wav(16_000, 1, &sound)).await.json();
        assert_eq!(told["duration_s"], json!((sound.len() as f64 / 16.0).round() / 1e3), "{name}: {told}");
        let ends = told["segments"].as_array().unwrap().iter().map(|segment| segment["end_s"].as_f64().unwrap());
        assert!(ends.into_iter().all(|end| end <= told["duration_s"].as_f64().unwrap() + 0.021), "{name}: {told}");
    }
    let flac = call();
    let refused: [(&str, Vec<u8>, u16, &str); 8] = [
        ("nothing", Vec::new(), 422, "audio_empty"),
        ("no samples", wav(16_000, 1, &[]), 422, "audio_empty"),
        ("4 GB of nothing", wav_head(16_000, 1, u32::MAX), 422, "audio_empty"),
        ("a part of a head", wav_head(16_000, 1, 1_000)[..20].to_vec(), 422, "audio_damaged"),
        ("the head of a FLAC", flac[..60].to_vec(), 422, "audio_damaged"),
        ("500 kHz", wav(500_000, 1, &[0.0; 1_000]), 422, "audio_layout"),
        ("nine channels", wav(16_000, 9, &[0.0; 900]), 422, "audio_layout"),
        // Nothing that is read in this process, and no program for the rest.
        ("a text", b"no recording at all, but a text of some length".repeat(30), 501, "decoder_missing"),
    ];
    for (name, recording, status, code) in refused {
        let openai = ask(&house, TRANSCRIPTIONS, &[], &recording).await;
        assert_eq!((openai.status, openai.json()["error"]["code"].as_str()), (status, Some(code)), "{name}");
        assert_eq!(openai.json()["error"]["param"], "file", "{name}");
        let own = ask(&house, ASR, &[], &recording).await;
        assert_eq!((own.status, own.json()["code"].as_str()), (status, Some(code)), "{name}");
    }
    let half = asked(&house, TRANSCRIPTIONS, &[("response_format", "text")], &flac[..flac.len() / 2]).await;
    assert_eq!(half.header("samovar-incomplete"), Some("audio_damaged"), "as far as it goes");
    assert!(half.text().starts_with("Hello, I need help. There is a fire in the kitchen."), "{}", half.text());
}

/// So many steps the decoders have made.
async fn steps(house: &House) -> f64 {
    house.metric("samovar_speech_decoder_steps_total{model=\"whisper\"}").await
}

/// Steps of one short request when nothing else is heard.
async fn steps_of_one(house: &House) -> f64 {
    let before = steps(house).await;
    asked(house, ASR, &[], &call()).await;
    steps(house).await - before
}

/// One place, and a recording of eight windows in it whose client goes away after the first: the place is free again and nobody decodes on.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_leaves_nothing_behind() {
    let speech = SpeechSettings { recordings_max: 1, ..SpeechSettings::default() };
    let house = hearing(ServerOptions { speech, ..options() }).await;
    let (one, long) = (steps_of_one(&house).await, long_call(8));
    assert!(long.len() > 1 << 20, "it lies in a file");
    for (left, stream) in [(1.0, false), (2.0, true)] {
        let before = steps(&house).await;
        let fields = [("stream", if stream { "true" } else { "false" })];
        let socket = begun(&house, TRANSCRIPTIONS, &fields, &long).await;
        if stream {
            let mut events = Events::open(socket).await;
            assert_eq!(events.next().await.unwrap()["type"], "transcript.text.delta");
        } else {
            house.until("samovar_speech_decoder_steps_total{model=\"whisper\"}", |now| now > before).await;
            drop(socket);
        }
        house
            .until("samovar_speech_requests_total{surface=\"transcriptions\",outcome=\"left\"}", |count| count == left)
            .await;
        assert!(steps(&house).await < before + 5.0 * one, "it had eight windows");
        // A step that ran when it left, and the one in which that is noticed.
        let alone = steps_of_one(&house).await;
        assert!((one..=one + 3.0).contains(&alone), "{alone}, where {one} are its own");
    }
}

/// Keeps whatever is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_and_what_is_hinted_at_is_not_in_the_log() {
    let log = Log::default();
    if tracing::subscriber::set_global_default(log.clone()).is_err() {
        return println!(
            "skipped: other tests of this process have a log of their own; `cargo nextest` gives each a process"
        );
    }
    let house = hearing(ServerOptions { access_log: true, ..options() }).await;
    let fields = [("prompt", "Zanzibar calls"), ("keywords[]", "Quetzalcoatl"), ("response_format", "verbose_json")];
    let told = asked(&house, TRANSCRIPTIONS, &fields, &call()).await.json();
    let said = told["text"].as_str().unwrap();
    assert!(said.contains("kitchen"), "{said}");
    Events::open(begun(&house, TRANSCRIPTIONS, &[("stream", "true")], &call()).await).await.rest().await;
    crate::client::post(house.address, "/asr/transcribe?prompt=Zanzibar&hotwords=Quetzalcoatl", &call()).await;
    ask(&house, TRANSCRIPTIONS, &[("prompt", "Zanzibar")], &call()[..60]).await;
    let logged = log.0.lock().unwrap().clone();
    assert!(logged.contains(TRANSCRIPTIONS) && logged.contains(ASR), "{logged}");
    for word in ["kitchen", "breathing", "Mill Road", "ambulance", "Zanzibar", "Quetzalcoatl", "call.mp3"] {
        assert!(!logged.contains(word), "{word}: {logged}");
    }
}
