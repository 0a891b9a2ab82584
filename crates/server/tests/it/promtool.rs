//! Prometheus' own checker: what it accepts, Prometheus takes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The program, where it is on this machine.
pub(crate) struct Promtool(PathBuf);

impl Promtool {
    /// From the PATH or from where `scripts/promtool` puts it; none, with a line that says so, where it is absent.
    pub(crate) fn find() -> Option<Self> {
        static FOUND: LazyLock<Option<PathBuf>> =
            LazyLock::new(|| candidates().into_iter().find(|program| works(program)));
        if let Some(program) = FOUND.clone() {
            return Some(Self(program));
        }
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "promtool is absent");
        println!("skipped: promtool is absent; ./scripts/promtool fetches it");
        None
    }

    /// Runs it in `folder` with `input`, and fails with what it says unless it is content.
    pub(crate) fn accepts(&self, folder: &Path, arguments: &[&str], input: &str) {
        let mut child = Command::new(&self.0)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "promtool {}: {said}", arguments.join(" "));
    }
}

/// Test programs lie in a profile's folder of the target folder, the tools beside that.
fn candidates() -> Vec<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let kept = here.ancestors().skip(1).map(|folder| folder.join("tools/promtool"));
    std::iter::once(PathBuf::from("promtool")).chain(kept).collect()
}

fn works(program: &Path) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success())
}
