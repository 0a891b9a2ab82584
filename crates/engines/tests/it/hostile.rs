//! Files that try to read what is not theirs, or to take more memory than they hold.

use crate::machine;
use crate::onnx_writer::{Message, adder, external, model, port, stored};
use samovar_engine_api::{EngineErrorKind, LoadOptions, ModelFiles};
use samovar_engines::OnnxFile;
use std::path::Path;

fn write(folder: &Path, bytes: &[u8]) -> ModelFiles {
    let files = ModelFiles { path: folder.join("model.onnx") };
    std::fs::write(&files.path, bytes).unwrap();
    files
}

fn refused(folder: &Path, bytes: &[u8], what: &str) {
    let files = write(folder, bytes);
    for engine in machine::engines() {
        let error = engine.load(&files, &LoadOptions::default()).err();
        let kind = error.as_ref().map(samovar_engine_api::EngineError::kind);
        assert_eq!(kind, Some(EngineErrorKind::Model), "{}: {what}: {error:?}", engine.info().name);
    }
}

#[test]
fn honest_small_models_run() {
    let folder = tempfile::tempdir().unwrap();
    let weights: Vec<u8> = [10.0_f32, 20.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.path().join("weights.data"), &weights).unwrap();
    for bytes in
        [adder(&stored(2, &weights), 2), adder(&external(2, "weights.data", &[("offset", "0"), ("length", "8")]), 2)]
    {
        let files = write(folder.path(), &bytes);
        for engine in machine::engines() {
            let model = machine::load(engine.as_ref(), &files, &LoadOptions::default());
            let mut runner = machine::runner(model.as_ref());
            runner.input(0, &[2]).unwrap().into_slice::<f32>().unwrap().copy_from_slice(&[1.0, 2.0]);
            runner.run().unwrap();
            assert_eq!(runner.output(0).unwrap().as_slice::<f32>().unwrap(), [11.0, 22.0], "{}", engine.info().name);
        }
    }
    let file = OnnxFile::read(&folder.path().join("model.onnx")).unwrap();
    assert_eq!(file.external_files, [folder.path().join("weights.data")]);
    assert!(file.operators.contains("Add") && file.signature.inputs.len() == 1);
}

#[test]
fn external_data_outside_the_folder_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    std::fs::create_dir_all(&folder).unwrap();
    let secret = outer.path().join("secret.bin");
    std::fs::write(&secret, [0_u8; 64]).unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("link.bin")).unwrap();
    std::os::unix::fs::symlink(outer.path(), folder.join("up")).unwrap();
    std::fs::hard_link(&secret, folder.join("hard.bin")).unwrap();
    let absolute = secret.to_str().unwrap();
    for location in
        [absolute, "../secret.bin", "./../secret.bin", "link.bin", "up/secret.bin", "hard.bin", "absent.bin", "", "up"]
    {
        refused(&folder, &adder(&external(2, location, &[]), 2), location);
    }
}

#[test]
fn external_data_that_is_too_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weights.data"), [0_u8; 16]).unwrap();
    for more in
        [&[("offset", "12")][..], &[("offset", "18446744073709551615")], &[("length", "4")], &[("offset", "-1")]]
    {
        refused(folder.path(), &adder(&external(2, "weights.data", more), 2), &format!("{more:?}"));
    }
    refused(folder.path(), &adder(&external(5, "weights.data", &[]), 5), "more elements than the file has");
}

#[test]
fn tensors_that_declare_more_than_they_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), &adder(&stored(1 << 40, &[0; 8]), 1 << 40), "a tebibyte in eight bytes");
    refused(folder.path(), &adder(&stored(3, &[0; 8]), 3), "three elements in eight bytes");
    let product = Message::default().number(1, 1 << 40).number(1, 1 << 40).number(2, 1).text(8, "w").bytes(9, &[0; 8]);
    refused(folder.path(), &adder(&product, 2), "dimensions whose product overflows");
}

#[test]
fn deep_subgraphs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = Message::default().text(2, "inner").message(12, &port("y", 1));
    for _ in 0..2000 {
        let attribute = Message::default().text(1, "body").message(6, &graph).number(20, 5);
        let node = Message::default().text(4, "Loop").message(5, &attribute);
        graph = Message::default().message(1, &node).text(2, "g").message(12, &port("y", 1));
    }
    refused(folder.path(), &model(&graph), "two thousand subgraphs");
}

#[test]
fn operators_that_nobody_knows_are_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let node = Message::default().text(1, "x").text(2, "y").text(4, "NoSuchOperator");
    let graph = Message::default().message(1, &node).text(2, "g").message(11, &port("x", 1)).message(12, &port("y", 1));
    let files = write(folder.path(), &model(&graph));
    for engine in machine::engines() {
        let error = engine.load(&files, &LoadOptions::default()).err().unwrap();
        assert_eq!(error.kind(), EngineErrorKind::Unsupported, "{}: {error}", engine.info().name);
    }
}
