//! The same probabilities and the same pieces of speech as Silero's own code gives (`tools/reference/voices.py`).

use crate::engines::each_engine;
use crate::files::{resolve, shared};
use crate::recognition::port;
use crate::serving::{Serving, call};
use crate::through_runtime::grey;
use samovar_engine_api::{ElementType, Signature};
use samovar_engines::Rten;
use samovar_models::{
    FamilyHints, FamilyKind, SpeechOptions, SpeechSegment, VoiceDetector, VoiceModel, VoiceState, recognise,
    speech_segments,
};
use samovar_runtime::RunErrorKind;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const MODELS: [&str; 3] = ["silero_vad.onnx", "silero_vad_16k_op15.onnx", "silero_vad_op18_ifless.onnx"];

const TOLERANCE: f32 = 1e-4;

#[test]
fn every_file_gives_the_reference_probabilities_on_every_engine() {
    let Some(folder) = shared() else { return };
    let recording = &fixture()["recordings"][0];
    let sound = samples(&folder.join("media/jfk.wav"));
    each_engine(|engine| {
        // OpenVINO converts no graph whose branches (`If`) tell no shape: the runtime takes the next engine then.
        let files = if engine.info().name == "openvino" { &MODELS[2..] } else { &MODELS[..] };
        for file in files {
            let serving = serve(Arc::clone(&engine), file);
            let found = heard(&serving, &sound);
            let furthest = furthest(&found, recording);
            println!("{file}: within {furthest:.1e}");
            assert!(furthest <= TOLERANCE, "{file}: {furthest}");
            let pieces = speech_segments(&found, sound.len() as u64, &SpeechOptions::default());
            assert_eq!(pieces, segments(&recording["pieces"]), "{file}");
        }
    });
}

#[test]
fn a_minute_of_speech_is_heard_as_silero_hears_it() {
    let Some(folder) = shared() else { return };
    let recording = &fixture()["recordings"][1];
    let sound = samples(&folder.join("media/silero_test.wav"));
    let serving = serve(Arc::new(Rten), MODELS[2]);
    let found = heard(&serving, &sound);
    assert!(furthest(&found, recording) <= TOLERANCE);
    let share = found.iter().filter(|probability| **probability >= 0.5).count() as f32 / found.len() as f32;
    assert!((share - 0.77).abs() < 0.005, "{share}");
    assert_eq!(speech_segments(&found, sound.len() as u64, &SpeechOptions::default()), segments(&recording["pieces"]));
    // Without padding, to a tenth of a second: what is known of this speech.
    let jfk = samples(&folder.join("media/jfk.wav"));
    let bare = SpeechOptions { padding_ms: 0, ..SpeechOptions::default() };
    let pieces = speech_segments(&heard(&serving, &jfk), jfk.len() as u64, &bare);
    let seconds: Vec<_> = pieces.iter().map(SpeechSegment::seconds).collect();
    let wanted = [(0.35, 2.24), (3.30, 4.38), (5.41, 7.62), (8.19, 10.53)];
    assert_eq!(seconds.len(), wanted.len());
    for (found, wanted) in seconds.iter().zip(wanted) {
        assert!((found.0 - wanted.0).abs() < 0.1 && (found.1 - wanted.1).abs() < 0.1, "{found:?} {wanted:?}");
    }
}

/// Eight streams that take turns chunk by chunk have bit for bit what each has alone.
#[test]
fn what_one_stream_heard_says_nothing_to_another() {
    let Some(folder) = shared() else { return };
    let (jfk, long) = (samples(&folder.join("media/jfk.wav")), samples(&folder.join("media/silero_test.wav")));
    let chunks = 40 * VoiceModel::CHUNK_SAMPLES;
    let part = |sound: &[f32], from: usize| sound[from..from + chunks].to_vec();
    let backwards = |mut sound: Vec<f32>| {
        sound.reverse();
        sound
    };
    let mut streams: Vec<Vec<f32>> = (0..3).map(|index| part(&long, index * 100_000)).collect();
    streams.extend([
        part(&jfk, 0),
        part(&jfk, 50_000),
        backwards(part(&jfk, 50_000)),
        vec![0.0; chunks],
        part(&jfk, 0),
    ]);
    let serving = serve(Arc::new(Rten), MODELS[0]);
    let alone: Vec<Vec<f32>> = streams.iter().map(|sound| heard(&serving, sound)).collect();
    let detector = VoiceDetector::new(serving.handle());
    let mut states = vec![VoiceState::default(); streams.len()];
    let mut together = vec![Vec::new(); streams.len()];
    serving.block_on(async {
        for at in (0..chunks).step_by(VoiceModel::CHUNK_SAMPLES) {
            let next = states.iter_mut().zip(&streams).enumerate().map(|(key, (state, sound))| {
                detector.next(state, &sound[at..at + VoiceModel::CHUNK_SAMPLES], call(key as u64))
            });
            // All of them are queued before the first is through.
            let heard = join_all(next).await;
            together.iter_mut().zip(heard).for_each(|(list, heard)| list.push(heard));
        }
    });
    assert_eq!(together, alone);
    assert_eq!(alone[3], alone[7]);
    assert_ne!(alone[4], alone[5]);
}

#[test]
fn a_chunk_without_a_result_leaves_its_stream_as_it_was() {
    let Some(folder) = shared() else { return };
    let sound = samples(&folder.join("media/jfk.wav"));
    let serving = serve(Arc::new(Rten), MODELS[0]);
    let detector = VoiceDetector::new(serving.handle());
    let chunk = |index: usize| &sound[index * 512..][..512];
    serving.block_on(async {
        let (mut state, mut plain) = (VoiceState::default(), VoiceState::default());
        for index in 10..16 {
            let invalid = RunErrorKind::Input { code: "invalid_samples" };
            for bad in [&sound[..511], &sound[..513], &[], &[f32::NAN; 512], &[f32::INFINITY; 512]] {
                assert_eq!(detector.next(&mut state, bad, call(0)).await.unwrap_err().kind(), invalid);
            }
            let late = detector.next(&mut state, chunk(0), call(0).within(Duration::ZERO)).await;
            assert_eq!(late.unwrap_err().kind(), RunErrorKind::DeadlineExceeded);
            let given_up = detector.next(&mut state, chunk(3), call(0));
            drop(given_up);
            let found = detector.next(&mut state, chunk(index), call(0)).await.unwrap();
            assert_eq!(found, detector.next(&mut plain, chunk(index), call(0)).await.unwrap());
        }
    });
    let wrong = RunErrorKind::Input { code: "wrong_family" };
    assert_eq!(serving.detect(&grey(9, 9)).unwrap_err().kind(), wrong);
}

/// Another load of a model may have other weights, to which the memory of these means nothing.
#[test]
fn a_stream_begins_anew_with_another_generation() {
    let Some(folder) = shared() else { return };
    let sound = samples(&folder.join("media/jfk.wav"));
    let serving = serve(Arc::new(Rten), MODELS[0]);
    let detector = VoiceDetector::new(serving.handle());
    // Its last samples are silent, as those before a stream's first chunk are: then only the memory tells the two apart.
    let mut first = sound[20 * 512..21 * 512].to_vec();
    first[448..].fill(0.0);
    let second = &sound[21 * 512..22 * 512];
    serving.block_on(async {
        let mut state = VoiceState::default();
        detector.next(&mut state, &first, call(0)).await.unwrap();
        let gone_on = detector.next(&mut state.clone(), second, call(0)).await.unwrap();
        let anew = detector.next(&mut VoiceState::default(), second, call(0)).await.unwrap();
        assert_ne!(gone_on, anew);
        serving.registry().reload("model").await.unwrap().unwrap();
        assert_eq!(detector.next(&mut state, second, call(0)).await.unwrap(), anew);
    });
}

#[test]
fn speech_is_cut_as_silero_cuts_it() {
    let cases = fixture()["made_up"].as_array().unwrap().clone();
    assert!(cases.len() >= 50);
    for case in &cases {
        let found = numbers(&case["probabilities"]);
        let (options, samples) = (options(&case["options"]), case["samples"].as_u64().unwrap());
        assert_eq!(speech_segments(&found, samples, &options), segments(&case["pieces"]), "{options:?} {found:?}");
    }
    assert_eq!(speech_segments(&[], 0, &SpeechOptions::default()), []);
}

#[test]
fn only_silero_is_a_voice_detector() {
    let made = |memory: &[usize], rate: ElementType| {
        let rate = samovar_engine_api::Port { element: rate, ..port("sr", &[]) };
        Signature {
            inputs: vec![port("input", &[0, 0]), port("state", memory), rate],
            outputs: vec![port("output", &[0, 1]), port("stateN", &[0, 0, 0])],
            ..Signature::default()
        }
    };
    let family = |signature: &Signature, family| {
        let hints = FamilyHints { family, ..FamilyHints::default() };
        recognise(signature, &hints).map(|family| family.name()).map_err(|error| error.0)
    };
    assert_eq!(family(&made(&[2, 0, 128], ElementType::I64), None).unwrap(), "silero-vad");
    for signature in [made(&[2, 0, 64], ElementType::I64), made(&[2, 0, 128], ElementType::F32)] {
        let refused = family(&signature, Some(FamilyKind::SileroVad)).unwrap_err();
        assert!(refused.contains("`state` [2, 1, 128]"), "{refused}");
    }
}

fn serve(engine: Arc<dyn samovar_engine_api::Engine>, file: &str) -> Serving {
    let path = resolve(&format!("shared:silero-vad/{file}").into()).unwrap();
    let serving = Serving::start(engine, path, 4).unwrap();
    let model = VoiceDetector::new(serving.handle()).model().unwrap();
    assert_eq!(model.kind().name(), "silero-vad");
    serving
}

fn heard(serving: &Serving, sound: &[f32]) -> Vec<f32> {
    let detector = VoiceDetector::new(serving.handle());
    serving.block_on(detector.probabilities(sound, call(99))).unwrap()
}

/// One after the other in one task, each begun before the first is waited for.
async fn join_all<E: std::fmt::Debug>(next: impl Iterator<Item = impl Future<Output = Result<f32, E>>>) -> Vec<f32> {
    use std::task::Poll;
    let mut waiting: Vec<_> = next.map(|next| (Box::pin(next), None)).collect();
    std::future::poll_fn(|context| {
        for (future, result) in waiting.iter_mut().filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(found) = future.as_mut().poll(context) {
                *result = Some(found.unwrap());
            }
        }
        let all: Option<Vec<f32>> = waiting.iter().map(|(_, result)| *result).collect();
        all.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

fn furthest(found: &[f32], recording: &Value) -> f32 {
    let expected = numbers(&recording["probabilities"]);
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn options(value: &Value) -> SpeechOptions {
    let time = |name: &str| value[name].as_u64().unwrap() as u32;
    SpeechOptions {
        threshold: value["threshold"].as_f64().unwrap() as f32,
        threshold_end: value["neg_threshold"].as_f64().map(|threshold| threshold as f32),
        speech_min_ms: time("min_speech_duration_ms"),
        silence_min_ms: time("min_silence_duration_ms"),
        padding_ms: time("speech_pad_ms"),
    }
}

fn segments(list: &Value) -> Vec<SpeechSegment> {
    let place = |value: &Value| value.as_f64().unwrap() as u64;
    list.as_array()
        .unwrap()
        .iter()
        .map(|piece| SpeechSegment { from: place(&piece[0]), to: place(&piece[1]) })
        .collect()
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/voices.json")).unwrap()
}

/// Mono, 16 bits, 16 kHz, as the files of the test set are.
pub(crate) fn samples(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let data = bytes.windows(4).position(|name| name == b"data").unwrap() + 8;
    bytes[data..].as_chunks::<2>().0.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0).collect()
}
