//! Damaged files: a typed error from every engine, never a crash.

use crate::machine;
use samovar_engine_api::{EngineErrorKind, LoadOptions, ModelFiles};
use std::path::PathBuf;

const CUTS: usize = 20;

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
    let Some(files) = machine::model("yolox-nano/yolox_nano.onnx") else { return };
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
