//! `samovar run segment` on pictures.

use crate::support::{Ended, Street, samovar, street};
use std::path::Path;

fn segment(model: &Path, inputs: &[&Path], more: &[&str]) -> Ended {
    let mut command = samovar();
    command.args(["run", "segment", "--engine", "rten", "--model"]).arg(model).args(inputs).args(more);
    Ended::from(command.output().unwrap()).without_panic()
}

#[test]
fn classes_are_told_and_laid_over_the_picture() {
    let Street { model, picture, .. } = street();
    let folder = tempfile::tempdir().unwrap();
    let (drawn, lines) = (folder.path().join("classes.png"), folder.path().join("areas.jsonl"));
    let more = ["--runs", "--annotate", drawn.to_str().unwrap(), "-o", lines.to_str().unwrap()];
    let ended = segment(&model.with_file_name("starter-segment-fast.onnx"), &[&picture], &more);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("(1280×720): ") && ended.stdout.contains("road "), "{}", ended.stdout);
    let record: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&lines).unwrap()).unwrap();
    let sum: f64 = record["areas"].as_array().unwrap().iter().map(|area| area["share"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{record}");
    let pixels: u64 = record["runs"].as_array().unwrap().iter().map(|run| run[1].as_u64().unwrap()).sum();
    assert_eq!(pixels, 1280 * 720);
    assert!(std::fs::read(drawn).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn what_cannot_be_segmented_is_told() {
    let Street { model, picture, clip, .. } = street();
    let fast = model.with_file_name("starter-segment-fast.onnx");
    let some = segment(&fast, &[&clip, &picture], &["--json"]);
    assert_eq!((some.code, some.lines().len()), (3, 2), "{}", some.stderr);
    assert_eq!(some.lines()[0]["error"]["code"], "unsupported_media");
    let detector = segment(&model, &[&picture], &[]);
    assert!(detector.code == 1 && detector.stderr.contains("error[wrong_family]: "), "{}", detector.stderr);
}
