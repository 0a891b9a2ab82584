//! A server, an empty cache and a hub with short waits.

use crate::hub_server::{HubServer, ServedFile};
use samovar_hub::{
    Cache, Event, FilePath, Hub, HubError, HubLimits, HubSettings, Pulled, RepoName, Revision, Token, Wanted,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that most tests pull, and where the server has it.
pub const FILE: &str = "onnx/model.onnx";
pub const PLACE: &str = "org/name/main/onnx/model.onnx";

/// One test's surroundings.
pub struct Here {
    pub server: HubServer,
    pub folder: tempfile::TempDir,
    pub limits: HubLimits,
    pub token: Option<Token>,
    pub is_offline: bool,
}

impl Here {
    /// A server with `content` as the file that is pulled.
    pub fn with(content: &[u8]) -> Self {
        let server = HubServer::start();
        server.put(PLACE, ServedFile::large(content.to_vec()));
        let limits = HubLimits {
            silence: Duration::from_secs(10),
            attempts: 3,
            backoff: Duration::from_millis(1),
            lock: Duration::from_secs(10),
            ..HubLimits::default()
        };
        Self { server, folder: tempfile::tempdir().unwrap(), limits, token: None, is_offline: false }
    }

    pub fn hub(&self) -> Hub {
        Hub::new(&HubSettings {
            endpoint: self.server.endpoint(),
            token: self.token.clone(),
            cache: self.cache(),
            is_offline: self.is_offline,
            certificates: None,
            limits: self.limits,
        })
        .unwrap()
    }

    pub fn cache(&self) -> Cache {
        Cache::new(self.folder.path().join("hub"))
    }

    /// The same for tests in which the server falls silent and is to be left soon.
    pub fn impatient(content: &[u8]) -> Self {
        let mut here = Self::with(content);
        here.limits.silence = Duration::from_millis(400);
        here
    }

    /// Pulls the file with a hub of its own, as a new process would.
    pub fn pull(&self) -> Result<Pulled, HubError> {
        self.hub().pull(&wanted(), &mut |_| {})
    }

    /// The same, with what was told.
    pub fn pull_telling(&self) -> (Result<Pulled, HubError>, Vec<String>) {
        let mut told = Vec::new();
        let result = self.hub().pull(&wanted(), &mut |event| match event {
            Event::Progress { .. } => {}
            Event::Retry { reason, .. } => told.push(format!("retry: {}", without_port(reason))),
            other => told.push(format!("{other:?}")),
        });
        (result, told)
    }

    /// A path below the repository's folder in the cache.
    pub fn repo(&self, path: &str) -> PathBuf {
        self.cache().folder().join("models--org--name").join(path)
    }

    /// Names of the files in the folder of contents.
    pub fn blobs(&self) -> Vec<String> {
        names(&self.repo("blobs"))
    }
}

/// The file that most tests pull.
pub fn wanted() -> Wanted {
    Wanted {
        repo: RepoName::new("org/name").unwrap(),
        revision: Revision::main(),
        file: FilePath::new(FILE).unwrap(),
        sha256: None,
    }
}

/// Bytes that repeat nowhere near.
pub fn content(bytes: usize) -> Vec<u8> {
    (0..bytes as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

/// The sha256 of `content` in digits.
pub fn sha256(content: &[u8]) -> String {
    ServedFile::large(content.to_vec()).etag
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn without_port(text: &str) -> String {
    text.replace("127.0.0.1", "the server")
}
