//! Compiled forms: the second load finds what the first one left and gives the same bits; a damaged form is compiled again.

use crate::inputs::{self, Fill};
use crate::machine;
use crate::onnx_writer::{adder, external};
use samovar_engine_api::{Engine, LoadOptions, LoadedModel, ModelFiles, Precision};
use std::fs;
use std::path::Path;

/// Models of several kinds: convolutions with and without a free batch, a flow of small operators, a transformer's encoder.
const MODELS: [&str; 6] = [
    "starter-detect.onnx",
    "starter-stg-nf.onnx",
    "starter-whisper/onnx/encoder_model.onnx",
    "yolov8n/yolov8n.onnx",
    "yolox-nano/yolox_nano.onnx",
    "espnetv2-seg/espnetv2_s2.0_pascal_384x384.onnx",
];

/// The engines that keep a compiled form.
fn compiling() -> impl Iterator<Item = &'static dyn Engine> {
    machine::engines().iter().map(|engine| &**engine).filter(|engine| engine.info().name != "rten")
}

fn options(folder: &Path, precision: Precision, shapes: Vec<Vec<usize>>) -> LoadOptions {
    LoadOptions { precision, shapes, cache: Some(folder.to_owned()), ..LoadOptions::default() }
}

/// All outputs of one run on a picture-like input.
fn outputs(model: &dyn LoadedModel) -> Vec<Vec<f64>> {
    let (signature, mut runner) = (model.signature(), machine::runner(model));
    for (index, port) in signature.inputs.iter().enumerate() {
        inputs::write(runner.as_mut(), signature, index, &inputs::shape(port, 1, 1), (Fill::Picture(1.0), 0));
    }
    runner.run().unwrap();
    (0..signature.outputs.len()).map(|index| inputs::values(&runner.output(index).unwrap())).collect()
}

#[test]
fn the_second_load_finds_the_form_and_gives_the_same_bits() {
    for file in MODELS {
        let Some(files) = machine::model(file) else { continue };
        for engine in compiling() {
            for precision in engine.info().precisions {
                let signature = engine.inspect(&files).unwrap();
                let fixed = signature.inputs.iter().map(|port| inputs::shape(port, 1, 1)).collect();
                for shapes in [Vec::new(), fixed] {
                    same_bits(engine, &files, precision, &shapes);
                }
            }
        }
    }
}

fn same_bits(engine: &dyn Engine, files: &ModelFiles, precision: Precision, shapes: &[Vec<usize>]) {
    let folder = tempfile::tempdir().unwrap();
    let what = format!("{} on {} in {precision}, {shapes:?}", files.path.display(), engine.info().name);
    let plain = LoadOptions { precision, shapes: shapes.to_vec(), ..LoadOptions::default() };
    let plain = outputs(machine::load(engine, files, &plain).as_ref());
    for is_cached in [false, true] {
        let model = machine::load(engine, files, &options(folder.path(), precision, shapes.to_vec()));
        assert_eq!(model.compiled_from_cache(), is_cached, "{what}");
        assert!(outputs(model.as_ref()) == plain, "{what}, cached {is_cached}: other numbers");
    }
}

#[test]
fn rten_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = machine::starter("starter-detect.onnx");
    for _ in 0..2 {
        let options = options(folder.path(), Precision::F32, Vec::new());
        assert!(!machine::load(machine::reference().as_ref(), &files, &options).compiled_from_cache());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_form_is_compiled_again() {
    let files = machine::starter("starter-detect.onnx");
    for engine in compiling() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path(), Precision::F32, Vec::new());
        let fresh = outputs(machine::load(engine, &files, &options).as_ref());
        let form = the_file_in(folder.path());
        let whole = fs::read(&form).unwrap();
        for (damage, bytes) in damages(&whole) {
            fs::write(&form, bytes).unwrap();
            for is_cached in [false, true] {
                let model = machine::load(engine, &files, &options);
                assert_eq!(model.compiled_from_cache(), is_cached, "{}, {damage}", engine.info().name);
                assert!(outputs(model.as_ref()) == fresh, "{}, {damage}: other numbers", engine.info().name);
            }
        }
    }
}

fn damages(whole: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut flipped = whole.to_vec();
    flipped[whole.len() / 2] ^= 0x10;
    let noise = (0_u32..40_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![
        ("one bit", flipped),
        ("the first half", whole[..whole.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("noise", noise),
        ("zeros", vec![0; whole.len()]),
    ]
}

fn the_file_in(folder: &Path) -> std::path::PathBuf {
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "one file is the whole form");
    file
}

#[test]
fn a_model_loads_where_nothing_can_be_kept() {
    let files = machine::starter("starter-detect.onnx");
    for engine in compiling() {
        // A folder that is not there, and one that is no folder: writing fails for every user, root too.
        for folder in [Path::new("/proc/nowhere"), Path::new("/dev/null")] {
            let model = machine::load(engine, &files, &options(folder, Precision::F32, Vec::new()));
            assert!(!model.compiled_from_cache() && !outputs(model.as_ref()).is_empty(), "{}", engine.info().name);
        }
    }
}

#[test]
fn a_form_holds_the_data_that_was_outside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    // More elements than what engines fold into the graph as a constant of their own.
    let size = 100_000_usize;
    let weights: Vec<u8> = (0..size).flat_map(|index| (index as f32).to_le_bytes()).collect();
    fs::write(folder.path().join("weights.data"), &weights).unwrap();
    let files = ModelFiles { path: folder.path().join("model.onnx") };
    fs::write(&files.path, adder(&external(size as u64, "weights.data", &[]), size as u64)).unwrap();
    for engine in compiling() {
        let cache = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            let model = machine::load(engine, &files, &options(cache.path(), Precision::F32, Vec::new()));
            println!("{}: from the cache: {}", engine.info().name, model.compiled_from_cache());
            assert!(sums(model.as_ref(), size).iter().enumerate().all(|(at, &sum)| sum == at as f32 + 1.0));
        }
    }
}

/// Engines may map a file of weights instead of reading it; whoever overwrites or cuts it would then change a model that serves, or end
/// the process.
#[test]
fn data_outside_the_file_that_is_cut_changes_no_loaded_model() {
    let size = 100_000_usize;
    let length = (size * 4).to_string();
    let weights = external(size as u64, "weights.data", &[("offset", "0"), ("length", &length)]);
    for engine in machine::engines().iter().map(|engine| &**engine) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("weights.data");
        fs::write(&data, vec![0_u8; size * 4]).unwrap();
        let files = ModelFiles { path: folder.path().join("model.onnx") };
        fs::write(&files.path, adder(&weights, size as u64)).unwrap();
        let model = machine::load(engine, &files, &LoadOptions::default());
        // In place, as `cp` does it and a copy that begins anew.
        for content in [vec![0x40_u8; size * 4], Vec::new()] {
            fs::write(&data, &content).unwrap();
            println!("{}: {} bytes", engine.info().name, content.len());
            assert!(sums(model.as_ref(), size).iter().all(|&sum| sum == 1.0), "{}", engine.info().name);
        }
    }
}

/// What an adder gives for ones.
fn sums(model: &dyn LoadedModel, size: usize) -> Vec<f32> {
    let mut runner = machine::runner(model);
    runner.input(0, &[size]).unwrap().into_slice::<f32>().unwrap().fill(1.0);
    runner.run().unwrap();
    runner.output(0).unwrap().as_slice().unwrap().to_vec()
}

/// An imported model may read its weights in the bytes that it came from; so these must neither be freed under it nor be the file's.
#[test]
fn a_form_that_is_cut_or_freed_changes_no_model_that_came_from_it() {
    let files = machine::starter("starter-segment-sota.onnx");
    for engine in compiling() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path(), Precision::F32, Vec::new());
        let fresh = outputs(machine::load(engine, &files, &options).as_ref());
        let form = the_file_in(folder.path());
        let size = fs::metadata(&form).unwrap().len() as usize;
        let models: Vec<_> = (0..3).map(|_| machine::load(engine, &files, &options)).collect();
        // The heap gives what was freed to the next who asks for as much.
        let others: Vec<_> = (0..3).map(|_| vec![0xff_u8; size]).collect();
        fs::write(form, b"cut while it serves").unwrap();
        models.iter().for_each(|model| assert!(outputs(model.as_ref()) == fresh, "{}", engine.info().name));
        drop(std::hint::black_box(others));
    }
}

#[test]
fn a_runner_outlives_its_imported_model() {
    let files = machine::starter("starter-detect.onnx");
    for engine in compiling() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path(), Precision::F32, Vec::new());
        let fresh = outputs(machine::load(engine, &files, &options).as_ref());
        let model = machine::load(engine, &files, &options);
        assert!(model.compiled_from_cache());
        let (signature, mut runner) = (model.signature().clone(), machine::runner(model.as_ref()));
        drop(model);
        let shape = inputs::shape(&signature.inputs[0], 1, 1);
        inputs::write(runner.as_mut(), &signature, 0, &shape, (Fill::Picture(1.0), 0));
        runner.run().unwrap();
        assert!(inputs::values(&runner.output(0).unwrap()) == fresh[0], "{}", engine.info().name);
    }
}

#[test]
fn a_lone_run_reads_what_was_written_and_gives_the_same_numbers() {
    let Some(files) = machine::model("minilm/model.onnx") else { return };
    let Some(engine) = compiling().find(|engine| engine.info().name == "openvino") else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = LoadOptions { lone_threads: 2, ..options(folder.path(), Precision::F32, Vec::new()) };
    for _ in 0..2 {
        let model = machine::load(engine, &files, &options);
        assert_eq!(model.lone_threads(), Some(2), "the form that was kept gives both");
        let mut runner = machine::runner(model.as_ref());
        for (token, length) in [(2_000, 8), (2_000, 24), (3_000, 8)] {
            for (index, value) in [token, 1, 0].into_iter().enumerate() {
                runner.input(index, &[1, length]).unwrap().into_slice::<i64>().unwrap().fill(value);
            }
            runner.run().unwrap();
            let one = inputs::values(&runner.output(0).unwrap());
            runner.run_alone().unwrap();
            let all = inputs::values(&runner.output(0).unwrap());
            assert_eq!(one.len(), all.len());
            let worst = one.iter().zip(&all).map(|(one, all)| (one - all).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-4, "{token} × {length}: {worst}");
        }
    }
}
