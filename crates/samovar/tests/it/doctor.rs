//! `samovar doctor` and `samovar models`.

use crate::support::{Ended, Street, real, run, samovar, street};
use serde_json::Value;

fn doctor(config: &str) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("samovar.toml"), config).unwrap();
    let ended = Ended::from(samovar().current_dir(folder.path()).args(["doctor", "--json"]).output().unwrap());
    let report = serde_json::from_str(&ended.without_panic().stdout).unwrap();
    (0, report)
}

fn finding<'a>(report: &'a Value, subject: &str) -> &'a Value {
    report["findings"].as_array().unwrap().iter().find(|finding| finding["subject"] == subject).unwrap()
}

#[test]
fn a_machine_without_a_configuration_is_healthy() {
    let ended = run(["doctor", "--json"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &report["healthy"]), (0, &true.into()), "{}", ended.stdout);
    assert_eq!(finding(&report, "engine rten")["health"], "ok");
}

#[test]
fn a_model_that_cannot_work_is_a_problem_with_its_cure() {
    let (_, report) = doctor("[server]\nlisten = \"127.0.0.1:0\"\n[models.a]\npath = \"absent.onnx\"\n");
    assert_eq!(report["healthy"], false);
    let model = finding(&report, "model a");
    assert_eq!(model["health"], "problem");
    assert_eq!(model["cure"], "check that the path is right and that the file can be read");
}

#[test]
fn a_wrong_configuration_is_a_finding() {
    let (_, report) = doctor("nonsense = 1\n");
    assert!(finding(&report, "configuration")["detail"].as_str().unwrap().contains("samovar.toml:1:1"));
}

#[test]
fn a_pin_that_does_not_fit_is_a_problem() {
    let Street { model, .. } = street();
    let path = model.display().to_string();
    let (_, report) = doctor(&format!("[models.a]\npath = {path:?}\nsha256 = \"{}\"\n", "0".repeat(64)));
    assert!(finding(&report, "model a")["detail"].as_str().unwrap().contains("is not the pinned file"));
}

#[test]
fn a_model_file_is_shown() {
    let Some(model) = real("yolov8n/yolov8n.onnx") else { return };
    let ended = run(["models", "show", "--json", model.to_str().unwrap()]);
    let facts: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &facts["family"], &facts["input_sizes"][0][0]), (0, &"yolo".into(), &640.into()));
    assert_eq!(facts["sha256"], "08c2d121863b4a0d607208f35c3ea06052feaeca9c7a4c01f60aec2fe05497d6");
    assert_eq!(facts["labels"].as_array().unwrap().len(), 80);
}

#[test]
fn plans_memory_and_modes_are_looked_at() {
    let starter = |name: &str| street().model.with_file_name(format!("{name}.onnx")).display().to_string();
    let (_, report) = doctor(&format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[plans]\nfolder = \"plans\"\n[memory]\nlimit = \"99999GiB\"\n\
         [modes.segment]\nfast = \"fast\"\nsota = \"nano\"\n[models.fast]\npath = {:?}\n[models.nano]\npath = {:?}\n",
        starter("starter-segment-fast"),
        starter("starter-detect"),
    ));
    assert!(finding(&report, "plans")["detail"].as_str().unwrap().starts_with("0 plans in "));
    assert_eq!(finding(&report, "memory limit")["health"], "note");
    let modes = finding(&report, "modes segment");
    assert_eq!(modes["health"], "problem");
    assert_eq!(modes["detail"], "fast = fast, sota = nano; no segmentation model: nano");
    let (_, report) = doctor("[server]\nlisten = \"127.0.0.1:0\"\n[plans]\nfolder = \"samovar.toml/plans\"\n");
    assert_eq!(finding(&report, "plans")["health"], "problem");
}
