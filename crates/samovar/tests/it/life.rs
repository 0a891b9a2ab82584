//! The life of a model on a real server: warm-up, swap, watching, memory, failures at start.

use crate::running::{Running, config};
use crate::support::{Ended, samovar, street};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn starter(name: &str) -> PathBuf {
    street().model.with_file_name(format!("{name}.onnx"))
}

fn path(file: &Path) -> String {
    format!("path = {:?}", file.display().to_string())
}

/// A folder of versions: the detector as 1, the detector with keypoints (whose boxes are found too) as 2.
fn versions() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(&folder, 1, &std::fs::read(starter("starter-detect")).unwrap());
    put(&folder, 2, &std::fs::read(starter("starter-pose")).unwrap());
    folder
}

/// Lays a version down as a careful person does: beside its place, then renamed into it.
fn put(folder: &TempDir, version: u64, content: &[u8]) {
    let unfinished = folder.path().join("unfinished");
    std::fs::create_dir(&unfinished).unwrap();
    std::fs::write(unfinished.join("model.onnx"), content).unwrap();
    std::fs::rename(unfinished, folder.path().join(version.to_string())).unwrap();
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[track_caller]
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what} does not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn warm_is_skipped_and_forced_and_cleared() {
    let mut server = Running::models(&[
        ("nano", path(&starter("starter-detect"))),
        ("fast", path(&starter("starter-segment-fast")) + "\npreload = false"),
    ]);
    server.wait_for("ready: 1 of 1");
    let ended = server.command(&["warm"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("nano: ready, generation 1: rten"), "{}", ended.stdout);
    let skipped = |text: &str| text.matches("it was warm, skipped").count();
    assert_eq!((skipped(&ended.stdout), ended.stdout.matches("\n  warmed").count()), (1, 1), "{}", ended.stdout);
    let metric = |name: &str| {
        let page = server.request("GET /metrics", b"");
        let line = page.lines().find(|line| line.starts_with(&format!("{name}{{model=\"nano\"}}"))).unwrap().to_owned();
        line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    assert_eq!((metric("samovar_warmup_total"), metric("samovar_warmup_skipped_total")), (1, 1));
    let forced = server.command(&["warm", "nano", "--force"]);
    assert!(forced.stdout.contains("\n  warmed"), "{}", forced.stdout);
    assert_eq!((metric("samovar_warmup_total"), metric("samovar_warmup_skipped_total")), (2, 1));
    let cleared = server.command(&["models", "clear"]);
    assert_eq!(cleared.stdout, "fast: absent\nnano: absent\n", "{}", cleared.stderr);
    let again = json(&server.command(&["warm", "nano", "--json"]));
    assert_eq!(again["models"][0]["serving"]["generation"], 2, "{again}");
    assert_eq!(metric("samovar_warmup_total"), 3);
    server.end();
}

#[test]
fn models_are_loaded_and_unloaded_and_what_is_wrong_is_told() {
    let mut server = Running::models(&[("nano", path(&starter("starter-detect")))]);
    server.wait_for("ready: 1 of 1");
    assert_eq!(server.command(&["models", "unload", "nano"]).stdout, "nano: absent\n  unloaded\n");
    let loaded = json(&server.command(&["models", "load", "nano", "--json"]));
    assert_eq!(
        (&loaded["models"][0]["state"], &loaded["models"][0]["serving"]["generation"]),
        (&"ready".into(), &2.into())
    );
    let unknown = server.command(&["models", "load", "naon"]);
    assert!(unknown.code == 1 && unknown.stderr.starts_with("error[model_not_found]: "), "{}", unknown.stderr);
    let some = server.command(&["models", "load", "naon", "nano"]);
    assert_eq!(some.code, 3, "{}", some.stderr);
    assert!(some.stdout.starts_with("nano: ready") && some.stderr.starts_with("naon: error["), "{}", some.stderr);
    let one_file = server.command(&["models", "swap", "nano", "--version", "3"]);
    assert!(one_file.code == 1 && one_file.stderr.contains("cure: "), "{}", one_file.stderr);
    server.end();
}

#[test]
fn without_a_server_that_is_told() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = Ended::from(samovar().args(["warm", "--url", &format!("http://{free}")]).output().unwrap());
    assert!(ended.without_panic().stderr.starts_with("error[server_unreachable]: no server can be reached at http://"));
    let ended = Ended::from(samovar().args(["models", "clear", "--url", "localhost:80"]).output().unwrap());
    assert!(ended.code == 2 && ended.stderr.starts_with("error[url_invalid]: "), "{}", ended.stderr);
}

#[test]
fn versions_are_swapped_and_a_corrupt_one_changes_nothing() {
    let folder = versions();
    let mut server = Running::models(&[("person", path(folder.path()))]);
    assert!(server.wait_for("person: ").contains("version 2"));
    let serving = || {
        let model = server.model("person");
        (model["serving"]["version"].as_u64().unwrap(), model["serving"]["generation"].as_u64().unwrap())
    };
    assert_eq!(serving(), (2, 1));
    let back = server.command(&["models", "swap", "person", "--version", "1"]);
    assert!(back.stdout.starts_with("person: ready, version 1, generation 2: "), "{}{}", back.stdout, back.stderr);
    assert!(back.stdout.ends_with("took the place of version 2, generation 1\n"), "{}", back.stdout);
    put(&folder, 3, b"this is no model");
    let corrupt = server.command(&["models", "swap", "person", "--version", "3"]);
    assert!(corrupt.code == 1 && corrupt.stderr.starts_with("error[model_file_damaged]: "), "{}", corrupt.stderr);
    let absent = server.command(&["models", "swap", "person", "--version", "9"]);
    assert!(
        absent.code == 1 && absent.stderr.starts_with("error[version_not_found]: there is no version 9; there are: "),
        "{}",
        absent.stderr
    );
    assert_eq!(serving(), (1, 2), "neither changed anything");
    let reload = server.command(&["models", "reload", "person"]);
    assert!(reload.stdout.starts_with("person: ready, version 1, generation "), "{}{}", reload.stdout, reload.stderr);
    std::fs::remove_dir_all(folder.path().join("3")).unwrap();
    let newest = server.command(&["models", "swap", "person"]);
    assert!(newest.stdout.starts_with("person: ready, version 2, generation "), "{}{}", newest.stdout, newest.stderr);
    server.end();
}

#[test]
fn at_start_an_older_version_serves_where_the_newest_is_damaged() {
    let folder = versions();
    put(&folder, 3, b"this is no model");
    let keys = path(folder.path());
    let mut server = Running::models(&[
        ("person", keys.clone()),
        ("strict", format!("{keys}\nversions_keep = 1")),
        ("first", format!("{keys}\nversions = 1")),
    ]);
    server.wait_for("not ready: 2 of 3");
    assert_eq!(server.model("person")["serving"]["version"], 2);
    assert_eq!(server.model("first")["serving"]["version"], 1);
    assert_eq!(server.model("strict")["failure"]["code"], "model_file_damaged");
    server.end();
}

#[test]
fn a_watched_folder_brings_its_newest_version_by_itself() {
    let folder = versions();
    let mut server = Running::models(&[("person", path(folder.path()) + "\nwatch = true")]);
    server.wait_for("ready: 1 of 1");
    put(&folder, 7, &std::fs::read(starter("starter-detect")).unwrap());
    wait_until("the swap to version 7", || server.model("person")["serving"]["version"] == 7);
    put(&folder, 8, b"this is no model");
    server.wait_for("person");
    assert_eq!(server.model("person")["serving"]["version"], 7);
    server.end();
}

#[test]
fn the_server_ends_where_a_failed_preload_is_to_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("samovar.toml");
    let broken = [("good", path(&starter("starter-detect"))), ("broken", path(&street().picture))];
    let head = "[server]\nlisten = \"127.0.0.1:0\"\non_preload_failure = \"exit\"\n[plans]\nbackground = false\nfolder = \"plans\"\n";
    std::fs::write(&file, config(head, &broken)).unwrap();
    let ended = Ended::from(samovar().args(["serve", "--config"]).arg(&file).output().unwrap()).without_panic();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("error[preload_failed]:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("\nbroken: model_file_damaged: "), "{}", ended.stderr);
}

#[test]
fn a_lazy_server_is_ready_and_tries_again_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let late = folder.path().join("late.onnx");
    let head = "[server]\non_preload_failure = \"lazy\"\n[plans]\nbackground = false\nfolder = \"plans\"\n";
    let mut server = Running::configured(&config(head, &[("late", path(&late))]), &[]);
    server.wait_for("ready, and what failed is tried again at its first use: 0 of 1");
    assert!(server.request("GET /health/ready", b"").starts_with("HTTP/1.1 200"));
    std::fs::copy(starter("starter-detect"), &late).unwrap();
    let picture = std::fs::read(street().picture).unwrap();
    wait_until("an answer", || server.request("POST /v1/detect", &picture).starts_with("HTTP/1.1 200"));
    server.end();
}

#[test]
fn what_cannot_fit_is_refused_with_figures() {
    let head = "[memory]\nlimit = \"30MiB\"\n[plans]\nbackground = false\nfolder = \"plans\"\n";
    let models = [
        ("pinned", path(&starter("starter-detect")) + "\npinned = true"),
        ("second", path(&starter("starter-pose")) + "\npreload = false"),
        ("third", path(&starter("starter-segment-sota")) + "\npreload = false"),
    ];
    let mut server = Running::configured(&config(head, &models), &[]);
    server.wait_for("ready: 1 of 1");
    let outcomes = ["second", "third"].map(|name| server.command(&["models", "load", name]));
    let refused = outcomes.iter().find(|ended| ended.code != 0).expect("three do not fit into 30 MiB");
    assert!(refused.code == 1 && refused.stderr.starts_with("error[memory_limit]: "), "{}", refused.stderr);
    assert!(refused.stderr.contains("MiB") && refused.stderr.contains("cure: "), "{}", refused.stderr);
    assert_eq!(server.model("pinned")["state"], "ready", "it is never given up");
    server.end();
}

#[test]
fn an_idle_model_goes_and_comes_back() {
    let mut server = Running::models(&[("nano", path(&starter("starter-detect")) + "\nidle_ttl_s = 1")]);
    server.wait_for("ready: 1 of 1");
    wait_until("the end of its idle time", || server.model("nano")["state"] == "absent");
    let picture = std::fs::read(street().picture).unwrap();
    wait_until("an answer", || server.request("POST /v1/detect", &picture).starts_with("HTTP/1.1 200"));
    server.end();
}

#[test]
fn the_starter_set_segments_in_four_modes() {
    let models = street().model.parent().unwrap().display().to_string();
    let starter = std::fs::read_to_string(Path::new(&models).with_file_name("samovar.toml")).unwrap();
    let starter = starter.replace("\"models/", &format!("\"{models}/"));
    let plans = "[plans]\nbackground = false\nfolder = \"plans\"\n";
    let mut server = Running::configured(&format!("{plans}{starter}"), &[]);
    server.wait_for("ready: 3 of 3");
    let picture = std::fs::read(street().picture).unwrap();
    for mode in ["fast", "balanced", "accurate", "sota"] {
        let answer = server.request(&format!("POST /v1/segment?mode={mode}"), &picture);
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(
            (&body["mode"], &body["model"]),
            (&mode.into(), &format!("starter-segment-{mode}").into()),
            "{answer:.400}"
        );
    }
    server.end();
}
