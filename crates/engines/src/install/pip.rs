//! Fetches a pinned wheel with `python3 -m pip download`: the user's own index, proxy and certificate settings then hold here too.

use super::error::{InstallError, InstallErrorKind};
use super::package::{Package, Wheel};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A wheel has up to 70 MB; slower than this the network is of no use.
const DOWNLOAD_MAX: Duration = Duration::from_secs(20 * 60);

const POLL: Duration = Duration::from_millis(100);

/// Words of pip's errors that say that the disk is full.
const DISK_FULL: &str = "No space left on device";

/// Downloads the wheel of `package` into `folder`, which is empty, and gives its path.
pub(super) fn download(package: &Package, wheel: &Wheel, folder: &Path) -> Result<PathBuf, InstallError> {
    let mut command = Command::new("python3");
    command.args([
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--quiet",
        "--progress-bar=off",
    ]);
    command.args(["--no-deps", "--only-binary=:all:", "--implementation=cp", "--python-version=3.11"]);
    command.args(["--platform", wheel.platform, "--dest"]).arg(folder);
    command.arg(format!("{}=={}", package.pip_name, package.version));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        InstallError::new(
            InstallErrorKind::NoPython,
            format!("python3, which fetches the package, cannot be started: {error}"),
        )
    })?;
    let told = read_errors(&mut child)?;
    let succeeded = wait(&mut child)?;
    let told = told.join().unwrap_or_default();
    if succeeded { only_file(folder) } else { Err(failure(package, &told)) }
}

/// Reads on a thread of its own, which ends with the child: a full pipe would stop pip.
fn read_errors(child: &mut Child) -> Result<std::thread::JoinHandle<String>, InstallError> {
    let stderr = child.stderr.take();
    let read = move || {
        let mut bytes = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(64 << 10).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    std::thread::Builder::new()
        .name("pip-errors".to_owned())
        .spawn(read)
        .map_err(|error| InstallError::files("starting a thread", &error))
}

fn wait(child: &mut Child) -> Result<bool, InstallError> {
    let begin = Instant::now();
    loop {
        match child.try_wait().map_err(|error| InstallError::files("waiting for pip", &error))? {
            Some(status) => return Ok(status.success()),
            None if begin.elapsed() > DOWNLOAD_MAX => {
                // Both may only fail because the child has just ended.
                let _ = (child.kill(), child.wait());
                return Err(InstallError::new(InstallErrorKind::Download, "pip did not end within 20 minutes"));
            }
            None => std::thread::sleep(POLL),
        }
    }
}

fn failure(package: &Package, told: &str) -> InstallError {
    let last = told.lines().rfind(|line| line.contains("ERROR") || line.contains("Error")).or(told.lines().last());
    let last = last.unwrap_or("it said nothing").trim();
    if told.contains("No module named pip") {
        return InstallError::new(InstallErrorKind::NoPip, "python3 has no pip");
    }
    let kind = if told.contains(DISK_FULL) { InstallErrorKind::DiskFull } else { InstallErrorKind::Download };
    InstallError::new(kind, format!("pip could not fetch {} {}: {last}", package.pip_name, package.version))
}

fn only_file(folder: &Path) -> Result<PathBuf, InstallError> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| InstallError::files("reading the download folder", &error))?;
    let mut wheels = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "whl"));
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => Err(InstallError::new(InstallErrorKind::Download, "pip did not leave exactly one wheel")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::package;

    #[test]
    fn what_pip_says_becomes_a_kind() {
        let kind = |told: &str| failure(package("openvino").unwrap(), told).kind();
        assert_eq!(kind("/usr/bin/python3: No module named pip"), InstallErrorKind::NoPip);
        assert_eq!(kind("WARNING: Retrying\nERROR: No matching distribution found"), InstallErrorKind::Download);
        assert_eq!(kind("ERROR: Could not install: [Errno 28] No space left on device"), InstallErrorKind::DiskFull);
    }
}
