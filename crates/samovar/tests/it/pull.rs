//! `samovar models pull` and the names that it makes usable, against a server on this machine that speaks the Hub's protocol.

use crate::hub_server::{COMMIT, HubServer, ServedFile, Wrong};
use crate::support::{Ended, samovar};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FILE: &str = "org/name/main/onnx/model.onnx";

struct Here {
    server: HubServer,
    folder: tempfile::TempDir,
}

impl Here {
    /// A server with one file, and an empty `HF_HOME`.
    fn with(content: Vec<u8>) -> Self {
        let server = HubServer::start();
        server.put(FILE, ServedFile::large(content));
        Self { server, folder: tempfile::tempdir().unwrap() }
    }

    fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = samovar();
        for name in ["HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN_PATH", "SSL_CERT_FILE"] {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(arguments);
        command.env("HF_ENDPOINT", self.server.endpoint()).env("HF_HOME", self.folder.path().join("hf"));
        command.env("SAMOVAR_HOME", self.folder.path().join("samovar"));
        command
    }

    fn run<const N: usize>(&self, arguments: [&str; N]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap()).without_panic()
    }

    /// A file of a model repository in the cache.
    fn cached(&self, repo: &str, file: &str) -> PathBuf {
        self.folder.path().join("hf/hub").join(repo).join("snapshots").join(COMMIT).join(file)
    }
}

#[test]
fn a_file_is_pulled_into_an_empty_home_and_found_there_again() {
    let here = Here::with(vec![7; 100_000]);
    let path = here.cached("models--org--name", "onnx/model.onnx");
    let ended = here.run(["models", "pull", "org/name", "--file", "onnx/model.onnx"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().next(), path.to_str());
    assert!(ended.stderr.starts_with("fetching onnx/model.onnx (0.1 MB)\n"), "{}", ended.stderr);
    assert_eq!(std::fs::read(&path).unwrap(), vec![7; 100_000]);

    let again = here.run(["models", "pull", "org/name:onnx/model.onnx"]);
    assert_eq!((again.code, again.stdout), (0, ended.stdout));
    assert!(again.stderr.contains("already here"), "{}", again.stderr);
    let offline = here.command(["models", "pull", "org/name:onnx/model.onnx"]).env("HF_HUB_OFFLINE", "1").output();
    assert_eq!(Ended::from(offline.unwrap()).code, 0);
    assert_eq!(here.server.served_bytes(), 100_000);
    let ships = here.run(["models", "pull", "starter-detect"]);
    assert_eq!(
        (ships.code, ships.stderr.as_str()),
        (0, "starter-detect ships with Samovar; there is nothing to pull\n")
    );
}

#[test]
fn a_program_is_told_what_happens_line_by_line() {
    let here = Here::with(vec![7; 300_000]);
    here.server.wrong([Wrong::Drop(200_000)]);
    let ended = here.run(["models", "pull", "org/name:onnx/model.onnx", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    let lines = ended.lines();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).cloned().collect::<Vec<Value>>();
    let begins: Vec<_> = of("begin").iter().map(|line| line["kept_bytes"].as_u64()).collect();
    assert_eq!(begins, [Some(0), Some(200_000)]);
    assert_eq!((of("retry").len(), of("checking").len()), (1, 1));
    assert_eq!(of("file")[0]["fetched_bytes"], 300_000);
    let last = lines.last().unwrap();
    assert_eq!((last["event"].as_str(), last["name"].as_str()), (Some("model"), Some("org/name:onnx/model.onnx")));
    assert_eq!(last["path"], here.cached("models--org--name", "onnx/model.onnx").to_str().unwrap());
    assert_eq!(here.server.served_bytes(), 300_000, "no byte came twice");
}

#[test]
fn what_cannot_be_had_is_told_with_its_cure() {
    let here = Here::with(vec![7; 1_000]);
    here.server.put("org/gated/main/a.onnx", ServedFile { is_gated: true, ..ServedFile::large(vec![1; 10]) });
    here.server.put("org/turned/main/a.onnx", ServedFile::large(vec![1; 10]));
    here.server.wrong([Wrong::Turned]);
    for (name, code, cure) in [
        ("org/turned:a.onnx", "wrong_hash", "run the command again"),
        ("org/name:absent.onnx", "hub_not_found", "look at the repository's page"),
        ("org/gated:a.onnx", "hub_access_denied", "set HF_TOKEN"),
    ] {
        let ended = here.run(["models", "pull", name]);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{name}");
        assert!(ended.stderr.contains(&format!("error[{code}]: ")) && ended.stderr.contains(cure), "{}", ended.stderr);
    }
    let offline = here.command(["models", "pull", "org/name:onnx/model.onnx"]).env("HF_HUB_OFFLINE", "1").output();
    let offline = Ended::from(offline.unwrap());
    assert!(offline.code == 1 && offline.stderr.starts_with("error[hub_offline]: "), "{}", offline.stderr);
    for name in ["org/name:../../x", "../x/y", "nothing-like-it"] {
        assert_eq!(here.run(["models", "pull", name]).code, 2, "{name}");
    }
}

#[test]
fn the_token_opens_what_is_gated_and_is_shown_nowhere() {
    let here = Here::with(vec![]);
    here.server.put(FILE, ServedFile { is_gated: true, ..ServedFile::large(vec![7; 1_000]) });
    let mut command = here.command(["models", "pull", "org/name:onnx/model.onnx", "--log", "trace"]);
    let ended = Ended::from(command.env("HF_TOKEN", "hf_verysecret").output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("verysecret") && !ended.stdout.contains("verysecret"), "{}", ended.stderr);
    let told: Vec<_> = here
        .server
        .seen()
        .into_iter()
        .map(|seen| (seen.is_store, seen.headers.contains_key("authorization")))
        .collect();
    assert_eq!(told, [(false, true), (true, false)]);
}

#[test]
fn of_a_repository_its_only_model_is_taken_and_of_many_one_must_be_named() {
    let here = Here::with(vec![7; 1_000]);
    here.server.put("org/name/main/config.json", ServedFile::large(vec![1]));
    assert_eq!(here.run(["models", "pull", "org/name"]).code, 0);
    assert_eq!(here.run(["models", "pull", "org/name", "--list"]).stdout, "config.json\nonnx/model.onnx\n");
    here.server.put("org/name/main/onnx/model_fp16.onnx", ServedFile::large(vec![8; 1_000]));
    let ended = here.run(["models", "pull", "org/name"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("error[file_required]") && ended.stderr.contains("--file onnx/model_fp16.onnx"),
        "{}",
        ended.stderr
    );
}

#[test]
fn ctrl_c_leaves_what_has_arrived_for_the_next_time() {
    let here = Here::with(vec![7; 300_000]);
    here.server.wrong([Wrong::Stall(100_000)]);
    let mut child =
        here.command(["models", "pull", "org/name:onnx/model.onnx"]).stderr(Stdio::piped()).spawn().unwrap();
    let partial = here.folder.path().join("hf/hub/models--org--name/blobs");
    wait_until(&mut child, || partial_bytes(&partial) == 100_000);
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = Ended::from(child.wait_with_output().unwrap()).without_panic();
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with("what has arrived is kept, and the same command goes on from there\n"),
        "{}",
        ended.stderr
    );
    let again = here.run(["models", "pull", "org/name:onnx/model.onnx"]);
    assert_eq!((again.code, here.server.served_bytes()), (0, 300_000), "{}", again.stderr);
}

#[test]
fn a_name_of_the_catalogue_stands_for_its_file_everywhere() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/models/starter-detect.onnx");
    let here = Here::with(vec![]);
    here.server.put("hr16/yolox-onnx/main/yolox_nano.onnx", ServedFile::large(std::fs::read(model).unwrap()));
    let before = here.run(["models", "show", "yolox-nano"]);
    assert_eq!(before.code, 1);
    assert!(
        before.stderr.contains("error[model_not_pulled]")
            && before.stderr.contains("cure: samovar models pull yolox-nano")
    );

    let pulled = here.run(["models", "pull", "yolox-nano"]);
    assert_eq!(pulled.code, 0, "{}", pulled.stderr);
    assert!(pulled.stdout.contains("samovar run detect PICTURE --model yolox-nano\n"), "{}", pulled.stdout);
    let path = here.cached("models--hr16--yolox-onnx", "yolox_nano.onnx");
    let shown: Value = serde_json::from_str(&here.run(["models", "show", "yolox-nano", "--json"]).stdout).unwrap();
    assert_eq!(shown["path"], path.to_str().unwrap());

    std::fs::write(here.folder.path().join("samovar.toml"), "[models.person]\npath = \"yolox-nano\"\n").unwrap();
    let listed: Value = serde_json::from_str(&here.run(["models", "--json"]).stdout).unwrap();
    assert_eq!(listed["models"][0]["path"], path.to_str().unwrap());
    let all: Value = serde_json::from_str(&here.run(["models", "list", "--json"]).stdout).unwrap();
    let here_now =
        |name: &str| all["models"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()["here"].clone();
    assert_eq!(
        (here_now("yolox-nano"), here_now("yolox-s"), here_now("starter-detect")),
        (true.into(), false.into(), true.into())
    );
}

#[test]
fn another_content_than_the_catalogue_pins_is_not_even_fetched() {
    let here = Here::with(vec![]);
    let revision = "9e0af089be9c2f172e4fd9b724805f8b6514854e";
    here.server.put(&format!("Kalray/yolov8/{revision}/yolov8n.onnx"), ServedFile::large(vec![7; 1_000]));
    let ended = here.run(["models", "pull", "yolov8n"]);
    assert_eq!((ended.code, here.server.gets().len()), (1, 0));
    assert!(ended.stderr.starts_with("error[wrong_hash]: "), "{}", ended.stderr);
}

fn partial_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}

fn wait_until(child: &mut Child, done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        assert!(begin.elapsed() < Duration::from_secs(10), "it takes too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}
