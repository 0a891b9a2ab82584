//! `samovar tune` and `samovar plan`, and what a server makes of what they keep.

use crate::running::{Running, config};
use crate::support::{Ended, samovar, street};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a configuration of one small model on the built-in engine, and its plans.
struct Here {
    folder: TempDir,
    config: String,
}

impl Here {
    fn new(plans: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = street().model.with_file_name("starter-segment-fast.onnx");
        let head =
            format!("[server]\ndrain_delay_ms = 0\n[plans]\nfolder = {:?}\n{plans}\n", folder.path().join("plans"));
        let config = config(&head, &[("fast", format!("path = {:?}", model.display().to_string()))]);
        std::fs::write(folder.path().join("samovar.toml"), &config).unwrap();
        Self { folder, config }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(samovar().current_dir(&self.folder).args(arguments).output().unwrap()).without_panic()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// How a server of this configuration decided how its model runs.
    fn served_by(&self) -> String {
        let mut server = Running::configured(&self.config, &[]);
        server.wait_for("ready: 1 of 1");
        let source = server.model("fast")["serving"]["plan"]["source"].as_str().unwrap().to_owned();
        server.end();
        source
    }

    fn files(&self, part: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("plans").join(part));
        entries.map_or_else(|_| Vec::new(), |entries| entries.map(|entry| entry.unwrap().path()).collect())
    }
}

#[test]
fn what_was_measured_is_kept_told_used_and_forgotten() {
    let here = Here::new("background = false");
    assert_eq!(here.served_by(), "default");
    let tuned = here.json(&["tune", "--budget", "2", "--json"]);
    let plan = &tuned["plans"][0];
    assert_eq!(
        (&plan["model"], &plan["engine"], &plan["measured_now"]),
        (&"fast".into(), &"rten".into(), &true.into())
    );
    assert!(plan["rows_per_s"].as_f64().unwrap() > 0.0 && !plan["why"].as_str().unwrap().is_empty(), "{plan}");
    let tried = plan["tried"].as_array().unwrap();
    assert_eq!(tried.iter().filter(|one| one["chosen"] == true).count(), 1, "{plan}");
    let shown = here.run(&["plan", "show", "fast"]);
    assert!(shown.stdout.starts_with("fast: rten ") && shown.stdout.contains("chosen"), "{}", shown.stdout);
    assert_eq!(here.json(&["plan", "show", "--json"])["plans"][0]["key"], plan["key"]);
    let listed = here.json(&["models", "--json"]);
    assert!(listed["models"][0]["plan"].as_str().unwrap().starts_with("rten f32, "), "{listed}");
    let again = here.json(&["tune", "--json"]);
    assert_eq!((&again["plans"][0]["measured_now"], &again["plans"][0]["key"]), (&false.into(), &plan["key"]));
    assert_eq!(here.served_by(), "stored");
    assert_eq!(here.run(&["plan", "clear", "fast"]).stdout, "1 plan removed\n");
    assert_eq!((here.files("plans").len(), here.files("compiled").len()), (0, 0));
    assert_eq!(here.served_by(), "default");
}

#[test]
fn a_damaged_plan_is_none_and_is_measured_again() {
    let here = Here::new("background = false");
    here.json(&["tune", "--budget", "1", "--json"]);
    let [file] = here.files("plans").try_into().unwrap();
    damage(&file);
    assert!(here.run(&["plan", "show"]).stdout.starts_with("no plans are kept in "));
    assert_eq!(here.served_by(), "default");
    let tuned = here.json(&["tune", "--budget", "1", "--json"]);
    assert_eq!(tuned["plans"][0]["measured_now"], true);
    assert_eq!(here.served_by(), "stored");
    damage(&file);
    assert_eq!(here.run(&["plan", "clear"]).code, 0);
    assert_eq!(here.files("plans"), Vec::<PathBuf>::new(), "what cannot be read goes too");
}

fn damage(file: &Path) {
    let text = std::fs::read(file).unwrap();
    std::fs::write(file, &text[..text.len() / 2]).unwrap();
}

#[test]
fn a_server_measures_by_itself_when_nothing_else_is_to_be_done() {
    let here = Here::new("background = true\nbudget_s = 1");
    let mut server = Running::configured(&here.config, &["--log", "info"]);
    server.wait_for("the model was measured");
    server.end();
    assert_eq!(here.served_by(), "stored");
}

#[test]
fn what_is_not_there_is_told() {
    let here = Here::new("background = false");
    let absent = here.run(&["plan", "show", "fast"]);
    assert_eq!(absent.code, 1);
    assert_eq!(
        absent.stderr,
        "error[plan_not_found]: no plan is kept for a model called `fast`\n  cure: samovar tune fast\n"
    );
    let unknown = here.run(&["tune", "fsat"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("did you mean `fast`"), "{}", unknown.stderr);
    let nothing = Ended::from(samovar().arg("tune").output().unwrap());
    assert!(nothing.code == 2 && nothing.stderr.starts_with("error[no_model]: "), "{}", nothing.stderr);
}

#[test]
fn nothing_is_measured_that_cannot_be_kept() {
    let here = Here::new("background = false");
    std::fs::write(here.folder.path().join("plans"), "").unwrap();
    let refused = here.run(&["tune", "--budget", "1"]);
    let begin = format!("error[plans_unwritable]: plans cannot be kept in {}", here.folder.path().display());
    assert!(refused.code == 1 && refused.stderr.starts_with(&begin), "{}", refused.stderr);
    assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    let report: Value = serde_json::from_str(&here.run(&["doctor", "--json"]).stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let plans = findings.iter().find(|finding| finding["subject"] == "plans").unwrap();
    assert_eq!(plans["health"], "problem");
    assert_eq!(plans["cure"], "set `folder` in `[plans]` to one that can be written");
}
