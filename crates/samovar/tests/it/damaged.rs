//! Inputs and models that cannot be used: a code and a sentence for each, never a panic, and the others are done.

use crate::support::{Ended, Street, count, real, samovar, street};
use std::path::Path;

fn detect(model: &Path, inputs: &[&Path]) -> Ended {
    let mut command = samovar();
    command
        .args(["run", "detect", "--engine", "rten", "--json", "--score-min", "0.5", "--model"])
        .arg(model)
        .args(inputs);
    Ended::from(command.output().unwrap()).without_panic()
}

#[test]
fn bad_inputs_do_not_stop_the_good_one() {
    let Street { model, picture, persons, .. } = street();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let whole = std::fs::read(&picture).unwrap();
    std::fs::write(path("text.jpg"), "these are words").unwrap();
    std::fs::write(path("half.jpg"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(path("empty.jpg"), "").unwrap();
    std::fs::write(path("text.mp4"), "these are words too, and no video at all").unwrap();
    let names = ["text.jpg", "half.jpg", "empty.jpg", "absent.jpg", "text.mp4"].map(path);
    let inputs: Vec<&Path> = names.iter().map(AsRef::as_ref).chain([picture.as_path()]).collect();
    let ended = detect(&model, &inputs);
    let records = ended.lines();
    assert_eq!((ended.code, records.len()), (3, 6), "{}", ended.stderr);
    let of = |input: &Path| records.iter().find(|record| record["input"] == input.to_str().unwrap()).unwrap();
    let codes: Vec<&str> = names.iter().map(|name| of(name)["error"]["code"].as_str().unwrap()).collect();
    assert_eq!(codes[..4], ["unsupported_media", "corrupt_media", "unsupported_media", "media_unreadable"]);
    assert!(["unsupported_media", "corrupt_media", "decoder_missing"].contains(&codes[4]), "{}", codes[4]);
    assert_eq!(count(of(&picture), "person"), persons);
    assert!(ended.stderr.contains("1 picture in") && ended.stderr.contains("5 inputs failed"), "{}", ended.stderr);
}

#[test]
fn only_bad_inputs_are_a_failure() {
    let Street { model, .. } = street();
    assert_eq!(detect(&model, &[Path::new("absent.jpg")]).code, 1);
}

#[test]
fn a_model_cut_anywhere_is_told() {
    let Street { model, picture, .. } = street();
    let whole = std::fs::read(model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.onnx");
    for place in 0..20 {
        std::fs::write(&cut, &whole[..whole.len() * place / 20]).unwrap();
        let ended = detect(&cut, &[&picture]);
        assert_eq!(ended.code, 1, "{place}: {}", ended.stderr);
        assert!(ended.stderr.contains("error[model_file_damaged]: "), "{place}: {}", ended.stderr);
        assert!(ended.stderr.contains("cure: "), "{place}: {}", ended.stderr);
    }
}

#[test]
fn a_model_of_no_family_is_told() {
    let identity = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/service/identity.onnx");
    let ended = detect(&identity, &[&street().picture]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("error[model_contract]: "), "{}", ended.stderr);
}

#[test]
fn a_model_of_texts_detects_nothing() {
    let Some(model) = real("minilm/model.onnx") else { return };
    let ended = detect(&model, &[&street().picture]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("error[wrong_family]: "), "{}", ended.stderr);
}

#[test]
fn a_file_that_is_no_model_is_told() {
    let Street { picture, .. } = street();
    let ended = detect(&picture, &[&picture]);
    assert!(ended.code == 1 && ended.stderr.contains("error[model_file_damaged]: "), "{}", ended.stderr);
}

#[test]
fn only_the_pinned_model_is_loaded() {
    let Street { model, picture, .. } = street();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("samovar.toml");
    for (pin, code) in [(sha256(&model), 0), ("0".repeat(64), 1)] {
        let text = format!("[models.nano]\npath = {:?}\nengine = \"rten\"\nsha256 = \"{pin}\"\n", model.display());
        std::fs::write(&config, text).unwrap();
        let mut command = samovar();
        let ended = Ended::from(
            command.args(["run", "detect", "--model", "nano", "--config"]).arg(&config).arg(&picture).output().unwrap(),
        );
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("is not the pinned file"), code == 1, "{}", ended.stderr);
    }
}

fn sha256(path: &Path) -> String {
    let facts = samovar().args(["models", "show", "--json"]).arg(path).output().unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&facts.stdout).unwrap();
    facts["sha256"].as_str().unwrap().to_owned()
}
