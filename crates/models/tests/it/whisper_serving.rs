//! Sound to text through the runtime: one caller, eight at once, callers who leave, on every engine.

use crate::engines::each_engine;
use crate::files::{shared, starter};
use crate::serving::{Serving, call};
use crate::voices::samples;
use samovar_engine_api::Engine;
use samovar_engines::Rten;
use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};
use samovar_models::whisper::{
    DecodeOptions, GraphForm, Language, SampleSource, Timestamps, Transcriber, Voices, WindowText,
};
use samovar_models::{FamilyHints, SpeechOptions, VoiceDetector};
use samovar_runtime::{RunError, RunErrorKind};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

#[test]
fn the_starter_model_hears_the_call_with_and_without_timestamps_on_every_engine() {
    let (expected, sound) = starter_call();
    each_engine(|engine| {
        let serving = serve(engine, &starter("models/starter-whisper"));
        let transcriber = Transcriber::new(serving.handle());
        assert_eq!(transcriber.model().unwrap().form(), Some(GraphForm::Stepped));
        for timestamps in [Timestamps::None, Timestamps::Segment, Timestamps::Word] {
            let options = DecodeOptions { timestamps, ..DecodeOptions::default() };
            let text = serving.block_on(transcriber.window(sound.clone(), &options, &[], call(1))).unwrap();
            assert_eq!(words(&text), spoken(expected["text"].as_str().unwrap()), "{timestamps:?}");
            assert_eq!((text.language, text.temperature), (Language::ENGLISH, 0.0), "detected");
            assert!(text.no_speech_prob < 0.6);
            match timestamps {
                Timestamps::None => assert_eq!(text.segments.len(), 1),
                Timestamps::Segment => assert_segments(&text, &expected),
                Timestamps::Word => assert_words(&text, &expected),
            }
        }
    });
}

#[test]
fn the_fastest_precision_that_agrees_hears_the_same() {
    let (expected, sound) = starter_call();
    let folder = starter("models/starter-whisper");
    each_engine(|engine| {
        let hints = FamilyHints { assets: Some(folder.clone()), ..FamilyHints::default() };
        let serving = Serving::start_fastest(engine, folder.join("onnx/encoder_model.onnx"), hints).unwrap();
        let generation = serving.handle().generation().unwrap();
        println!("{}, off by {:?}", generation.precision, generation.figures().precision_error);
        let options = DecodeOptions::default();
        let text = serving.block_on(Transcriber::new(serving.handle()).window(sound.clone(), &options, &[], call(1)));
        assert_eq!(words(&text.unwrap()), spoken(expected["text"].as_str().unwrap()));
    });
}

/// A plan adds what a default does not have: forms that were compiled before, and a load without a reference.
#[test]
fn by_a_measured_plan_every_precision_hears_the_same_whoever_compiled_it() {
    let (expected, sound) = starter_call();
    let folder = starter("models/starter-whisper");
    each_engine(|engine| {
        for precision in engine.info().precisions {
            let hints = FamilyHints { assets: Some(folder.clone()), ..FamilyHints::default() };
            let model = (folder.join("onnx/encoder_model.onnx"), hints);
            let plans = tempfile::tempdir().unwrap();
            let serving = Serving::start_tuned(&engine, model, precision, plans.path());
            println!("{precision}");
            let (options, transcriber) = (DecodeOptions::default(), Transcriber::new(serving.handle()));
            let text = serving.block_on(transcriber.window(sound.clone(), &options, &[], call(1)));
            assert_eq!(words(&text.unwrap()), spoken(expected["text"].as_str().unwrap()), "{precision}");
        }
    });
}

#[test]
fn the_miniature_of_the_real_checkpoints_hears_the_speech_word_for_word_on_every_engine() {
    let Some(folder) = shared() else { return };
    let sound = samples(&folder.join("media/jfk.wav"));
    each_engine(|engine| {
        let serving = serve(engine, &folder.join("whisper-mini"));
        let options = DecodeOptions {
            language: Some(Language::ENGLISH),
            timestamps: Timestamps::None,
            ..DecodeOptions::default()
        };
        let text = serving.block_on(Transcriber::new(serving.handle()).window(sound.clone(), &options, &[], call(1)));
        let wanted = " And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country.";
        assert_eq!(text.unwrap().segments[0].text, wanted);
    });
}

/// Eight callers with sounds of their own, one after the other and then all at once, greedy and with beams.
#[test]
fn callers_at_once_share_steps_and_hear_what_each_hears_alone() {
    let (_, sound) = starter_call();
    each_engine(|engine| {
        let serving = serve(engine, &starter("models/starter-whisper"));
        let transcriber = Transcriber::new(serving.handle());
        for beams in [1, 3] {
            let options = DecodeOptions { beams, language: Some(Language::ENGLISH), ..DecodeOptions::default() };
            let hear = |caller: usize| transcriber.window(part(&sound, caller), &options, &[], call(caller as u64));
            let before = transcriber.counts().unwrap();
            let alone: Vec<_> = (0..8).map(|caller| serving.block_on(hear(caller)).unwrap()).collect();
            let between = transcriber.counts().unwrap();
            let together = serving.block_on(all((0..8).map(hear).collect()));
            let after = transcriber.counts().unwrap();
            let alone_steps = between.steps - before.steps;
            assert_eq!((between.windows - before.windows, alone_steps), (alone_steps, after.windows - between.windows));
            assert!(after.steps - between.steps < alone_steps / 2, "{before:?} {between:?} {after:?}");
            for (alone, together) in alone.iter().zip(together) {
                let together = together.unwrap();
                assert!(!alone.tokens.is_empty());
                assert_eq!((&alone.tokens, alone.language), (&together.tokens, together.language));
            }
        }
    });
}

/// What the first caller asks for was prepared when the model was loaded: no run has sizes that an engine meets first.
#[test]
fn the_first_window_makes_no_run_that_was_not_warmed() {
    let (expected, sound) = starter_call();
    each_engine(|engine| {
        let serving = serve(engine, &starter("models/starter-whisper"));
        let transcriber = Transcriber::new(serving.handle());
        for options in [
            DecodeOptions::default(),
            DecodeOptions { language: Some(Language::ENGLISH), ..DecodeOptions::default() },
            DecodeOptions { timestamps: Timestamps::None, ..DecodeOptions::default() },
        ] {
            let text = serving.block_on(transcriber.window(sound.clone(), &options, &[], call(1))).unwrap();
            assert_eq!(words(&text), spoken(expected["text"].as_str().unwrap()));
        }
        let short = |caller: usize| sound[..16_000 * (caller + 2)].to_vec();
        let options = DecodeOptions { tokens_max: Some(40), temperatures: vec![0.0], ..DecodeOptions::default() };
        let hear = |caller: usize| transcriber.window(short(caller), &options, &[], call(caller as u64));
        serving.block_on(all((0..8).map(hear).collect())).into_iter().for_each(|text| drop(text.unwrap()));
        let counts = transcriber.counts().unwrap();
        assert_eq!((counts.forms, counts.steps > 40), (0, true), "{counts:?}");
    });
}

/// A decoder that cannot be edited, because its folder promises fewer places than it has, runs as it was exported, and hears the same.
#[test]
fn a_decoder_that_cannot_be_edited_hears_the_call_in_its_own_form() {
    let (expected, sound) = starter_call();
    let folder = foreign(&starter("models/starter-whisper"));
    each_engine(|engine| {
        let serving = serve(engine, folder.path());
        let transcriber = Transcriber::new(serving.handle());
        assert_eq!(transcriber.model().unwrap().form(), Some(GraphForm::Split));
        for options in [DecodeOptions::default(), DecodeOptions { beams: 2, ..DecodeOptions::default() }] {
            let hear = |caller: usize| transcriber.window(sound.clone(), &options, &[], call(caller as u64));
            for text in serving.block_on(all((0..3).map(hear).collect())) {
                let text = text.unwrap();
                assert_eq!(words(&text), spoken(expected["text"].as_str().unwrap()));
                assert_segments(&text, &expected);
            }
        }
        let words = DecodeOptions { timestamps: Timestamps::Word, ..DecodeOptions::default() };
        let refused = serving.block_on(transcriber.window(sound.clone(), &words, &[], call(1))).unwrap_err();
        assert!(matches!(refused.kind(), RunErrorKind::Input { .. }), "{refused:?}");
    });
}

/// The tokens that transformers finds in a sound (`tools/reference/whisper_graphs.py`), front end and all, in every form of the graphs.
#[test]
fn random_models_hear_the_tokens_of_transformers_in_every_form() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/whisper_graphs");
    let heard: Vec<Value> = serde_json::from_slice(&std::fs::read(fixtures.join("heard.json")).unwrap()).unwrap();
    let [split, merged, stepped] = [GraphForm::Split, GraphForm::Merged, GraphForm::Stepped];
    for (name, form) in
        [("mels_80", split), ("mels_80", merged), ("mels_80", stepped), ("mels_128", split), ("mels_128", stepped)]
    {
        let folder = if form == stepped { copy(&fixtures.join(name)) } else { foreign(&fixtures.join(name)) };
        if form == merged {
            std::fs::remove_file(folder.path().join("onnx/decoder_model.onnx")).unwrap();
        }
        each_engine(|engine| {
            let name_of_engine = engine.info().name;
            let hints = FamilyHints { assets: Some(folder.path().to_owned()), ..FamilyHints::default() };
            let started = Serving::start_plain(engine, folder.path().join("onnx/encoder_model.onnx"), hints);
            // The same as with every merged graph: not all engines take two branches.
            let Ok(serving) = started.inspect_err(|failure| println!("{name_of_engine}, {form:?}: {}", failure.reason))
            else {
                assert_eq!(form, merged);
                return;
            };
            let transcriber = Transcriber::new(serving.handle());
            assert_eq!(transcriber.model().unwrap().form(), Some(form));
            for reference in heard.iter().filter(|reference| reference["model"] == name) {
                let options = DecodeOptions {
                    timestamps: Timestamps::None,
                    temperatures: vec![0.0],
                    tokens_max: Some(24),
                    no_speech_threshold: None,
                    ..DecodeOptions::default()
                };
                let sound = made_up(reference["seed"].as_u64().unwrap());
                let text = serving.block_on(transcriber.window(sound, &options, &[], call(1))).unwrap();
                let wanted: Vec<u64> = serde_json::from_value(reference["tokens"].clone()).unwrap();
                let found: Vec<u64> = text.tokens.iter().map(|&token| u64::from(token)).collect();
                assert_eq!(found, wanted, "{name_of_engine}, {name}, {form:?}");
            }
        });
    }
}

#[test]
fn a_caller_who_leaves_and_one_who_is_late_cost_the_others_nothing() {
    let (expected, sound) = starter_call();
    let serving = serve(Arc::new(Rten), &starter("models/starter-whisper"));
    let transcriber = Transcriber::new(serving.handle());
    let options = DecodeOptions::default();
    let hear = |caller| transcriber.window(sound.clone(), &options, &[], call(caller));
    let late = call(7).within(Duration::ZERO);
    let (heard, late) = serving.block_on(async {
        let leaving = async {
            let before = transcriber.counts().unwrap().steps;
            let stepped = async {
                while transcriber.counts().unwrap().steps < before + 3 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                _ = hear(5) => panic!("its text has more than three tokens"),
                () = stepped => {}
            }
        };
        let late = transcriber.window(sound.clone(), &options, &[], late);
        let (heard, (), late) = tokio::join!(hear(6), leaving, late);
        (heard, late)
    });
    assert_eq!(words(&heard.unwrap()), spoken(expected["text"].as_str().unwrap()));
    assert_eq!(late.unwrap_err().kind(), RunErrorKind::DeadlineExceeded);
    assert_eq!(words(&serving.block_on(hear(8)).unwrap()), spoken(expected["text"].as_str().unwrap()));
}

#[test]
fn what_cannot_be_heard_is_refused_with_the_reason() {
    let serving = serve(Arc::new(Rten), &starter("models/starter-whisper"));
    let transcriber = Transcriber::new(serving.handle());
    let refusal = |samples: Vec<f32>, options: DecodeOptions| {
        serving.block_on(transcriber.window(samples, &options, &[], call(1))).unwrap_err().kind()
    };
    let input = |code| RunErrorKind::Input { code };
    assert_eq!(refusal(vec![0.0; 480_001], DecodeOptions::default()), input("invalid_samples"));
    assert_eq!(refusal(vec![f32::NAN], DecodeOptions::default()), input("invalid_samples"));
    assert_eq!(refusal(vec![0.0], DecodeOptions { beams: 0, ..DecodeOptions::default() }), input("invalid_option"));
    let japanese = DecodeOptions { language: Some(Language::parse("ja").unwrap()), ..DecodeOptions::default() };
    assert_eq!(refusal(vec![0.0], japanese), input("unknown_language"));
    let silent = serving.block_on(transcriber.window(vec![0.0; 160_000], &DecodeOptions::default(), &[], call(1)));
    let silent = silent.unwrap();
    assert!(silent.segments.is_empty() && silent.no_speech_prob > 0.6, "{silent:?}");
}

struct Blocks(std::vec::IntoIter<Vec<f32>>);

impl Blocks {
    fn of(sound: &[f32]) -> Self {
        Self(sound.chunks(16_000).map(<[f32]>::to_vec).collect::<Vec<_>>().into_iter())
    }
}

impl SampleSource for Blocks {
    async fn next_block(&mut self) -> Result<Option<Vec<f32>>, RunError> {
        Ok(self.0.next())
    }
}

/// The call, silence to the end of the window, and the call again.
#[test]
fn a_recording_longer_than_a_window_is_heard_to_its_end() {
    let (expected, sound) = starter_call();
    let twice = [&sound[..], &vec![0.0; 480_000 - sound.len()], &sound].concat();
    let serving = serve(Arc::new(Rten), &starter("models/starter-whisper"));
    let transcriber = Transcriber::new(serving.handle());
    let options = DecodeOptions { condition_on_previous_text: false, ..DecodeOptions::default() };
    let (mut blocks, mut texts) = (Blocks::of(&twice), Vec::new());
    let end = serving.block_on(transcriber.recording(&mut blocks, &options, call(1), |text| texts.push(text))).unwrap();
    assert_eq!((end.samples, end.language), (twice.len() as u64, Some(Language::ENGLISH)));
    let heard: Vec<String> = texts.iter().flat_map(words).collect();
    let once = spoken(expected["text"].as_str().unwrap());
    assert_eq!(heard, [once.clone(), once].concat());
    let starts: Vec<f64> = texts.iter().flat_map(|text| &text.segments).map(|segment| segment.start_s).collect();
    assert!(starts.is_sorted() && (starts[starts.len() / 2] - 30.41).abs() < 0.3, "{starts:?}");
}

/// A minute of silence, the call, and a minute of silence.
#[test]
fn of_a_recording_with_voices_only_the_speech_is_decoded() {
    let Some(folder) = shared() else { return };
    let (expected, sound) = starter_call();
    let silence = vec![0.0; 960_000];
    let serving = serve(Arc::new(Rten), &starter("models/starter-whisper"));
    let hearing = Serving::start(Arc::new(Rten), folder.join("silero-vad/silero_vad_16k_op15.onnx"), 1).unwrap();
    let (transcriber, detector) = (Transcriber::new(serving.handle()), VoiceDetector::new(hearing.handle()));
    let speech = SpeechOptions { silence_min_ms: 400, padding_ms: 200, ..SpeechOptions::default() };
    let voices = Voices { detector: &detector, options: &speech };
    let whole = [&silence[..], &sound, &silence].concat();
    let (mut blocks, mut texts, options) = (Blocks::of(&whole), Vec::new(), DecodeOptions::default());
    let heard = transcriber.spoken(&mut blocks, voices, (&options, call(1)), |text| texts.push(text));
    let end = serving.block_on(heard).unwrap();
    assert_eq!((end.samples, end.language), (whole.len() as u64, Some(Language::ENGLISH)));
    let found: Vec<String> = texts.iter().flat_map(words).collect();
    let wanted = spoken(expected["text"].as_str().unwrap());
    assert_eq!(found[..4], wanted[..4], "{found:?}");
    assert!(found.iter().filter(|word| wanted.contains(word)).count() >= wanted.len() / 2, "{found:?}");
    let decoded: usize = texts.iter().map(|text| text.span.samples).sum();
    assert!(decoded < 2 * sound.len(), "silence is not decoded: {decoded}");
    let places = texts.iter().flat_map(|text| &text.segments).map(|segment| segment.start_s);
    assert!(places.clone().all(|start_s| (60.0..75.5).contains(&start_s)), "{:?}", places.collect::<Vec<_>>());
}

/// The folder with a configuration that fits its decoder in everything but one: it cannot be edited then.
fn foreign(folder: &Path) -> tempfile::TempDir {
    let copied = copy(folder);
    let path = copied.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["max_target_positions"] = (config["max_target_positions"].as_u64().unwrap() - 1).into();
    std::fs::write(&path, config.to_string()).unwrap();
    copied
}

fn copy(folder: &Path) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    for part in ["", "onnx"] {
        std::fs::create_dir_all(copied.path().join(part)).unwrap();
        for entry in std::fs::read_dir(folder.join(part)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), copied.path().join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    copied
}

/// As the script makes it.
fn made_up(seed: u64) -> Vec<f32> {
    let seed = seed as f64;
    let tone = |at: f64, step: f64| (at * step * (1.0 + 0.37 * seed)).sin();
    (0..32_000)
        .map(|at| {
            (0.4 * tone(f64::from(at), 0.031) + 0.3 * tone(f64::from(at) * (1.0 + f64::from(at) / 90_000.0), 0.17))
                as f32
        })
        .collect()
}

/// A sound for each caller: the call from one of its pauses on.
fn part(sound: &[f32], caller: usize) -> Vec<f32> {
    let pauses_s = [0.0, 2.3, 4.5, 6.9];
    sound[(pauses_s[caller % pauses_s.len()] * 16_000.0) as usize..].to_vec()
}

/// All of them at once.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs).filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(found) = future.as_mut().poll(context) {
                *output = Some(found);
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

/// The text of `starter/samples/call.json`, and the call's samples.
fn starter_call() -> (Value, Vec<f32>) {
    let expected = serde_json::from_slice(&std::fs::read(starter("samples/call.json")).unwrap()).unwrap();
    let input = AudioInput::File(starter("samples/call.flac"));
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    (expected, reader.read_to_end(480_000).unwrap())
}

fn serve(engine: Arc<dyn Engine>, folder: &Path) -> Serving {
    let hints = FamilyHints { assets: Some(folder.to_owned()), ..FamilyHints::default() };
    Serving::start_plain(engine, folder.join("onnx/encoder_model.onnx"), hints).unwrap()
}

fn assert_segments(text: &WindowText, expected: &Value) {
    let wanted = expected["segments"].as_array().unwrap();
    assert_eq!(text.segments.len(), wanted.len(), "{:?}", text.segments);
    for (found, wanted) in text.segments.iter().zip(wanted) {
        assert_eq!(found.text.trim(), wanted["text"].as_str().unwrap());
        assert!((found.start_s - wanted["start"].as_f64().unwrap()).abs() < 0.3, "{found:?}");
        assert!((found.end_s - wanted["end"].as_f64().unwrap()).abs() < 0.3, "{found:?}");
    }
}

/// A word begins where the one before ends, or later, and the last of a segment ends with it.
fn assert_words(text: &WindowText, expected: &Value) {
    let found: Vec<_> = text.segments.iter().flat_map(|segment| &segment.words).collect();
    assert_eq!(found.len(), words(text).len());
    assert!(found.iter().all(|word| word.start_s <= word.end_s && word.probability > 0.5), "{found:?}");
    assert!(found.windows(2).all(|pair| pair[0].end_s <= pair[1].start_s + 1e-9), "{found:?}");
    for (segment, wanted) in text.segments.iter().zip(expected["segments"].as_array().unwrap()) {
        assert!((segment.end_s - wanted["end"].as_f64().unwrap()).abs() < 0.5, "{segment:?}");
    }
}

fn words(text: &WindowText) -> Vec<String> {
    spoken(&text.segments.iter().map(|segment| segment.text.as_str()).collect::<String>())
}

/// Without case and punctuation, as error rates are counted.
fn spoken(text: &str) -> Vec<String> {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    letters.to_lowercase().split_whitespace().map(str::to_owned).collect()
}
