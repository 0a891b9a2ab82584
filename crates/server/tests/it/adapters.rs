//! A Whisper and a variant of it by a LoRA adapter, over HTTP: which voice each hears, what a second start takes up from the disk, and an
//! adapter that is exchanged or broken while requests go on.

use crate::client::{PATIENCE, get};
use crate::house::{House, fake_detector, options, repository};
use crate::speech_house::{ask, asked, wav, word_errors};
use parking_lot::Mutex;
use samovar_engine_api::{Engine, EngineError, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Signature};
use samovar_engines::{Locations, SharedGraphs, present};
use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{ModelSource, ModelSpec, PlanOptions, Precision, PrecisionChoice, RegistryOptions};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";

fn base() -> PathBuf {
    repository().join("starter/models/starter-whisper")
}

fn shipped_adapter() -> PathBuf {
    base().join("adapters/whispering")
}

/// `words` as it ships, and `whispering`, the same with that adapter.
fn specs(adapter: &Path) -> Vec<ModelSpec> {
    let spec = |name: &str, adapter: Option<&Path>| {
        let hints =
            FamilyHints { assets: Some(base()), adapter: adapter.map(Path::to_path_buf), ..FamilyHints::default() };
        ModelSpec {
            precision: PrecisionChoice::Fixed(Precision::F32),
            batch_delay: Duration::ZERO,
            companions: hints.companions(),
            adapter: adapter.map(|_| "whispering".to_owned()),
            watch: adapter.is_some(),
            ..ModelSpec::new(name, ModelSource::file(base().join("onnx/encoder_model.onnx")), binder(hints))
        }
    };
    vec![spec("words", None), spec("whispering", Some(adapter))]
}

/// An engine that notes of each load whether it took a compiled form up.
struct Noting {
    inner: Arc<dyn Engine>,
    loads: Arc<Mutex<Vec<bool>>>,
}

impl Engine for Noting {
    fn info(&self) -> EngineInfo {
        self.inner.info()
    }

    fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError> {
        self.inner.inspect(files)
    }

    fn data_files(&self, files: &ModelFiles) -> Result<Vec<PathBuf>, EngineError> {
        self.inner.data_files(files)
    }

    fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError> {
        let model = self.inner.load(files, options)?;
        self.loads.lock().push(model.compiled_from_cache());
        Ok(model)
    }
}

/// A server of both, as `samovar serve` makes it: the first engine of this machine, graphs shared, plans and forms kept in that folder.
async fn start(plans: &Path, adapter: &Path) -> (House, Arc<Mutex<Vec<bool>>>) {
    let loads = Arc::<Mutex<Vec<bool>>>::default();
    let inner = present(&Locations::from_environment()).remove(0);
    let engine = SharedGraphs::wrap(Arc::new(Noting { inner, loads: Arc::clone(&loads) }));
    let plans = PlanOptions { folder: Some(plans.to_owned()), large_bytes: 0, ..PlanOptions::default() };
    let registry = RegistryOptions { plans, ..RegistryOptions::new(vec![engine]) };
    (House::start_with(options(), registry, specs(adapter), fake_detector()).await, loads)
}

/// Clips of a whispering voice that neither base nor adapter has seen, and what is said in them.
fn clips() -> Vec<(Vec<u8>, String)> {
    let folder = repository().join("crates/models/tests/fixtures/lora");
    let spans: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("whispering.json")).unwrap()).unwrap();
    let input = AudioInput::File(folder.join("whispering.flac"));
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    let sound = reader.read_to_end(usize::MAX).unwrap();
    let clip = |span: &Value| {
        let at = |key: &str| (span[key].as_f64().unwrap() * 16_000.0).round() as usize;
        let samples = &sound[at("start")..at("end").min(sound.len())];
        (wav(16_000, 1, samples), span["text"].as_str().unwrap().to_owned())
    };
    spans.iter().map(clip).collect()
}

/// What that model hears in each clip.
async fn heard(house: &House, model: &str, clips: &[(Vec<u8>, String)]) -> Vec<String> {
    let mut texts = Vec::new();
    for (clip, _) in clips {
        let told = asked(house, TRANSCRIPTIONS, &[("model", model)], clip).await.json();
        texts.push(told["text"].as_str().unwrap().to_owned());
    }
    texts
}

fn errors(heard: &[String], clips: &[(Vec<u8>, String)]) -> f64 {
    let said: Vec<&str> = clips.iter().map(|(_, said)| said.as_str()).collect();
    word_errors(&heard.join(" "), &said.join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn base_and_variant_hear_their_voices_also_after_a_start_from_compiled_forms() {
    let (plans, clips) = (tempfile::tempdir().unwrap(), clips());
    let mut before = None;
    for start_number in 1..=2 {
        let (house, loads) = start(plans.path(), &shipped_adapter()).await;
        let shown = get(house.address, "/v1/models/whispering").await.json();
        assert_eq!((&shown["adapter"], &shown["state"]), (&json!("whispering"), &json!("ready")), "{shown}");
        assert_eq!(get(house.address, "/v1/models/words").await.json()["adapter"], Value::Null);
        // In turn, so that what one leaves behind would be found in the other.
        let variant = heard(&house, "whispering", &clips).await;
        let base = heard(&house, "words", &clips).await;
        let rates = [errors(&variant, &clips), errors(&base, &clips)];
        assert!(rates[0] <= 0.10 && rates[1] > 0.30, "{rates:?}");
        let texts = (variant, base);
        assert_eq!(before.get_or_insert_with(|| texts.clone()), &texts, "the same at each start");
        let loads = loads.lock().clone();
        println!(
            "start {start_number}: {} graphs, of which {} by their forms",
            loads.len(),
            loads.iter().filter(|by| **by).count()
        );
        if house.registry.model("words").unwrap().generation().unwrap().engine == "openvino" {
            assert!(loads.len() >= 4, "{loads:?}");
            assert!(start_number == 1 || loads.iter().all(|by_form| *by_form), "{loads:?}");
        }
        house.registry.close();
    }
}

/// An adapter that changes nothing: all its numbers are zero.
fn put_idle(folder: &Path) {
    let [config, weights] = ["adapter_config.json", "adapter_model.safetensors"];
    std::fs::copy(shipped_adapter().join(config), folder.join(config)).unwrap();
    let mut bytes = std::fs::read(shipped_adapter().join(weights)).unwrap();
    let head = 8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    bytes[head..].fill(0);
    std::fs::write(folder.join(weights), bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_is_exchanged_while_requests_go_on_and_a_broken_one_changes_nothing() {
    let (plans, adapter, clips) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), clips());
    let clip = &clips[1..2];
    put_idle(adapter.path());
    let (house, _) = start(plans.path(), adapter.path()).await;
    let idle = heard(&house, "whispering", clip).await;
    assert_eq!(idle, heard(&house, "words", clip).await, "it changes nothing");
    let weights = adapter.path().join("adapter_model.safetensors");
    let shipped = shipped_adapter().join("adapter_model.safetensors");
    std::fs::copy(&shipped, &weights).unwrap();
    // Each request on the way is answered, by the one or by the other.
    let adapted = timeout(PATIENCE, async {
        loop {
            let now = heard(&house, "whispering", clip).await;
            if now != idle {
                return now;
            }
        }
    });
    let adapted = adapted.await.expect("the adapter is taken up");
    assert!(errors(&adapted, clip) < 0.2 && errors(&idle, clip) > 0.3, "{idle:?} {adapted:?}");
    assert_eq!(heard(&house, "words", clip).await, idle, "the base is what it was");
    std::fs::write(&weights, "cut").unwrap();
    let failure = until_shown(&house, |shown| !shown["reload_failure"].is_null()).await["reload_failure"].clone();
    assert_eq!(failure["code"], "adapter_refused", "{failure}");
    assert!(failure["cure"].as_str().unwrap().contains("adapter"), "{failure}");
    assert_eq!(heard(&house, "whispering", clip).await, adapted, "the old one goes on");
    std::fs::copy(&shipped, &weights).unwrap();
    until_shown(&house, |shown| shown["reload_failure"].is_null()).await;
    assert_eq!(heard(&house, "whispering", clip).await, adapted);
    let absent = ask(&house, TRANSCRIPTIONS, &[("model", "shouting")], &clips[0].0).await;
    assert_eq!((absent.status, absent.json()["error"]["code"].as_str()), (404, Some("model_not_found")));
}

/// What is told of the variant, once it is as it should be.
async fn until_shown(house: &House, enough: impl Fn(&Value) -> bool) -> Value {
    let shown = timeout(PATIENCE, async {
        loop {
            let shown = get(house.address, "/v1/models/whispering").await.json();
            if enough(&shown) {
                return shown;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    shown.await.expect("the keeper looks at the files")
}
