//! `samovar streams`, `samovar ps` and `samovar sources` against a real server that plays files as cameras.

use crate::running::Running;
use crate::support::{Ended, has_ffmpeg, samovar, street};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// A server with the starter's models; `live` is what it is configured with besides, its folder of clips the starter's own.
fn server(live: &str) -> Running {
    let starter = |name: &str| street().model.with_file_name(format!("{name}.onnx")).display().to_string();
    let config = format!(
        "[server]\ndrain_delay_ms = 0\n[plans]\nfolder = \"plans\"\nbackground = false\n\
         [anomaly]\npose = \"pose\"\nsequence = \"movement\"\n{live}\n\
         [models.pose]\nengine = \"rten\"\npath = {:?}\n[models.movement]\nengine = \"rten\"\npath = {:?}\n",
        starter("starter-pose"),
        starter("starter-stg-nf"),
    );
    let mut server = Running::configured(&config, &[]);
    server.wait_for("ready: 2 of 2 models");
    server
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// What the command tells once `is_so` of it; an answer that never comes so is told.
fn wait_until(server: &Running, command: &[&str], is_so: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let told = json(&server.command(command));
        if is_so(&told) {
            return told;
        }
        assert!(Instant::now() < end, "{told:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_configured_source_is_a_stream_that_commands_tell_of() {
    if !has_ffmpeg() {
        return;
    }
    let clip = street().clip;
    let server = server(&format!("[sources.street]\naddress = {clip:?}\nfps_max = 6.0\n"));
    let has_events = |told: &Value| told["data"][0]["figures"]["events"].as_u64() > Some(0);
    let told = wait_until(&server, &["streams", "--json"], has_events);
    let stream = &told["data"][0];
    assert_eq!(
        (&stream["kind"], &stream["source"], &stream["state"]),
        (&"anomaly".into(), &"street".into(), &"live".into())
    );
    let text = server.command(&["streams"]).stdout;
    assert!(text.contains("anomaly  street  pose, movement  live"), "{text}");
    let ps = server.command(&["ps"]).stdout;
    assert!(ps.contains("movement") && ps.contains("rten") && ps.contains("street"), "{ps}");
    let sources = server.command(&["sources", "list"]).stdout;
    assert!(sources.contains("street  anomaly   live") && sources.contains("configuration"), "{sources}");
    let shown = json(&server.command(&["sources", "show", "street"]));
    assert_eq!((&shown["configured"], &shown["stream"]), (&true.into(), &stream["id"]));
    let absent = server.command(&["sources", "show", "yard"]);
    assert!(absent.code == 1 && absent.stderr.starts_with("error["), "{}", absent.stderr);
    server.end();
}

#[test]
fn what_the_configuration_allows_can_be_added_and_removed() {
    if !has_ffmpeg() {
        return;
    }
    let clip = street().clip;
    let root = clip.parent().unwrap();
    let server = server(&format!("[source_additions]\nroots = [{root:?}]\n"));
    assert!(server.command(&["streams"]).stdout.starts_with("no stream is open"));
    assert!(server.command(&["sources", "list"]).stdout.starts_with("the server opens no source"));
    let added = server.command(&["sources", "add", "yard", clip.to_str().unwrap(), "--fps-max", "4"]);
    assert!(added.code == 0 && added.stdout.starts_with("yard: added, "), "{}{}", added.stdout, added.stderr);
    wait_until(&server, &["sources", "show", "yard"], |source| source["figures"]["delivered"].as_u64() > Some(0));
    let refused = server.command(&["sources", "add", "door", "rtsp://127.0.0.1/door"]);
    assert!(refused.code == 1 && refused.stderr.starts_with("error["), "{}", refused.stderr);
    let again = server.command(&["sources", "add", "yard", clip.to_str().unwrap()]);
    assert!(again.code == 1 && again.stderr.starts_with("error["), "{}", again.stderr);
    let removed = server.command(&["sources", "remove", "yard"]);
    assert_eq!((removed.code, removed.stdout.as_str()), (0, "yard: removed\n"), "{}", removed.stderr);
    wait_until(&server, &["streams", "--json"], |told| told["data"].as_array().unwrap().is_empty());
    server.end();
}

#[test]
fn a_source_whose_models_are_not_clear_is_found_by_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let pose = street().model.with_file_name("starter-pose.onnx");
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[sources.door]\naddress = \"rtsp://camera/main\"\n\
         [anomaly]\nsequence = \"one\"\n[models.one]\npath = {pose:?}\n[models.two]\npath = {pose:?}\n"
    );
    std::fs::write(folder.path().join("samovar.toml"), config).unwrap();
    let doctor = Ended::from(samovar().current_dir(folder.path()).args(["doctor", "--json"]).output().unwrap());
    assert!(doctor.stdout.contains("door: several models could be its pose: one, two"), "{}", doctor.stdout);
}

#[test]
fn what_live_streams_need_is_looked_at_by_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let starter = |name: &str| street().model.with_file_name(format!("{name}.onnx")).display().to_string();
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[anomaly]\npose = \"nano\"\nsequence = \"movement\"\n\
         [sources.door]\naddress = \"rtsp://user:secret@camera/main\"\nsinks = [\"room\"]\nevidence = true\n\
         [sources.walk]\naddress = \"walk.mp4\"\n[mqtt]\naddress = \"broker.local:1883\"\n\
         [webhooks.room]\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"absent.key\"\n\
         [evidence]\nfolder = \"kept\"\nbytes_max = \"64MiB\"\n\
         [models.nano]\npath = {:?}\n[models.movement]\npath = {:?}\n",
        starter("starter-detect"),
        starter("starter-stg-nf"),
    );
    std::fs::write(folder.path().join("samovar.toml"), &config).unwrap();
    let doctor = || Ended::from(samovar().current_dir(folder.path()).args(["doctor", "--json"]).output().unwrap());
    let health = |subject: &str| {
        let report: Value = serde_json::from_str(&doctor().stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["subject"] == subject).unwrap().clone();
        (finding["health"].as_str().unwrap().to_owned(), finding["detail"].as_str().unwrap().to_owned())
    };
    let (anomaly, detail) = health("anomaly");
    assert_eq!(anomaly, "problem");
    assert!(detail.ends_with("pose must be yolo-pose, and nano is not"), "{detail}");
    assert_eq!(health("webhook room").0, "problem");
    std::fs::write(folder.path().join("absent.key"), "key\n").unwrap();
    assert_eq!(health("webhook room").0, "ok");
    assert_eq!(health("evidence").0, "ok");
    assert_eq!(health("mqtt"), ("ok".to_owned(), "broker.local:1883, without a password".to_owned()));
    let absent = health("sources");
    assert!(absent.0 == "problem" && absent.1.starts_with("walk: there is no "), "{absent:?}");
    std::fs::write(folder.path().join("walk.mp4"), "").unwrap();
    assert_ne!(health("sources"), absent);
    assert!(!doctor().stdout.contains("secret@"));
    // What serves would fail with is told by serve too.
    std::fs::remove_file(folder.path().join("absent.key")).unwrap();
    let mut serve = samovar();
    let served = Ended::from(serve.current_dir(Path::new(folder.path())).arg("serve").output().unwrap());
    assert!(served.code == 2 && served.stderr.starts_with("error[secret_unreadable]: "), "{}", served.stderr);
}
