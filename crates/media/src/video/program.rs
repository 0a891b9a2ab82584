//! Finds the `ffmpeg` program and tells its version. It is looked for in `SAMOVAR_FFMPEG`, in the folder where
//! `samovar engine install ffmpeg` puts it, then on `PATH`. Nothing is installed from here.

use crate::{MediaError, MediaErrorKind};
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for the program to tell about itself.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Most of an answer that is read; the list of encoders takes some 20 KiB.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// An `ffmpeg` program that has told its version. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FfmpegProgram {
    facts: Arc<Facts>,
}

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    path: PathBuf,
    version: String,
    has_x264: bool,
}

impl FfmpegProgram {
    /// Finds the program where this process's environment says.
    ///
    /// # Errors
    /// `DecoderMissing`, with the cure, where there is none or none that answers.
    pub fn find() -> Result<Self, MediaError> {
        Self::find_with(|name| std::env::var_os(name))
    }

    /// Finds the program where the variables that `variable` tells say.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_with(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, MediaError> {
        if let Some(named) = variable("SAMOVAR_FFMPEG").filter(|value| !value.is_empty()) {
            return Self::at(Path::new(&named));
        }
        let path = candidates(&variable).into_iter().find(|path| is_program(path)).ok_or_else(|| {
            missing("video needs the ffmpeg program, which is not on this machine; run `samovar engine install ffmpeg`")
        })?;
        Self::at(&path)
    }

    /// The program at `path`.
    ///
    /// # Errors
    /// `DecoderMissing` where it cannot be run or does not answer as ffmpeg does.
    pub fn at(path: &Path) -> Result<Self, MediaError> {
        // Links are followed once, here: the sandbox grants the true place.
        let path = path.canonicalize().map_err(|_| does_not_answer())?;
        let version = parse_version(&ask(&path, "-version")?).ok_or_else(does_not_answer)?;
        let has_x264 = ask(&path, "-encoders")?.contains(" libx264 ");
        Ok(Self { facts: Arc::new(Facts { path, version, has_x264 }) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.facts.path
    }

    /// Its version as it tells it, such as `5.1.9-0+deb12u1`.
    pub fn version(&self) -> &str {
        &self.facts.version
    }

    /// Whether it can write H.264.
    pub fn has_x264(&self) -> bool {
        self.facts.has_x264
    }
}

/// Places to look in, in order, after `SAMOVAR_FFMPEG`.
fn candidates(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    let home = set("SAMOVAR_HOME").or_else(|| data.map(|data| data.join("samovar")));
    let path = variable("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("ffmpeg"));
    home.map(|home| home.join("bin/ffmpeg")).into_iter().chain(on_path).collect()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// What the program prints when asked; it is killed where it takes too long.
fn ask(path: &Path, question: &str) -> Result<String, MediaError> {
    let mut child = Command::new(path)
        .args(["-hide_banner", question])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| does_not_answer())?;
    let output = child.stdout.take().expect("it was asked for");
    let (sender, answer) = std::sync::mpsc::sync_channel(1);
    let reader = std::thread::Builder::new().name("ffmpeg-answer".into()).spawn(move || {
        let mut text = Vec::new();
        let _ = output.take(ANSWER_BYTES_MAX).read_to_end(&mut text);
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    let asked_at = Instant::now();
    let text = answer.recv_timeout(ANSWER_LIMIT);
    // Killed whether it answered or not: the answer is read to its end or to the limit, nothing else is wanted.
    let _ = child.kill();
    let _ = child.wait();
    tracing::debug!(elapsed_ms = asked_at.elapsed().as_millis(), "ffmpeg told about itself");
    reader.ok().and_then(|_| text.ok()).ok_or_else(does_not_answer)
}

/// The word after `ffmpeg version`.
fn parse_version(answer: &str) -> Option<String> {
    let version = answer.strip_prefix("ffmpeg version ")?.split_whitespace().next()?;
    Some(version.chars().filter(char::is_ascii_graphic).take(64).collect())
}

fn does_not_answer() -> MediaError {
    missing(
        "the ffmpeg program that was found does not answer; set SAMOVAR_FFMPEG or run `samovar engine install ffmpeg`",
    )
}

fn missing(message: &str) -> MediaError {
    MediaError::new(MediaErrorKind::DecoderMissing, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_and_static_builds_are_told() {
        let version = |text| parse_version(text).unwrap();
        assert_eq!(version("ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026"), "5.1.9-0+deb12u1");
        assert_eq!(version("ffmpeg version n9.0.2-17-g2a571b6068 Copyright"), "n9.0.2-17-g2a571b6068");
        assert_eq!(parse_version("hello"), None);
    }

    #[test]
    fn samovars_own_folder_comes_before_the_path() {
        let variables = |name: &str| match name {
            "HOME" => Some("/srv/tea".into()),
            "PATH" => Some("/usr/local/bin:/usr/bin".into()),
            _ => None,
        };
        let found = candidates(&variables);
        let expected = ["/srv/tea/.local/share/samovar/bin/ffmpeg", "/usr/local/bin/ffmpeg", "/usr/bin/ffmpeg"];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn an_absent_program_is_told_with_its_cure() {
        let error = FfmpegProgram::find_with(|_| None).unwrap_err();
        assert_eq!(error.kind(), MediaErrorKind::DecoderMissing);
        assert!(error.to_string().contains("samovar engine install ffmpeg"));
    }
}
