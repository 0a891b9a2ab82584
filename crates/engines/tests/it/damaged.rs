//! Damaged files: a typed error from every engine, never a crash.

use crate::machine;
use samovar_engine_api::{Engine, EngineErrorKind, LoadOptions, LoadedModel, ModelFiles};
use std::path::PathBuf;

const CUTS: usize = 20;
const FLIPS: usize = 1_000;

fn refused(bytes: &[u8], what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let files = ModelFiles { path: folder.path().join("damaged.onnx") };
    std::fs::write(&files.path, bytes).unwrap();
    for engine in machine::engines() {
        let name = engine.info().name;
        let error = engine.load(&files, &LoadOptions::default()).err().unwrap_or_else(|| panic!("{name} loads {what}"));
        assert_eq!(error.kind(), EngineErrorKind::Model, "{name}, {what}: {error}");
        assert_eq!(engine.inspect(&files).unwrap_err().kind(), EngineErrorKind::Model, "{name}, {what}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let files = machine::starter("starter-detect.onnx");
    let whole = std::fs::read(&files.path).unwrap();
    for part in 0..CUTS {
        let end = whole.len() * part / CUTS + part;
        refused(&whole[..end], &format!("the first {end} bytes"));
    }
    refused(&whole[..whole.len() - 1], "all but the last byte");
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    let noise: Vec<u8> = (0_u32..40_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    refused(&noise, "noise");
    refused(b"{\"this\": \"is a text\"}", "a text");
    refused(&[0; 4096], "zeros");
    refused(&[0xff; 4096], "ones");
    refused(&[], "nothing");
}

#[test]
fn what_is_no_file_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("absent.onnx"), folder.path().to_owned(), PathBuf::from("/dev/null")] {
        for engine in machine::engines() {
            let error = engine.load(&ModelFiles { path: path.clone() }, &LoadOptions::default()).err().unwrap();
            assert_eq!(error.kind(), EngineErrorKind::File, "{} {}", engine.info().name, path.display());
        }
    }
}

/// A flip in the weights leaves another good model, one in the graph leaves none; neither may take the process along.
#[test]
fn a_thousand_flipped_bytes_crash_no_engine() {
    let whole = std::fs::read(machine::starter("starter-stg-nf.onnx").path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = ModelFiles { path: folder.path().join("flipped.onnx") };
    let mut refused = 0;
    for flip in 0..FLIPS {
        let (place, bit) = (flip.wrapping_mul(2_654_435_761) % whole.len(), flip / 3 % 8);
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << bit;
        std::fs::write(&files.path, &bytes).unwrap();
        let engine = engine_of(flip);
        match engine.load(&files, &LoadOptions::default()) {
            Ok(model) => run_once(&*model),
            Err(error) => {
                let known = matches!(error.kind(), EngineErrorKind::Model | EngineErrorKind::Unsupported);
                assert!(known, "{}, byte {place}, bit {bit}: {:?} {error}", engine.info().name, error.kind());
                refused += 1;
            }
        }
    }
    assert!((1..FLIPS).contains(&refused), "{refused} of {FLIPS} were refused: the flips hit graph and weights");
}

/// The engines in turn. OpenVINO compiles for a quarter of a second, so it gets one flip of seven.
fn engine_of(flip: usize) -> &'static dyn Engine {
    let (slow, quick): (Vec<_>, Vec<_>) =
        machine::engines().iter().partition(|engine| engine.info().name == "openvino");
    if flip.is_multiple_of(7) && !slow.is_empty() { &**slow[0] } else { &**quick[flip % quick.len()] }
}

/// It may fail, or give nonsense: the weights are not what they were.
fn run_once(model: &dyn LoadedModel) {
    let mut runner = machine::runner(model);
    if runner.input(0, &[1, 2, 24, 18]).is_ok() {
        drop(runner.run());
    }
}
