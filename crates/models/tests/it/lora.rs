//! LoRA adapters folded into a Whisper's graphs: on every engine and in every form what PEFT's own merged model gives
//! (`tools/reference/lora.py`), the voice that the shipped adapter is for, and what is refused.

use crate::engines::each_engine;
use crate::files::{shared, starter};
use crate::serving::{Serving, call};
use crate::whisper_graphs::{ONE, Speech, distance, fixtures as graphs, floats, list, made_up, write};
use safetensors::tensor::{Dtype, TensorView, serialize};
use samovar_engine_api::{ElementType, Engine, LoadOptions, ModelFiles, Precision};
use samovar_engines::{Rten, SharedGraphs};
use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};
use samovar_models::lora::{Adapter, Side, fold_file};
use samovar_models::whisper::{
    Checkpoint, DecodeOptions, DecoderShape, EncodedWindow, Fed, GraphForm, StepGraphs, Transcriber,
};
use samovar_models::{FamilyHints, recognise};
use samovar_runtime::{FailureKind, Family, PartSource};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Between the same numbers added in another order.
const TOLERANCE: f32 = 1e-4;

#[test]
fn folded_graphs_give_what_pefts_merged_model_gives_on_every_engine() {
    let merged = merged();
    each_engine(|engine| {
        for reference in merged["small"].as_array().unwrap() {
            let (model, kind) = (reference["model"].as_str().unwrap(), reference["adapter"].as_str().unwrap());
            let made = Made::files(&graphs().join(model), &fixtures().join(model).join(kind));
            let mut speech = made.load(&engine);
            assert_eq!(speech.form, GraphForm::Stepped);
            let hidden = speech.encode(reference);
            let furthest =
                distance(&place(&speech, &hidden, 50), &floats(&reference["hidden"])).max(speech.follow(reference));
            println!("{model} {kind}: within {furthest:.1e}");
            assert!(furthest < TOLERANCE, "{model} {kind}: {furthest}");
        }
    });
}

#[test]
fn the_shipped_adapter_gives_what_pefts_merged_model_gives_on_every_engine() {
    let reference = &merged()["starter"];
    let folder = starter("models/starter-whisper");
    let (made, base) = (Made::of(&folder, &folder.join("adapters/whispering")), Made::plain(&folder));
    each_engine(|engine| {
        let differences = [&made, &base].map(|made| {
            let mut speech = made.load(&engine);
            let window = speech.encode(reference);
            let heard = distance(&place(&speech, &window, 50), &floats(&reference["hidden"]));
            let prompt = list(&reference["prompt"]);
            speech.batch.begin(&[window], &[Fed::new(&prompt)]).unwrap();
            (heard, distance(speech.batch.logits(0).unwrap(), &floats(&reference["logits"])))
        });
        println!(
            "encoder and logits: {:.1e} {:.1e}, without it {:.1} {:.1}",
            differences[0].0, differences[0].1, differences[1].0, differences[1].1
        );
        assert!(differences[0].0 < TOLERANCE && differences[0].1 < TOLERANCE);
        assert!(differences[1].0 > 0.1 && differences[1].1 > 0.1);
    });
}

/// The forms in which a decoder runs that cannot be edited: the two files of a split export, and the two branches of a merged one.
#[test]
fn exports_that_run_as_they_are_are_folded_too() {
    let reference = merged()["small"].as_array().unwrap()[2].clone();
    let (folder, out) = (graphs().join("mels_80"), tempfile::tempdir().unwrap());
    let adapter = Adapter::read(&fixtures().join("mels_80/stabilised")).unwrap();
    let fold = |name: &str, side| fold_file(&folder.join("onnx").join(name), &adapter, side);
    let file = |name: &str, side| write(&out.path().join(name), &fold(name, side).unwrap());
    let encoder = file("encoder_model.onnx", Side::Encoder);
    let merged = [file("decoder_model_merged.onnx", Side::Decoder)];
    // The step takes keys and values of the sound as they come.
    assert_eq!(fold("decoder_with_past_model.onnx", Side::Decoder).unwrap_err().code(), "adapter_module_missing");
    let engines = samovar_engines::present(&samovar_engines::Locations::from_environment());
    let mut loaded = 0;
    for engine in engines {
        let Some(mut speech) = Speech::of(&engine, &folder, (&encoder, &merged), ONE) else { continue };
        assert_eq!(speech.form, GraphForm::Merged);
        assert!(speech.follow(&reference) < TOLERANCE, "{}", engine.info().name);
        loaded += 1;
    }
    assert!(loaded > 0);
}

/// Weights beside the graph, turned round and known by their names alone, or of 16 bits that are computed with.
#[test]
fn weights_are_changed_wherever_and_however_they_are_stored() {
    let reference = merged()["small"].as_array().unwrap()[2].clone();
    let (folder, out) = (graphs().join("mels_80"), tempfile::tempdir().unwrap());
    let adapter = Adapter::read(&fixtures().join("mels_80/stabilised")).unwrap();
    let parts = Made::files(&folder, &fixtures().join("mels_80/stabilised")).parts;
    each_engine(|engine| {
        for (stored, tolerance) in [("beside", TOLERANCE), ("turned", TOLERANCE), ("half", 0.05)] {
            let path = fixtures().join("stored").join(stored).with_extension("onnx");
            let made = Made {
                folder: folder.clone(),
                encoder: Some(fold_file(&path, &adapter, Side::Encoder).unwrap()),
                parts: parts.clone(),
            };
            let mut speech = made.load(&engine);
            let hidden = speech.encode(&reference);
            let furthest = distance(&place(&speech, &hidden, 50), &floats(&reference["hidden"]));
            println!("{stored}: within {furthest:.1e}");
            assert!(furthest < tolerance, "{stored}: {furthest}");
        }
    });
    std::fs::copy(fixtures().join("stored/beside.onnx"), out.path().join("beside.onnx")).unwrap();
    let gone = fold_file(&out.path().join("beside.onnx"), &adapter, Side::Encoder).unwrap_err();
    assert_eq!(gone.code(), "adapter_base_unsupported");
    std::fs::write(out.path().join("beside.onnx.data"), [0; 1000]).unwrap();
    assert!(fold_file(&out.path().join("beside.onnx"), &adapter, Side::Encoder).is_err());
}

/// A decoder without a name anywhere: what its layers do tells them.
#[test]
fn modules_are_found_where_an_export_names_nothing() {
    let Some(folder) = shared().map(|folder| folder.join("whisper-mini")) else { return };
    let out = tempfile::tempdir().unwrap();
    let names = ["model.encoder.layers.0.self_attn.q_proj", "model.decoder.layers.1.encoder_attn.v_proj"];
    let engine: Arc<dyn Engine> = Arc::new(Rten);
    let heard = |made: &Made| {
        let mut speech = made.load(&engine);
        let window = speech.encoder.encode(&[&made_up(&speech.checkpoint, 1)]).unwrap().remove(0);
        let hidden = place(&speech, &window, 10);
        speech.batch.begin(&[window], &[Fed::new(&[50_258, 50_259, 50_359, 50_363])]).unwrap();
        (hidden, speech.batch.logits(0).unwrap().to_vec())
    };
    let base = heard(&Made::plain(&folder));
    for (size, changes) in [(0.0, false), (0.3, true)] {
        save(out.path(), &json!({}), &names.map(|name| (name, 128, 128, 2)), size);
        let adapted = heard(&Made::of(&folder, out.path()));
        let (hidden, logits) = (distance(&adapted.0, &base.0), distance(&adapted.1, &base.1));
        println!("{hidden} {logits}");
        assert!((hidden > 1e-3) == changes && (logits > 1e-3) == changes);
    }
}

/// Clips of a whispering voice that neither base nor adapter has seen; each in a window of its own.
#[test]
fn the_shipped_adapter_hears_the_voice_that_it_is_for() {
    let spans: Vec<Value> =
        serde_json::from_slice(&std::fs::read(fixtures().join("whispering.json")).unwrap()).unwrap();
    let input = AudioInput::File(fixtures().join("whispering.flac"));
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    let sound = reader.read_to_end(960_000).unwrap();
    each_engine(|engine| {
        let rates = [Some("whispering"), None].map(|adapter| {
            let serving = serve(Arc::clone(&engine), adapter);
            let transcriber = Transcriber::new(serving.handle());
            let (mut wrong, mut all) = (0, 0);
            for span in &spans {
                let at = |key: &str| (span[key].as_f64().unwrap() * 16_000.0).round() as usize;
                let clip = sound[at("start")..at("end").min(sound.len())].to_vec();
                let text = serving.block_on(transcriber.window(clip, &DecodeOptions::default(), &[], call(1))).unwrap();
                let heard: String = text.segments.iter().map(|segment| segment.text.as_str()).collect();
                let said = words(span["text"].as_str().unwrap());
                wrong += errors(&said, &words(&heard));
                all += said.len();
            }
            wrong as f64 / all as f64
        });
        println!("word error rate {:.3}, without the adapter {:.3}", rates[0], rates[1]);
        assert!(rates[0] <= 0.10 && rates[1] > 0.30, "{rates:?}");
    });
}

/// Half of a base that an adapter leaves alone runs as it is stored.
#[test]
fn what_an_adapter_leaves_alone_stays_what_it_is() {
    let (folder, out) = (starter("models/starter-whisper"), tempfile::tempdir().unwrap());
    let base = family(&folder, None).parts(Precision::F32).unwrap();
    for (path, encoder_changes) in [("model.encoder.layers.0.fc1", true), ("model.decoder.layers.0.fc1", false)] {
        let width_out = if encoder_changes { 320 } else { 192 };
        save(out.path(), &json!({}), &[(path, 96, width_out, 4)], 0.1);
        let adapted = family(&folder, Some(out.path()));
        assert_eq!(adapted.first_graph(&files(&folder)).unwrap().is_some(), encoder_changes);
        assert_eq!(adapted.parts(Precision::F32).unwrap() == base, encoder_changes);
    }
}

#[test]
fn what_does_not_fit_is_refused_and_says_why() {
    let encoder = starter("models/starter-whisper/onnx/encoder_model.onnx");
    let out = tempfile::tempdir().unwrap();
    let path = "model.encoder.layers.0.fc1";
    let refusal = |settings: &Value, modules: &[(&str, usize, usize, usize)]| {
        save(out.path(), settings, modules, 0.1);
        let adapter = Adapter::read(out.path());
        adapter.and_then(|adapter| fold_file(&encoder, &adapter, Side::Encoder)).unwrap_err()
    };
    let fits = (path, 96, 320, 4);
    let deeper = refusal(&json!({}), &[("model.encoder.layers.9.fc1", 96, 320, 4), fits]);
    assert_eq!(deeper.code(), "adapter_module_missing");
    assert!(deeper.to_string().contains("`model.encoder.layers.9.fc1`"), "{deeper}");
    let wider = refusal(&json!({}), &[(path, 384, 1536, 4)]);
    assert_eq!(wider.code(), "adapter_shape_mismatch");
    assert!(wider.to_string().contains("[320, 96]") && wider.to_string().contains("[1536, 384]"), "{wider}");
    assert_eq!(refusal(&json!({"r": 8}), &[fits]).code(), "adapter_rank_mismatch");
    assert_eq!(refusal(&json!({"use_dora": true}), &[fits]).code(), "adapter_unsupported");
    let convolution = refusal(&json!({}), &[("model.encoder.conv1", 240, 96, 4)]);
    assert_eq!(convolution.code(), "adapter_module_missing", "{convolution}");
    save(out.path(), &json!({}), &[fits], f32::NAN);
    assert_eq!(Adapter::read(out.path()).unwrap_err().code(), "adapter_damaged");
    std::fs::remove_file(out.path().join("adapter_config.json")).unwrap();
    let missing = Adapter::read(out.path()).unwrap_err();
    assert_eq!(missing.code(), "adapter_unreadable");
    assert!(!missing.to_string().contains(out.path().to_str().unwrap()), "no path is told");
}

/// Cut anywhere, or with a header that claims what it likes: never a panic, never memory that the file has not.
#[test]
fn damaged_tensors_are_refused() {
    let out = tempfile::tempdir().unwrap();
    save(out.path(), &json!({}), &[("model.encoder.layers.0.fc1", 96, 320, 4)], 0.1);
    let file = out.path().join("adapter_model.safetensors");
    let whole = std::fs::read(&file).unwrap();
    let code = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        Adapter::read(out.path()).err().map(|error| error.code())
    };
    assert_eq!(code(&whole), None);
    for cut in (0..whole.len()).step_by(97).chain(0..40) {
        assert_eq!(code(&whole[..cut]), Some("adapter_damaged"), "cut at {cut}");
    }
    for size in [u64::MAX, 1 << 40, 100 << 20, 17 << 20, 0] {
        let claimed = [&size.to_le_bytes()[..], &whole[8..]].concat();
        assert_eq!(code(&claimed), Some("adapter_damaged"), "a header of {size}");
    }
    let text = String::from_utf8_lossy(&whole[8..]).into_owned();
    let headers = [
        r#"{"base_model.model.m.lora_A.weight":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
        r#"{"base_model.model.m.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[4,0]}}"#,
        r#"{"base_model.model.m.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,18446744073709551615]}}"#,
        "[]",
        "{",
        &text[..40],
    ];
    for header in headers {
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 16]].concat();
        assert_eq!(code(&bytes), Some("adapter_damaged"), "{header}");
    }
    let named = |name: &str| {
        let data = [0_u8; 16];
        let view = TensorView::new(Dtype::F32, vec![2, 2], &data).unwrap();
        code(&serialize([(name, view)], None).unwrap())
    };
    assert_eq!(named("base_model.model.m.lora_A.weight"), Some("adapter_damaged"), "its B is missing");
    for name in ["m.lora_embedding_A", "m.lora_magnitude_vector", "m.weight", "m.lora_A.bias"] {
        assert_eq!(named(name), Some("adapter_unsupported"), "{name}");
    }
}

/// A load with such an adapter fails as the adapter's failure, and other families refuse one.
#[test]
fn a_model_does_not_serve_with_an_adapter_that_does_not_fit() {
    let engine: Arc<dyn Engine> = Arc::new(Rten);
    let out = tempfile::tempdir().unwrap();
    for (path, width) in [("model.encoder.layers.0.fc1", 97), ("model.decoder.layers.0.fc1", 97), ("proj_out", 96)] {
        save(out.path(), &json!({}), &[(path, width, 320, 4)], 0.1);
        let folder = starter("models/starter-whisper");
        let hints =
            FamilyHints { assets: Some(folder.clone()), adapter: Some(out.path().into()), ..FamilyHints::default() };
        let failure =
            Serving::start_plain(Arc::clone(&engine), folder.join("onnx/encoder_model.onnx"), hints).err().unwrap();
        assert_eq!(failure.kind, FailureKind::Adapter, "{path}: {}", failure.reason);
        println!("{}", failure.reason);
    }
    let hints = FamilyHints { adapter: Some(out.path().into()), ..FamilyHints::default() };
    let failure = Serving::start_plain(engine, starter("models/starter-detect.onnx"), hints).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Contract);
    assert!(failure.reason.contains("`whisper`"), "{}", failure.reason);
}

/// The adapter is exchanged under a model that serves: for one that is damaged, for one of another base, and for a good one again.
#[test]
fn a_model_goes_on_serving_when_a_reload_finds_an_adapter_that_does_not_fit() {
    let (folder, out) = (starter("models/starter-whisper"), tempfile::tempdir().unwrap());
    let good = Adapter::files(&folder.join("adapters/whispering"));
    let put = || good.each_ref().map(|file| std::fs::copy(file, out.path().join(file.file_name().unwrap())).unwrap());
    put();
    let hints =
        FamilyHints { assets: Some(folder.clone()), adapter: Some(out.path().into()), ..FamilyHints::default() };
    let serving = Serving::start_plain(Arc::new(Rten), folder.join("onnx/encoder_model.onnx"), hints).unwrap();
    let transcriber = Transcriber::new(serving.handle());
    let hear = || {
        let sound = (0..48_000).map(|at| (at as f32 * 0.05).sin() * 0.3).collect();
        serving.block_on(transcriber.window(sound, &DecodeOptions::default(), &[], call(1))).unwrap().tokens
    };
    let reload = || serving.block_on(serving.registry().reload("model")).unwrap().map(|generation| generation.number);
    let before = hear();
    std::fs::write(out.path().join("adapter_model.safetensors"), "cut").unwrap();
    assert_eq!(reload().unwrap_err().kind, FailureKind::Adapter);
    save(out.path(), &json!({}), &[("model.decoder.layers.7.fc1", 96, 192, 4)], 0.1);
    assert_eq!(reload().unwrap_err().kind, FailureKind::Adapter);
    assert_eq!(hear(), before);
    put();
    assert!(reload().is_ok());
    assert_eq!(hear(), before);
}

/// Base and variants behind an engine that shares: what an adapter leaves alone is loaded once.
#[test]
fn variants_share_the_graphs_that_they_leave_alone() {
    let (folder, out) = (starter("models/starter-whisper"), tempfile::tempdir().unwrap());
    save(out.path(), &json!({}), &[("model.decoder.layers.0.fc1", 96, 192, 4)], 0.1);
    let engine = SharedGraphs::wrap(Arc::new(Rten));
    let options = LoadOptions::default();
    let load = |adapter: Option<&Path>| {
        let family = family(&folder, adapter);
        let graph = |made: Option<Vec<u8>>, path: PathBuf| {
            let place = tempfile::tempdir().unwrap();
            let path = made.map_or(path, |bytes| write(&place.path().join("made.onnx"), &bytes));
            engine.load(&ModelFiles { path }, &options).unwrap()
        };
        let mut graphs = vec![graph(family.first_graph(&files(&folder)).unwrap(), files(&folder).path)];
        for part in family.parts(Precision::F32).unwrap() {
            graphs.push(match part {
                PartSource::Made(bytes) => graph(Some(bytes), PathBuf::new()),
                PartSource::File(path) => graph(None, path),
            });
        }
        graphs
    };
    let (base, variant) = (load(None), load(Some(out.path())));
    let shared: Vec<bool> = base.iter().zip(&variant).map(|(base, variant)| Arc::ptr_eq(base, variant)).collect();
    assert_eq!(shared, [true, true, false], "the encoder, what makes the caches of the sound, the step");
}

/// What a family makes of a base and an adapter.
struct Made {
    folder: PathBuf,
    encoder: Option<Vec<u8>>,
    parts: Vec<PartSource>,
}

impl Made {
    fn of(folder: &Path, adapter: &Path) -> Self {
        let adapted = family(folder, Some(adapter));
        let encoder = adapted.first_graph(&files(folder)).unwrap();
        let parts = adapted.parts(Precision::F32).unwrap();
        assert!(adapted.part_files().iter().any(|path| path.ends_with("adapter_model.safetensors")));
        Self { folder: folder.to_owned(), encoder, parts }
    }

    /// The same of a folder that has no tokenizer.
    fn files(folder: &Path, adapter: &Path) -> Self {
        let (adapter, out) = (Adapter::read(adapter).unwrap(), tempfile::tempdir().unwrap());
        let shape = DecoderShape::of(&Checkpoint::read(folder).unwrap(), ElementType::F32);
        let fold = |name: &str, side| fold_file(&folder.join("onnx").join(name), &adapter, side).unwrap();
        let decoder = write(&out.path().join("decoder.onnx"), &fold("decoder_model.onnx", Side::Decoder));
        let graphs = StepGraphs::of(&decoder, &shape).unwrap();
        let encoder = Some(fold("encoder_model.onnx", Side::Encoder));
        Self { folder: folder.to_owned(), encoder, parts: [graphs.cross, graphs.step].map(PartSource::Made).to_vec() }
    }

    fn plain(folder: &Path) -> Self {
        let parts = family(folder, None).parts(Precision::F32).unwrap();
        Self { folder: folder.to_owned(), encoder: None, parts }
    }

    fn load(&self, engine: &Arc<dyn Engine>) -> Speech {
        let out = tempfile::tempdir().unwrap();
        let made = self.encoder.as_ref().map(|bytes| write(&out.path().join("encoder.onnx"), bytes));
        let encoder = made.unwrap_or_else(|| files(&self.folder).path);
        let parts: Vec<PathBuf> = self
            .parts
            .iter()
            .enumerate()
            .map(|(index, part)| match part {
                PartSource::Made(bytes) => write(&out.path().join(format!("part-{index}.onnx")), bytes),
                PartSource::File(path) => path.clone(),
            })
            .collect();
        Speech::of(engine, &self.folder, (&encoder, &parts), ONE).unwrap()
    }
}

fn family(folder: &Path, adapter: Option<&Path>) -> Arc<dyn Family> {
    let hints =
        FamilyHints { assets: Some(folder.to_owned()), adapter: adapter.map(Path::to_owned), ..FamilyHints::default() };
    recognise(&Rten.inspect(&files(folder)).unwrap(), &hints).unwrap()
}

fn files(folder: &Path) -> ModelFiles {
    ModelFiles { path: folder.join("onnx/encoder_model.onnx") }
}

fn serve(engine: Arc<dyn Engine>, adapter: Option<&str>) -> Serving {
    let folder = starter("models/starter-whisper");
    let adapter = adapter.map(|name| folder.join("adapters").join(name));
    let hints = FamilyHints { assets: Some(folder.clone()), adapter, ..FamilyHints::default() };
    Serving::start_plain(engine, folder.join("onnx/encoder_model.onnx"), hints).unwrap()
}

/// Writes an adapter whose modules have these paths, widths in and out, and ranks; its numbers are of the size of `value`.
pub(crate) fn save(folder: &Path, settings: &Value, modules: &[(&str, usize, usize, usize)], value: f32) {
    let mut config =
        json!({"peft_type": "LORA", "r": modules[0].3, "lora_alpha": 8, "bias": "none", "target_modules": ["fc1"]});
    for (key, value) in settings.as_object().unwrap() {
        config[key] = value.clone();
    }
    std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
    let size = modules.iter().map(|(_, width_in, width_out, rank)| rank * width_in.max(width_out)).max().unwrap();
    let data: Vec<u8> = (0..size).flat_map(|at| (value * (at as f32).sin()).to_le_bytes()).collect();
    let tensors = modules.iter().flat_map(|(path, width_in, width_out, rank)| {
        let view = |rows: usize, columns: usize| {
            TensorView::new(Dtype::F32, vec![rows, columns], &data[..4 * rows * columns]).unwrap()
        };
        let named = |side: &str, view| (format!("base_model.model.{path}.lora_{side}.weight"), view);
        [named("A", view(*rank, *width_in)), named("B", view(*width_out, *rank))]
    });
    std::fs::write(folder.join("adapter_model.safetensors"), serialize(tensors, None).unwrap()).unwrap();
}

/// The hidden state of one place.
fn place(speech: &Speech, window: &EncodedWindow, place: usize) -> Vec<f32> {
    let width = speech.checkpoint.width;
    window.hidden()[place * width..(place + 1) * width].to_vec()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lora")
}

fn merged() -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join("merged.json")).unwrap()).unwrap()
}

/// Without case and punctuation, as error rates are counted.
fn words(text: &str) -> Vec<String> {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    letters.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// Words to put in, leave out or exchange (Levenshtein).
fn errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (index, word) in said.iter().enumerate() {
        let mut above = std::mem::replace(&mut row[0], index + 1);
        for (at, other) in heard.iter().enumerate() {
            let best = (above + usize::from(word != other)).min(row[at] + 1).min(row[at + 1] + 1);
            above = std::mem::replace(&mut row[at + 1], best);
        }
    }
    row[heard.len()]
}
