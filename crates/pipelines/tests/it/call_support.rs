//! A registry with the starter's Whisper and Silero's voice detector, and calls that are played to them.

use samovar_engines::Rten;
use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader, ChannelChoice, LiveFormat, PcmEncoding};
use samovar_models::whisper::{DecodeOptions, Transcriber};
use samovar_models::{FamilyHints, VoiceDetector, binder};
use samovar_pipelines::{CallEvent, CallModels, CallOptions, CallStream};
use samovar_runtime::{
    DeviceOptions, ModelHandle, ModelSource, ModelSpec, Precision, PrecisionChoice, Registry, RegistryOptions,
    StreamKey,
};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub struct CallHouse {
    pub registry: Registry,
    has_voices: bool,
}

impl CallHouse {
    /// Both models, loaded; none where the voice detector is absent.
    pub async fn warm() -> Option<Self> {
        let house = Self::cold()?;
        for name in ["whisper", "voices"] {
            house.handle(name).open().await.unwrap();
        }
        Some(house)
    }

    /// Both models, not loaded.
    fn cold() -> Option<Self> {
        Self::with_voices(whisper(&starter("models/starter-whisper")))
    }

    /// The voice detector, loaded, and a Whisper whose files are not in that folder yet.
    pub async fn to_come(folder: &Path) -> Option<Self> {
        let house = Self::with_voices(whisper(folder))?;
        house.handle("voices").open().await.unwrap();
        Some(house)
    }

    fn with_voices(whisper: ModelSpec) -> Option<Self> {
        let voices = shared()?.join("silero-vad/silero_vad_16k_op15.onnx");
        Some(Self::of(vec![whisper, spec("voices", voices, FamilyHints::default())], true))
    }

    /// Words, loaded, and a voice detector that cannot be.
    pub async fn with_broken_voices() -> Self {
        let voices = spec("voices", starter("samples/call.json"), FamilyHints::default());
        let house = Self::of(vec![whisper(&starter("models/starter-whisper")), voices], true);
        house.handle("whisper").open().await.unwrap();
        house
    }

    /// Words alone, loaded.
    pub async fn without_voices() -> Self {
        let house = Self::of(vec![whisper(&starter("models/starter-whisper"))], false);
        house.handle("whisper").open().await.unwrap();
        house
    }

    fn of(specs: Vec<ModelSpec>, has_voices: bool) -> Self {
        let mut options = RegistryOptions::new(vec![Arc::new(Rten)]);
        options.device = DeviceOptions { slots: 1, ..DeviceOptions::default() };
        Self { registry: Registry::start(options, specs).unwrap(), has_voices }
    }

    pub fn handle(&self, name: &str) -> ModelHandle {
        self.registry.model(name).unwrap()
    }

    pub fn transcriber(&self) -> Transcriber {
        Transcriber::new(self.handle("whisper"))
    }

    pub fn models(&self) -> CallModels {
        let voices = self.has_voices.then(|| VoiceDetector::new(self.handle("voices")));
        CallModels { transcriber: self.transcriber(), voices }
    }

    /// A call of PCM16 at 16 kHz.
    pub fn call(&self, options: CallOptions) -> CallStream {
        let sound = LiveFormat::Pcm { encoding: PcmEncoding::S16, rate_hz: 16_000, channels: 1 };
        CallStream::new(self.models(), options, sound, ChannelChoice::default(), &AudioLimits::default()).unwrap()
    }
}

/// The options of a call that is the only one with this number.
pub fn options(key: u64) -> CallOptions {
    let decode = DecodeOptions { temperatures: vec![0.0], ..DecodeOptions::default() };
    CallOptions { decode, ..CallOptions::new(StreamKey(key)) }
}

/// Plays a call in pieces, waits `pause` after each for whatever happens, and gives all that was told.
pub async fn play(call: &mut CallStream, pieces: impl IntoIterator<Item = &[u8]>, pause: Duration) -> Vec<CallEvent> {
    let mut told = Vec::new();
    for piece in pieces {
        call.push(piece).unwrap();
        while let Ok(event) = tokio::time::timeout(pause, call.next()).await {
            told.push(event.unwrap());
        }
    }
    told
}

/// Ends a call, and gives the rest of what is told.
pub async fn rest(call: &mut CallStream) -> Vec<CallEvent> {
    call.finish();
    let mut told = Vec::new();
    while let Some(event) = call.next().await {
        told.push(event);
    }
    told
}

/// The starter's call: its truth, and its samples.
pub fn starter_call() -> (Value, Vec<f32>) {
    let truth = serde_json::from_slice(&std::fs::read(starter("samples/call.json")).unwrap()).unwrap();
    let input = AudioInput::File(starter("samples/call.flac"));
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    (truth, reader.read_to_end(480_000).unwrap())
}

/// Samples as PCM16.
pub fn pcm16(sound: &[f32]) -> Vec<u8> {
    sound.iter().flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes()).collect()
}

/// The finals: number, text, begin and end.
pub fn finals(told: &[CallEvent]) -> Vec<(u64, String, f64, f64)> {
    let one = |event: &CallEvent| match event {
        CallEvent::Final { utterance, segments, start_s, end_s, .. } => {
            let text = segments.iter().map(|segment| segment.text.as_str()).collect::<String>();
            Some((*utterance, text.trim().to_owned(), *start_s, *end_s))
        }
        _ => None,
    };
    told.iter().filter_map(one).collect()
}

/// The text of all finals.
pub fn text(told: &[CallEvent]) -> String {
    finals(told).into_iter().map(|(_, text, ..)| text).collect::<Vec<_>>().join(" ")
}

/// Word error rate, without case and punctuation.
pub fn word_errors(found: &str, truth: &str) -> f64 {
    let (found, truth) = (words(found), words(truth));
    let mut row: Vec<usize> = (0..=truth.len()).collect();
    for (i, word) in found.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, wanted) in truth.iter().enumerate() {
            let cost = (corner + usize::from(word != wanted)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[truth.len()] as f64 / truth.len() as f64
}

fn words(text: &str) -> Vec<String> {
    let letters: String = text.chars().filter(|letter| letter.is_alphanumeric() || letter.is_whitespace()).collect();
    letters.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// Puts the starter's Whisper into a folder.
pub fn install_whisper(folder: &Path) {
    let from = starter("models/starter-whisper");
    std::fs::create_dir_all(folder.join("onnx")).unwrap();
    for part in ["", "onnx"] {
        let files = std::fs::read_dir(from.join(part)).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|file| file.is_file()) {
            std::fs::copy(&file, folder.join(part).join(file.file_name().unwrap())).unwrap();
        }
    }
}

fn whisper(folder: &Path) -> ModelSpec {
    let hints = FamilyHints { assets: Some(folder.to_owned()), ..FamilyHints::default() };
    ModelSpec { batch_max: None, ..spec("whisper", folder.join("onnx/encoder_model.onnx"), hints) }
}

fn spec(name: &str, file: PathBuf, hints: FamilyHints) -> ModelSpec {
    ModelSpec {
        preload: false,
        batch_max: Some(1),
        batch_delay: Duration::ZERO,
        precision: PrecisionChoice::Fixed(Precision::F32),
        ..ModelSpec::new(name, ModelSource::file(file), binder(hints))
    }
}

fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

/// The folder of real models; none, with a line that says so, where it is absent.
fn shared() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let folder = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "the test models are absent");
    println!("skipped: the test models are absent; set SAMOVAR_TEST_MODELS to their folder");
    None
}
