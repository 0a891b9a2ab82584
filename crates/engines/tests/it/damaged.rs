//! Damaged files: a typed error from every engine, never a crash.

use crate::machine;
use samovar_engine_api::{EngineErrorKind, LoadOptions, LoadedModel, ModelFiles};
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
    let Some(files) = machine::model("stg-nf/stg_nf_shanghaitech.onnx") else { return };
    let whole = std::fs::read(&files.path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = ModelFiles { path: folder.path().join("flipped.onnx") };
    let (mut loaded, mut refused) = (0, 0);
    for flip in 0..FLIPS {
        let place = flip.wrapping_mul(2_654_435_761) % whole.len();
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (flip % 8);
        std::fs::write(&files.path, &bytes).unwrap();
        let engines = machine::engines();
        let engine = &engines[flip % engines.len()];
        match engine.load(&files, &LoadOptions::default()) {
            Ok(model) => {
                loaded += 1;
                run_once(&*model);
            }
            Err(error) => {
                refused += 1;
                let kind = error.kind();
                assert!(
                    matches!(kind, EngineErrorKind::Model | EngineErrorKind::Unsupported),
                    "{} byte {place} bit {}: {kind:?} {error}",
                    engine.info().name,
                    flip % 8
                );
            }
        }
    }
    println!("{loaded} loaded, {refused} refused");
}

/// It may fail, or give nonsense: the weights are not what they were.
fn run_once(model: &dyn LoadedModel) {
    let mut runner = machine::runner(model);
    if runner.input(0, &[1, 2, 24, 18]).is_ok() {
        drop(runner.run());
    }
}
