//! A service of speech on the model that ships, and how well it hears.

use samovar_engines::Rten;
use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader, ChannelChoice};
use samovar_models::whisper::DecodeOptions;
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{Class, DeviceOptions, ModelSource, ModelSpec, Registry, RegistryOptions};
use samovar_service::speech::{Chunking, SpeechService, SpeechSettings, TranscribeRequest};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A file that ships with Samovar.
pub(crate) fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

/// A file of the real models; none, with a line that says so, where they are absent.
///
/// # Panics
/// Where they are absent and `CI` is `true`.
pub(crate) fn real(path: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let folder = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder.join(path));
    }
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "the test models are absent");
    println!("skipped: the test models are absent; set SAMOVAR_TEST_MODELS to their folder");
    None
}

/// The starter model by that name.
pub(crate) fn whisper(name: &str) -> ModelSpec {
    let folder = starter("models/starter-whisper");
    let hints = FamilyHints { assets: Some(folder.clone()), ..FamilyHints::default() };
    ModelSpec {
        companions: hints.companions(),
        ..ModelSpec::new(name, ModelSource::file(folder.join("onnx/encoder_model.onnx")), binder(hints))
    }
}

/// The starter model, and the voice model where it is at hand.
pub(crate) fn service(settings: SpeechSettings) -> SpeechService {
    let mut specs = vec![whisper("whisper")];
    if let Some(path) = real("silero-vad/silero_vad_16k_op15.onnx") {
        specs.push(ModelSpec::new("voices", ModelSource::file(path), binder(FamilyHints::default())));
    }
    SpeechService::new(registry(specs), settings)
}

/// A registry of them, none loaded.
pub(crate) fn registry(specs: Vec<ModelSpec>) -> Arc<Registry> {
    let device = DeviceOptions { slots: 1, ..DeviceOptions::default() };
    let options = RegistryOptions { device, ..RegistryOptions::new(vec![Arc::new(Rten)]) };
    Arc::new(Registry::start(options, specs).unwrap())
}

/// Everything left out that may be.
pub(crate) fn request(audio: AudioInput) -> TranscribeRequest {
    TranscribeRequest {
        model: Some("whisper".to_owned()),
        audio,
        channels: ChannelChoice::Mean,
        options: DecodeOptions::default(),
        chunking: Chunking::Windows,
        class: Class::Interactive,
        deadline: Instant::now() + Duration::from_secs(600),
    }
}

pub(crate) fn bytes(bytes: Vec<u8>) -> AudioInput {
    AudioInput::Bytes(bytes.into())
}

/// The call that ships: its file and its text.
pub(crate) fn call() -> (AudioInput, serde_json::Value) {
    let truth = std::fs::read(starter("samples/call.json")).unwrap();
    (AudioInput::File(starter("samples/call.flac")), serde_json::from_slice(&truth).unwrap())
}

/// Its samples, 15 s at 16 kHz.
pub(crate) fn samples() -> Vec<f32> {
    let mut reader = AudioReader::open(call().0, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    reader.read_to_end(480_000).unwrap()
}

/// Words that are wrong, missing or too many, for each that was said; without case and punctuation.
pub(crate) fn word_errors(heard: &str, said: &str) -> f64 {
    let (heard, said) = (words(heard), words(said));
    let mut row: Vec<usize> = (0..=said.len()).collect();
    for (line, word) in heard.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], line + 1);
        for (at, other) in said.iter().enumerate() {
            let replaced = corner + usize::from(word != other);
            corner = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(row[at + 1] + 1);
        }
    }
    row[said.len()] as f64 / said.len() as f64
}

fn words(text: &str) -> Vec<String> {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    letters.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn word_errors_are_counted() {
    assert_eq!(word_errors("There is fire!", "there is a fire"), 0.25);
    assert_eq!(word_errors("", "two words"), 1.0);
    assert_eq!(word_errors("a b c", "a b"), 0.5);
}
