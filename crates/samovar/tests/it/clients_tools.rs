//! What `scripts/clients` installs, and how a client is run with it: as a process with a time limit, whose words are shown when it fails.

use crate::running::Running;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Python and Node with the published clients.
pub struct Tools {
    folder: PathBuf,
}

/// No client has that much to do; one that hangs ends.
const LIMIT: Duration = Duration::from_secs(240);

impl Tools {
    /// Where `scripts/clients` puts them; none, with a line that says so, where they are absent.
    pub fn find() -> Option<Self> {
        let program = Path::new(env!("CARGO_BIN_EXE_samovar"));
        let kept = program.ancestors().skip(1).map(|folder| folder.join("tools/clients"));
        let whole =
            |folder: &PathBuf| ["python", "javascript"].iter().all(|kind| folder.join(kind).join("installed").exists());
        let found = kept.into_iter().find(whole);
        if found.is_none() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the clients are absent, and CI needs them");
            println!("skipped: the published clients are absent; ./scripts/clients installs them");
        }
        found.map(|folder| Self { folder })
    }

    /// Runs a program of `clients/examples` against that server.
    #[track_caller]
    pub fn runs(&self, example: &str, server: &Running, arguments: &[&str]) {
        let mut command = if example.starts_with("python/") { self.python() } else { self.node() };
        command.arg(repository().join("clients/examples").join(example));
        command.arg(format!("http://{}", server.address)).args(arguments);
        succeeds(example, command);
    }

    /// Runs a Python module in the folder of `samovar-client`.
    #[track_caller]
    pub fn python_module(&self, module: &str, arguments: &[&str]) {
        let mut command = self.python();
        command.current_dir(repository().join("clients/python")).args(["-m", module]).args(arguments);
        succeeds(module, command);
    }

    fn python(&self) -> Command {
        let mut command = Command::new(self.folder.join("python/bin/python"));
        command.env("PYTHONPATH", repository().join("clients/python/src")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("SAMOVAR_BIN", env!("CARGO_BIN_EXE_samovar"));
        local(command)
    }

    fn node(&self) -> Command {
        let mut command = Command::new(self.folder.join("javascript/bin/node"));
        command.env("NODE_PATH", self.folder.join("javascript/node_modules"));
        local(command)
    }
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("this package lies in it")
}

/// As on a machine where nobody has set anything up.
fn local(mut command: Command) -> Command {
    for name in ["SAMOVAR_CONFIG", "SAMOVAR_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "RUST_LOG"] {
        command.env_remove(name);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        command.env(name, "127.0.0.1,localhost");
    }
    command.current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

#[track_caller]
fn succeeds(name: &str, mut command: Command) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("said");
    let said = File::create(&path).unwrap();
    let mut child = command.stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
    let deadline = Instant::now() + LIMIT;
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => break None,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let said = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    assert!(ended.is_some_and(|status| status.success()), "{name}: {ended:?}\n{said}");
    println!("{name}:\n{said}");
}
