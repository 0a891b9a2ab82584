//! Decoder batches on every engine and in every form of the graphs: the same hidden states, logits, tokens and attentions as transformers
//! has (`tools/reference/whisper_graphs.py`), whoever decodes beside a row.

use crate::engines::each_engine;
use crate::files::{shared, starter};
use samovar_engine_api::{
    ElementType, Engine, EngineError, EngineErrorKind, LoadOptions, ModelFiles, Runner, Signature,
};
use samovar_engines::Rten;
use samovar_models::whisper::{
    BatchLimits, Checkpoint, DecoderBatch, DecoderShape, EncodedWindow, Fed, GraphForm, Graphs, StepGraphs,
    WindowEncoder,
};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TOLERANCE: f32 = 1e-3;

#[test]
fn every_form_decodes_as_transformers_does_on_every_engine() {
    each_engine(|engine| {
        for (name, form) in forms() {
            // OpenVINO converts no branches (`If`) of differing shapes: the runtime takes the next engine then, or the edited graphs.
            let Some(speech) = Speech::load(&engine, &fixtures().join(name), form, ONE) else {
                assert_eq!((engine.info().name, form), ("openvino", GraphForm::Merged));
                continue;
            };
            let mut speech = speech;
            let mut furthest = 0_f32;
            for reference in decodings(name) {
                furthest = furthest.max(speech.follow(&reference));
            }
            println!("{name} {form:?}: within {furthest:.1e}");
        }
    });
}

#[test]
fn the_attention_of_the_alignment_heads_is_transformers_own() {
    each_engine(|engine| {
        let mut speech = Speech::load(&engine, &fixtures().join("mels_80"), GraphForm::Stepped, ONE).unwrap();
        for reference in decodings("mels_80") {
            let window = speech.encode(&reference);
            let (prompt, tokens) = (list(&reference["prompt"]), list(&reference["tokens"]));
            let all = [&prompt[..], &tokens[..tokens.len() - 1]].concat();
            // In two runs: the second one's tokens see what the first one held.
            speech.batch.begin(&[window], &[Fed::new(&all[..3.min(prompt.len())])]).unwrap();
            speech.batch.feed(&[Fed::new(&all[3.min(prompt.len())..])]).unwrap();
            let found = speech.batch.attentions(0).unwrap();
            assert_eq!((found.heads, found.tokens, found.positions), (2, all.len() - 3.min(prompt.len()), 100));
            for (head, wanted) in reference["attention"].as_array().unwrap().iter().enumerate() {
                let row =
                    &found.weights[(head * found.tokens + found.tokens - 1) * found.positions..][..found.positions];
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
                assert!(distance(row, &floats(wanted)) < 1e-4);
            }
        }
    });
}

/// Prompts of four lengths, windows that come while others are in the middle, and leave before them.
#[test]
fn rows_join_and_leave_between_steps_without_changing_the_others() {
    each_engine(|engine| {
        let limits = BatchLimits { windows: 3, beams: 1 };
        let mut speech = Speech::load(&engine, &fixtures().join("mels_80"), GraphForm::Stepped, limits).unwrap();
        let references = decodings("mels_80");
        let windows: Vec<EncodedWindow> = references.iter().map(|reference| speech.encode(reference)).collect();
        // Who is in the batch, and how many tokens of it are known.
        let mut rows: Vec<(usize, usize)> = Vec::new();
        let (mut next, mut done) = (0, 0);
        for step in 0.. {
            if next < 4 && (step % 5 == 0 || rows.is_empty()) && speech.batch.has_room() {
                speech.batch.add(&windows[next]).unwrap();
                rows.push((next, 0));
                next += 1;
            }
            let tokens: Vec<Vec<u32>> = rows.iter().map(|&(who, known)| fed(&references[who], known)).collect();
            let fed: Vec<Fed<'_>> = tokens.iter().map(|tokens| Fed::new(tokens)).collect();
            speech.batch.feed(&fed).unwrap();
            for (row, (who, known)) in rows.iter_mut().enumerate() {
                let token = best(speech.batch.logits(row).unwrap());
                assert_eq!(token, list(&references[*who]["tokens"])[*known], "window {who}, step {known}");
                *known += 1;
            }
            // Windows leave after 9 to 24 tokens; the last takes the place.
            while let Some(row) = rows.iter().position(|&(who, known)| known >= 24 - 5 * (who % 4)) {
                rows.swap_remove(row);
                let mut sources: Vec<usize> = (0..speech.batch.rows() - 1).collect();
                if let Some(place) = sources.get_mut(row) {
                    *place = speech.batch.rows() - 1;
                }
                speech.batch.keep(&sources).unwrap();
                done += 1;
            }
            if done == 4 {
                break;
            }
        }
        assert_eq!(speech.batch.rows(), 0);
    });
}

/// Both forms: beams that part after the prompt and continue each other's text have the logits that the text has alone.
#[test]
fn beams_go_on_from_each_other() {
    for form in [GraphForm::Stepped, GraphForm::Split] {
        let engine: Arc<dyn Engine> = Arc::new(Rten);
        let folder = fixtures().join("mels_80");
        let mut alone = Speech::load(&engine, &folder, form, ONE).unwrap();
        let mut speech = Speech::load(&engine, &folder, form, BatchLimits { windows: 2, beams: 3 }).unwrap();
        let references = decodings("mels_80");
        let windows = [speech.encode(&references[0]), speech.encode(&references[1])];
        let prompts = [list(&references[0]["prompt"]), list(&references[1]["prompt"])];
        speech.batch.begin(&windows, &[Fed::new(&prompts[0]), Fed::new(&prompts[1])]).unwrap();
        speech.batch.keep(&[0, 0, 0, 3, 3, 3]).unwrap();
        speech.batch.step(&[11, 12, 13, 21, 22, 23]).unwrap();
        speech.batch.keep(&[1, 0, 1, 5, 5, 3]).unwrap();
        speech.batch.step(&[14, 15, 16, 24, 25, 26]).unwrap();
        let texts = [[12, 14], [11, 15], [12, 16], [23, 24], [23, 25], [21, 26]];
        for (row, text) in texts.iter().enumerate() {
            let wanted = alone.logits_of(&windows[row / 3], &prompts[row / 3], text);
            assert!(distance(speech.batch.logits(row).unwrap(), &wanted) < 1e-4, "{form:?}, row {row}");
        }
        // The first window leaves, and the second takes its place.
        speech.batch.keep(&[3, 5, 4]).unwrap();
        speech.batch.step(&[31, 32, 33]).unwrap();
        for (row, text) in [[23, 24, 31], [21, 26, 32], [23, 25, 33]].iter().enumerate() {
            let wanted = alone.logits_of(&windows[1], &prompts[1], text);
            assert!(distance(speech.batch.logits(row).unwrap(), &wanted) < 1e-4, "{form:?}, row {row}");
        }
    }
}

/// The caches' room grows at 64 tokens, and ends at the decoder's positions.
#[test]
fn a_text_fills_the_decoders_positions_and_no_more() {
    for form in [GraphForm::Stepped, GraphForm::Split] {
        let engine: Arc<dyn Engine> = Arc::new(Rten);
        let folder = fixtures().join("mels_128");
        let mut stepwise = Speech::load(&engine, &folder, form, ONE).unwrap();
        let window = stepwise.encode(&decodings("mels_128")[0]);
        let text: Vec<u32> = (0..80).map(|index| 7 * index % 59).collect();
        stepwise.batch.begin(std::slice::from_ref(&window), &[Fed::new(&text[..2])]).unwrap();
        text[2..].iter().for_each(|&token| stepwise.batch.step(&[token]).unwrap());
        let found = stepwise.batch.logits(0).unwrap().to_vec();
        assert_eq!(stepwise.batch.step(&[1]).unwrap_err().kind(), EngineErrorKind::Shape);
        let mut whole = Speech::load(&engine, &folder, GraphForm::Split, ONE).unwrap();
        whole.batch.begin(&[window], &[Fed { tokens: &text, start: Some(0) }]).unwrap();
        assert!(distance(&found, whole.batch.logits(0).unwrap()) < 1e-4);
        let start = whole.batch.start_logits(0).unwrap().to_vec();
        stepwise.batch.clear();
        let window = stepwise.encode(&decodings("mels_128")[0]);
        stepwise.batch.begin(&[window], &[Fed { tokens: &text[..7], start: Some(0) }]).unwrap();
        assert!(distance(stepwise.batch.start_logits(0).unwrap(), &start) < 1e-4);
    }
}

/// The starter model, and the miniature whose nodes have no names, on every engine: what the edited graphs give is what the export gives.
#[test]
fn the_edited_graphs_decode_as_the_export_does() {
    let mut folders = vec![starter("models/starter-whisper")];
    folders.extend(shared().map(|folder| folder.join("whisper-mini")));
    each_engine(|engine| {
        for folder in &folders {
            let mut plain = Speech::load(&engine, folder, GraphForm::Split, ONE).unwrap();
            let mut stepped = Speech::load(&engine, folder, GraphForm::Stepped, ONE).unwrap();
            let checkpoint = plain.checkpoint.clone();
            let window = plain.encoder.encode(&[&made_up(&checkpoint, 1)]).unwrap();
            let special = &checkpoint.special;
            let prompt = [special.start, special.start + 1, special.transcribe, special.no_timestamps];
            let fed = Fed { tokens: &prompt, start: Some(0) };
            plain.batch.begin(&window, &[fed]).unwrap();
            stepped.batch.begin(&window, &[fed]).unwrap();
            assert!(distance(plain.batch.start_logits(0).unwrap(), stepped.batch.start_logits(0).unwrap()) < TOLERANCE);
            for step in 0..20 {
                let (wanted, found) = (plain.batch.logits(0).unwrap(), stepped.batch.logits(0).unwrap());
                let token = best(wanted);
                assert!(distance(wanted, found) < TOLERANCE, "step {step}: {}", distance(wanted, found));
                assert_eq!(best(found), token);
                plain.batch.step(&[token]).unwrap();
                stepped.batch.step(&[token]).unwrap();
            }
        }
    });
}

#[test]
fn misuse_and_foreign_graphs_are_refused() {
    let engine: Arc<dyn Engine> = Arc::new(Rten);
    let mut speech = Speech::load(&engine, &fixtures().join("mels_80"), GraphForm::Split, ONE).unwrap();
    let window = speech.encode(&decodings("mels_80")[0]);
    let shape = |result: Result<(), EngineError>| {
        assert_eq!(result.unwrap_err().kind(), EngineErrorKind::Shape);
    };
    shape(speech.batch.step(&[1]));
    shape(speech.batch.begin(&[window.clone(), window.clone()], &[]));
    shape(speech.batch.begin(std::slice::from_ref(&window), &[Fed { tokens: &[1, 2], start: Some(2) }]));
    speech.batch.begin(&[window], &[Fed::new(&[1, 2])]).unwrap();
    shape(speech.batch.feed(&[Fed::new(&[1, 2])]));
    shape(speech.batch.keep(&[1]));
    assert_eq!(speech.batch.attentions(0).unwrap_err().kind(), EngineErrorKind::Unsupported);
    let other = DecoderShape::of(&Checkpoint::read(&fixtures().join("mels_128")).unwrap(), ElementType::F32);
    let edit = |file: &str, shape: &DecoderShape| StepGraphs::of(&fixtures().join(file), shape).unwrap_err().code();
    assert_eq!(edit("mels_80/onnx/encoder_model.onnx", &other), "unknown_graph");
    assert_eq!(edit("mels_80/config.json", &other), "unreadable_model");
    let wider = DecoderShape { head_width: 9, ..other };
    assert_eq!(edit("mels_80/onnx/decoder_model.onnx", &wider), "unknown_graph");
    let checkpoint = Checkpoint::read(&fixtures().join("mels_128")).unwrap();
    let encoder = signature("mels_80/onnx/encoder_model.onnx");
    let decoder = signature("mels_80/onnx/decoder_model.onnx");
    assert!(
        Graphs::bind(&encoder, std::slice::from_ref(&decoder), &checkpoint).unwrap_err().0.contains("input_features")
    );
    let encoder = signature("mels_128/onnx/encoder_model.onnx");
    assert!(Graphs::bind(&encoder, &[decoder], &checkpoint).unwrap_err().0.contains("past_key_values.0."));
}

pub(crate) const ONE: BatchLimits = BatchLimits { windows: 1, beams: 1 };

/// An encoder and a decoder's batch on one engine.
pub(crate) struct Speech {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) form: GraphForm,
    pub(crate) encoder: WindowEncoder,
    pub(crate) batch: DecoderBatch,
}

impl Speech {
    /// None where the engine does not take this form.
    fn load(engine: &Arc<dyn Engine>, folder: &Path, form: GraphForm, limits: BatchLimits) -> Option<Self> {
        let edited = tempfile::tempdir().unwrap();
        let export = |name: &str| folder.join("onnx").join(name);
        let decoders = match form {
            GraphForm::Split => vec![export("decoder_model.onnx"), export("decoder_with_past_model.onnx")],
            GraphForm::Merged => vec![export("decoder_model_merged.onnx")],
            GraphForm::Stepped => edit(folder, &Checkpoint::read(folder).unwrap(), edited.path()),
        };
        let speech = Self::of(engine, folder, (&export("encoder_model.onnx"), &decoders), limits)?;
        assert_eq!(speech.form, form);
        Some(speech)
    }

    /// The same of these files; the engine has read them when this returns.
    pub(crate) fn of(
        engine: &Arc<dyn Engine>,
        folder: &Path,
        (encoder, decoders): (&Path, &[PathBuf]),
        limits: BatchLimits,
    ) -> Option<Self> {
        let checkpoint = Checkpoint::read(folder).unwrap();
        let (encoder, encoder_ports) = runner(engine, encoder)?;
        let loaded: Option<Vec<_>> = decoders.iter().map(|path| runner(engine, path)).collect();
        let (runners, ports): (Vec<_>, Vec<_>) = loaded?.into_iter().unzip();
        let graphs = Arc::new(Graphs::bind(&encoder_ports, &ports, &checkpoint).unwrap());
        let form = graphs.form();
        let batch = DecoderBatch::new(&graphs, runners, limits).unwrap();
        Some(Self { checkpoint, form, encoder: WindowEncoder::new(graphs, encoder), batch })
    }

    pub(crate) fn encode(&mut self, reference: &Value) -> EncodedWindow {
        let window = made_up(&self.checkpoint, reference["seed"].as_u64().unwrap());
        self.encoder.encode(&[&window]).unwrap().remove(0)
    }

    /// Decodes as the reference did, and tells how far the logits are from its own.
    pub(crate) fn follow(&mut self, reference: &Value) -> f32 {
        let window = self.encode(reference);
        let (prompt, tokens) = (list(&reference["prompt"]), list(&reference["tokens"]));
        self.batch.begin(&[window], &[Fed::new(&prompt)]).unwrap();
        let mut furthest = distance(self.batch.logits(0).unwrap(), &floats(&reference["first_logits"]));
        for (step, &token) in tokens.iter().enumerate() {
            assert_eq!(best(self.batch.logits(0).unwrap()), token, "step {step}");
            if step + 1 < tokens.len() {
                self.batch.step(&[token]).unwrap();
            }
        }
        furthest = furthest.max(distance(self.batch.logits(0).unwrap(), &floats(&reference["last_logits"])));
        assert!(furthest < TOLERANCE, "{furthest}");
        furthest
    }

    fn logits_of(&mut self, window: &EncodedWindow, prompt: &[u32], text: &[u32]) -> Vec<f32> {
        self.batch.begin(std::slice::from_ref(window), &[Fed::new(prompt)]).unwrap();
        text.iter().for_each(|&token| self.batch.step(&[token]).unwrap());
        self.batch.logits(0).unwrap().to_vec()
    }
}

/// The edited graphs as files: of the merged export where there is one.
fn edit(folder: &Path, checkpoint: &Checkpoint, out: &Path) -> Vec<PathBuf> {
    let merged = folder.join("onnx/decoder_model_merged.onnx");
    let path = if merged.exists() { merged } else { folder.join("onnx/decoder_model.onnx") };
    let graphs = StepGraphs::of(&path, &DecoderShape::of(checkpoint, ElementType::F32)).unwrap();
    let files = [("cross.onnx", graphs.cross), ("step.onnx", graphs.step)];
    files.into_iter().map(|(name, bytes)| write(&out.join(name), &bytes)).collect()
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> PathBuf {
    std::fs::write(path, bytes).unwrap();
    path.to_owned()
}

fn runner(engine: &Arc<dyn Engine>, path: &Path) -> Option<(Box<dyn Runner>, Signature)> {
    let model = engine.load(&ModelFiles { path: path.to_owned() }, &LoadOptions::default());
    let model = model.inspect_err(|error| println!("{}: {error}", path.display())).ok()?;
    Some((model.runner(&samovar_engine_api::RunnerOptions::default()).unwrap(), model.signature().clone()))
}

fn signature(path: &str) -> Signature {
    Rten.inspect(&ModelFiles { path: fixtures().join(path) }).unwrap()
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/whisper_graphs")
}

fn forms() -> [(&'static str, GraphForm); 5] {
    let [split, merged, stepped] = [GraphForm::Split, GraphForm::Merged, GraphForm::Stepped];
    [("mels_80", split), ("mels_80", merged), ("mels_80", stepped), ("mels_128", split), ("mels_128", stepped)]
}

fn decodings(model: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(fixtures().join("decodings.json")).unwrap()).unwrap();
    all.into_iter().filter(|reference| reference["model"] == model).collect()
}

/// What a row goes on with when `known` of its tokens are known: its prompt at first.
fn fed(reference: &Value, known: usize) -> Vec<u32> {
    match known {
        0 => list(&reference["prompt"]),
        _ => vec![list(&reference["tokens"])[known - 1]],
    }
}

/// As the script makes it.
pub(crate) fn made_up(checkpoint: &Checkpoint, seed: u64) -> Vec<f32> {
    let (seed, frames) = (seed as f64, checkpoint.frames());
    let value = |mel: usize, frame: usize| {
        let (mel, frame) = (mel as f64, frame as f64);
        (0.37 * mel * (1.0 + seed) + 0.011 * frame * (mel + 3.0 * seed + 1.0)).sin() as f32
    };
    (0..checkpoint.mels).flat_map(|mel| (0..frames).map(move |frame| value(mel, frame))).collect()
}

fn best(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().max_by(|left, right| left.1.total_cmp(right.1));
    u32::try_from(best.unwrap().0).unwrap()
}

/// The largest difference over the numbers that both have.
pub(crate) fn distance(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

pub(crate) fn list(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|token| u32::try_from(token.as_u64().unwrap()).unwrap()).collect()
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}
