//! `samovar run detect` on pictures.

use crate::support::{Ended, Street, count, real, run, samovar, street};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// Runs on the built-in engine, which every machine has.
fn detect(model: &Path, inputs: &[&Path], more: &[&str]) -> Ended {
    let mut command = samovar();
    command.args(["run", "detect", "--engine", "rten", "--model"]).arg(model).args(inputs).args(more);
    Ended::from(command.output().unwrap()).without_panic()
}

/// A model and what it finds on the picture of the street: persons, buses.
const MODELS: [(&str, usize, usize); 4] = [
    ("yolov8n/yolov8n.onnx", 4, 1),
    ("yolox-nano/yolox_nano.onnx", 3, 1),
    ("yolov5n/yolov5n_fp16.onnx", 3, 1),
    ("yolov8n/yolov8n_int8_dynquant.onnx", 4, 1),
];

#[test]
fn every_model_finds_what_its_reference_finds() {
    let Some(bus) = real("media/bus.jpg") else { return };
    for (model, persons, buses) in MODELS {
        let Some(model) = real(model) else { return };
        let ended = detect(&model, &[&bus], &["--json", "--score-min", "0.3"]);
        let [record] = ended.lines().try_into().unwrap_or_else(|lines| panic!("{}: {lines:?}", ended.stderr));
        assert_eq!((count(&record, "person"), count(&record, "bus")), (persons, buses), "{}", model.display());
        assert_eq!((&record["image"]["width"], &record["image"]["height"]), (&810.into(), &1080.into()));
        assert_eq!(record["engine"], "rten");
        assert_eq!(ended.code, 0);
    }
}

#[test]
fn a_folder_a_filter_and_an_output_file_go_together() {
    let (Some(model), Some(bus), Some(zidane)) =
        (real("yolov8n/yolov8n.onnx"), real("media/bus.jpg"), real("media/zidane.jpg"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    std::fs::copy(bus, pictures.join("b.jpg")).unwrap();
    std::fs::copy(zidane, pictures.join("a.jpg")).unwrap();
    std::fs::write(pictures.join("notes.txt"), "not looked at").unwrap();
    let (out, drawn) = (folder.path().join("found.jsonl"), folder.path().join("drawn"));
    let more = [
        "--classes",
        "person,5",
        "--iou-max",
        "0.45",
        "-o",
        out.to_str().unwrap(),
        "--annotate",
        drawn.to_str().unwrap(),
    ];
    let ended = detect(&model, &[&pictures], &more);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = std::fs::read_to_string(out).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<_> = records.iter().map(|record| (count(record, "person"), count(record, "bus"))).collect();
    assert_eq!(found, [(2, 0), (4, 1)], "in the order of the names");
    assert!(records.iter().all(|record| count(record, "tie") == 0), "ties were not asked for");
    for name in ["a.jpg", "b.jpg"] {
        let bytes = std::fs::read(drawn.join(name)).unwrap();
        assert!(bytes.starts_with(&[0xFF, 0xD8, 0xFF]), "{name} is a JPEG");
    }
    assert!(ended.stdout.contains("b.jpg (810×1080): 4 × person, 1 × bus"), "{}", ended.stdout);
    assert!(ended.stderr.contains("2 pictures in"), "{}", ended.stderr);
}

#[test]
fn a_picture_comes_by_stdin() {
    let Street { model, picture, persons, .. } = street();
    let mut command = samovar();
    command.args(["run", "detect", "-", "--engine", "rten", "--json", "--score-min", "0.5", "--model"]).arg(model);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(picture).unwrap()).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!((&ended.lines()[0]["input"], count(&ended.lines()[0], "person")), (&"-".into(), persons));
}

#[test]
fn wrong_options_are_refused_before_anything_is_loaded() {
    let wrong: [(&[&str], &str); 4] = [
        (&["a.jpg", "--model", "absent.onnx"], "error[model_file_unreadable]: there is no model file absent.onnx"),
        (
            &["a.jpg", "--model", "person"],
            "error[model_not_found]: `person` is neither a configured model, a file nor a name of the catalogue",
        ),
        (&["a.jpg", "--model", "x.onnx", "--score-min", "2"], "error[invalid_option]: `score_min` is 2"),
        (&["dog*.jpg", "--model", "x.onnx"], "error[no_input]: `dog*.jpg` holds no picture and no video"),
    ];
    for (arguments, expected) in wrong {
        let ended = run(["run", "detect"].iter().chain(arguments)).without_panic();
        assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
        assert!(matches!(ended.code, 1 | 2), "{}", ended.code);
    }
}

#[test]
fn an_unknown_class_is_told_with_what_is_near() {
    let Street { model, picture, .. } = street();
    let ended = detect(&model, &[&picture], &["--classes", "persn"]);
    assert_eq!(ended.stderr, "error[unknown_class]: the model has no class `persn`\n  cure: did you mean `person`?\n");
    assert_eq!(ended.code, 2);
}

/// A folder called `boxes.jpg` is what nobody meant.
#[test]
fn several_pictures_are_not_annotated_into_one_file() {
    let Street { model, picture, .. } = street();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("boxes.jpg");
    let ended = detect(&model, &[&picture, &picture], &["--annotate", out.to_str().unwrap()]);
    assert!(ended.code == 2 && ended.stderr.contains("error[output_failed]: "), "{}", ended.stderr);
    assert!(!out.exists());
}

#[test]
fn a_picture_that_cannot_be_written_as_named_is_refused_before_the_work() {
    let Street { model, picture, .. } = street();
    let ended = detect(&model, &[&picture], &["--annotate", "boxes.gif"]);
    assert!(ended.code == 2 && ended.stderr.contains("error[output_failed]: boxes.gif"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
}
