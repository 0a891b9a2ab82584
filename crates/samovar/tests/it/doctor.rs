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
fn an_operator_that_the_engine_lacks_is_told_before_the_load() {
    let graph = include_bytes!("../../src/bench/service/identity.onnx");
    let place = tempfile::tempdir().unwrap();
    let at = graph.windows(8).position(|window| window == b"Identity").expect("its one operator");
    let mut strange = graph.to_vec();
    strange[at..at + 8].copy_from_slice(b"Idontity");
    let file = place.path().join("strange.onnx");
    std::fs::write(&file, strange).unwrap();
    let told = |engine: &str| {
        let (_, report) = doctor(&format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[models.a]\npath = {:?}\nfamily = \"tensor\"\nengine = {engine:?}\n",
            file.display().to_string()
        ));
        let model = finding(&report, "model a");
        (model["health"].as_str().unwrap().to_owned(), model["detail"].as_str().unwrap().to_owned())
    };
    let (health, detail) = told("rten");
    assert!(health == "problem" && detail.contains("no operator `Idontity`"), "{detail}");
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

/// A file of the families' own tests.
fn tower(file: &str) -> String {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tests/fixtures");
    std::path::Path::new(fixtures).join(file).canonicalize().unwrap().display().to_string()
}

#[test]
fn towers_that_do_not_belong_together_are_a_problem() {
    let models = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[models.pictures]\npath = {:?}\n[models.captions]\npath = {:?}\n[models.others]\npath = {:?}\n",
        tower("image_text/clip/vision_model.onnx"),
        tower("image_text/clip/text_model.onnx"),
        tower("image_text/siglip/text_model.onnx"),
    );
    let pairs = "[pairs.right]\nimage = \"pictures\"\ntext = \"captions\"\n[pairs.widths]\nimage = \"pictures\"\ntext = \"others\"\n\
        [pairs.sides]\nimage = \"captions\"\n[faces]\ndetector = \"pictures\"\n";
    let (_, report) = doctor(&format!("{models}{pairs}"));
    let detail = |subject: &str| finding(&report, subject)["detail"].as_str().unwrap().to_owned();
    assert_eq!(finding(&report, "pair right")["health"], "ok", "{report}");
    assert!(detail("pair widths").contains("pictures become 20 numbers and texts 16"), "{report}");
    assert!(detail("pair sides").contains("`image` must be a tower for images"), "{report}");
    assert!(detail("faces detector").contains("must be yunet"), "{report}");
}

#[test]
fn a_server_tells_everything_that_can_never_work_before_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare.onnx");
    std::fs::copy(tower("text/bert/model.onnx"), &bare).unwrap();
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\non_preload_failure = \"exit\"\n[models.lost]\npath = \"lost.onnx\"\npreload = false\n\
         [models.bare]\npath = \"bare.onnx\"\nfamily = \"text-embedding\"\n[models.captions]\npath = {:?}\n[pairs.sides]\nimage = \"captions\"\n",
        tower("image_text/clip/text_model.onnx"),
    );
    std::fs::write(folder.path().join("samovar.toml"), config).unwrap();
    let ended = Ended::from(samovar().current_dir(folder.path()).arg("serve").output().unwrap()).without_panic();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for told in
        ["lost: model_file_unreadable: ", "bare: model_contract: ", "tokenizer", "pair sides: models_do_not_fit: "]
    {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("listens on"), "{}", ended.stderr);
}

#[test]
fn keys_certificates_and_the_address_of_grpc_are_looked_at_before_a_server_fails_at_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[server]\nlisten = \"127.0.0.1:0\"\ngrpc_listen = \"127.0.0.1:0\"\nkeys_file = \"keys.toml\"\n\
                  [server.tls]\ncertificate = \"lost.pem\"\nkey = \"lost.key\"\n";
    std::fs::write(folder.path().join("samovar.toml"), config).unwrap();
    std::fs::write(folder.path().join("keys.toml"), "[keys.a]\nsha256 = \"x\"\n").unwrap();
    let look = || {
        let output = samovar().current_dir(folder.path()).args(["doctor", "--json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        ["keys", "certificate", "address of gRPC"].map(|subject| finding(&report, subject)["health"].clone())
    };
    assert_eq!(look(), ["problem", "problem", "ok"]);
    std::fs::write(folder.path().join("keys.toml"), "").unwrap();
    assert_eq!(look(), ["ok", "problem", "ok"]);
}
