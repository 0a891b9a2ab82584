//! When a warm-up runs and when it is skipped, connection by connection, over WebSockets and restarts.

use crate::live::{Live, metric, post, wait_until};
use crate::running::{Running, config};
use crate::support::{Ended, samovar, street};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

/// Between two frames of a camera. Few runs: with a hundred of them, a machine that is busy would look like a model that has become
/// slow, which is a reason for a warm-up too.
const PACE: Duration = Duration::from_millis(50);
const MODES: [&str; 4] = ["fast", "balanced", "accurate", "sota"];

/// The starter segmentation models as modes, each loaded at its first use or at the start, with plans in that folder.
fn modes(folder: &Path, preload: bool) -> String {
    let mut head = format!(
        "[server]\ndrain_delay_ms = 0\n[plans]\nfolder = {:?}\nbackground = false\n[modes.segment]\n",
        folder.join("plans")
    );
    for mode in MODES {
        writeln!(head, "{mode} = \"seg-{mode}\"").unwrap();
    }
    let names = MODES.map(|mode| format!("seg-{mode}"));
    let keys = MODES.map(|mode| {
        let model = street().model.with_file_name(format!("starter-segment-{mode}.onnx"));
        format!("path = {:?}\npreload = {preload}", model.display().to_string())
    });
    let models: Vec<_> = names.iter().map(String::as_str).zip(keys).collect();
    config(&head, &models)
}

/// Warm-ups that ran, and opens that skipped one.
fn counts(server: &Running, mode: &str) -> (u64, u64) {
    let series = |name: &str| metric(server, &format!("{name}{{model=\"seg-{mode}\"}}"));
    (series("samovar_warmup_total"), series("samovar_warmup_skipped_total"))
}

/// A client that comes; whether it found its model warm.
fn connect(server: &Running, mode: &str) -> (Live, bool) {
    let (live, ready) = Live::open(&server.address, &format!("segment?mode={mode}&mask=none"));
    assert_eq!((&ready["mode"], &ready["model"]), (&mode.into(), &format!("seg-{mode}").into()));
    (live, ready["warm"].as_bool().unwrap())
}

/// Lets clients go, until the server knows it.
fn leave<const N: usize>(server: &Running, clients: [Live; N]) {
    drop(clients);
    wait_until("the end of the streams", || metric(server, "samovar_streams") == 0);
}

/// Asks for a mode while frames flow, until frames come in it; gives how many came in the old one meanwhile.
fn switch(live: &mut Live, from: &str, to: &str) -> u64 {
    let picture = std::fs::read(street().picture).unwrap();
    let (mut mode, mut in_old, mut in_new) = (from, 0, 0);
    live.ask(to);
    while in_new < 3 {
        live.frame(&picture);
        loop {
            let event = live.event();
            match event["type"].as_str().unwrap() {
                "mode_changing" => assert_eq!((&event["from"], &event["mode"]), (&from.into(), &to.into())),
                "mode_changed" => mode = to,
                "result" => {
                    assert_eq!((&event["frame"], &event["mode"]), (&(in_old + in_new).into(), &mode.into()));
                    assert_eq!(event["model"], format!("seg-{mode}"));
                    break;
                }
                _ => panic!("{event}"),
            }
        }
        *(if mode == from { &mut in_old } else { &mut in_new }) += 1;
        std::thread::sleep(PACE);
    }
    in_old
}

#[test]
fn a_warm_up_runs_once_and_is_skipped_until_its_reason_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    first_process(folder.path());
    tune(folder.path());
    restarted(folder.path());
    restarted_with_preload(folder.path());
}

/// From the first connection to the reconnect.
fn first_process(folder: &Path) {
    let mut server = Running::configured(&modes(folder, false), &[]);
    server.wait_for("ready: ");
    assert_eq!(MODES.map(|mode| counts(&server, mode)), [(0, 0); 4], "nothing is loaded at start");
    let (one, warm) = connect(&server, "balanced");
    assert_eq!((warm, counts(&server, "balanced")), (false, (1, 0)), "connect 1 warms");
    let (two, warm) = connect(&server, "balanced");
    assert_eq!((warm, counts(&server, "balanced")), (true, (1, 1)), "connect 2 skips");
    leave(&server, [one, two]);
    let (mut three, warm) = connect(&server, "balanced");
    assert_eq!((warm, counts(&server, "balanced")), (true, (1, 2)), "connect 3 skips, when all had left");
    let in_old = switch(&mut three, "balanced", "sota");
    println!("{in_old} frames in the old mode while the next was made ready");
    assert_eq!(counts(&server, "sota"), (1, 0), "the switch warms");
    leave(&server, [three]);
    let (again, warm) = connect(&server, "sota");
    assert_eq!((warm, counts(&server, "sota")), (true, (1, 1)), "the reconnect skips");
    leave(&server, [again]);
    assert_eq!(counts(&server, "balanced"), (1, 2), "and what was left stays warm");
    assert_eq!(["fast", "accurate"].map(|mode| counts(&server, mode)), [(0, 0); 2], "nobody asked for these");
    assert_eq!(planned(&server, "balanced"), ("default".to_owned(), 0, 0));
    server.end();
}

/// Between the processes, plans are measured.
fn tune(folder: &Path) {
    let file = folder.join("samovar.toml");
    std::fs::write(&file, modes(folder, false)).unwrap();
    let mut command = samovar();
    command.args(["tune", "seg-balanced", "seg-sota", "--budget", "1", "--json", "--config"]).arg(file);
    let ended = Ended::from(command.output().unwrap()).without_panic();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

/// By what it was decided how a model runs; stored plans used, and stored plans that did not hold.
fn planned(server: &Running, mode: &str) -> (String, u64, u64) {
    let source = server.model(&format!("seg-{mode}"))["serving"]["plan"]["source"].as_str().unwrap().to_owned();
    let used = metric(server, &format!("samovar_plan_used_total{{model=\"seg-{mode}\",stored=\"true\"}}"));
    (source, used, metric(server, &format!("samovar_plan_mismatch_total{{model=\"seg-{mode}\"}}")))
}

/// Being warm does not outlive a process; the plan does.
fn restarted(folder: &Path) {
    let mut server = Running::configured(&modes(folder, false), &[]);
    server.wait_for("ready: ");
    let (one, warm) = connect(&server, "balanced");
    assert_eq!((warm, counts(&server, "balanced")), (false, (1, 0)), "another process warms anew");
    assert_eq!(planned(&server, "balanced"), ("stored".to_owned(), 1, 0), "its plan is used, and holds");
    drop(one);
    server.end();
}

/// With preloading all is done before the first client: reused, verified and warm before ready. Then force, and clear.
fn restarted_with_preload(folder: &Path) {
    let mut server = Running::configured(&modes(folder, true), &[]);
    server.wait_for("ready: 4 of 4");
    assert!(server.request("GET /health/ready", b"").starts_with("HTTP/1.1 200"));
    assert_eq!(MODES.map(|mode| counts(&server, mode)), [(1, 0); 4], "each is warm before ready");
    for (mode, source, used) in
        [("fast", "default", 0), ("balanced", "stored", 1), ("accurate", "default", 0), ("sota", "stored", 1)]
    {
        assert_eq!(planned(&server, mode), (source.to_owned(), used, 0), "{mode}");
    }
    let (one, warm) = connect(&server, "balanced");
    assert_eq!((warm, counts(&server, "balanced")), (true, (1, 1)), "so the first connection skips");
    let forced = post(&server, "/v1/models/seg-balanced/warm-up", br#"{"force": true}"#);
    assert_eq!((&forced["outcome"], counts(&server, "balanced")), (&"ran".into(), (2, 1)), "force runs");
    let asked = post(&server, "/v1/models/seg-balanced/warm-up", b"");
    assert_eq!((&asked["outcome"], counts(&server, "balanced")), (&"skipped".into(), (2, 2)), "without it, it skips");
    leave(&server, [one]);
    let cleared = post(&server, "/v1/models/clear", b"");
    let absent = |model: &Value| model["state"] == "absent";
    assert!(cleared["data"].as_array().unwrap().iter().all(absent), "{cleared}");
    let (two, warm) = connect(&server, "balanced");
    assert_eq!((warm, counts(&server, "balanced")), (false, (3, 2)), "cleared, it is warmed again");
    assert_eq!(planned(&server, "balanced"), ("stored".to_owned(), 2, 0), "and the plan is still there");
    let (three, warm) = connect(&server, "balanced");
    assert_eq!((warm, counts(&server, "balanced")), (true, (3, 3)));
    assert_eq!(["fast", "accurate", "sota"].map(|mode| counts(&server, mode)), [(1, 0); 3], "it concerns no other");
    leave(&server, [two, three]);
    server.end();
}

#[test]
fn ten_connections_at_once_share_one_warm_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::configured(&modes(folder.path(), false), &[]);
    server.wait_for("ready: ");
    let together = Barrier::new(10);
    let clients: Vec<(Live, bool)> = std::thread::scope(|scope| {
        let one = || {
            together.wait();
            connect(&server, "accurate")
        };
        let threads: Vec<_> = (0..10).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(counts(&server, "accurate"), (1, 9));
    assert_eq!(metric(&server, "samovar_loads_total{model=\"seg-accurate\"}"), 1);
    assert!(clients.iter().any(|(_, warm)| !warm), "somebody had to wait for it");
    drop(clients);
    server.end();
}
