//! Why an installation failed, with its cure.

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstallErrorKind {
    /// There is no `python3` to fetch packages with.
    NoPython,
    /// That Python has no pip.
    NoPip,
    /// The package could not be fetched.
    Download,
    /// The package is not the one that was pinned.
    WrongHash,
    /// No package was pinned for this kind of machine.
    Platform,
    /// Another installation is under way.
    Busy,
    /// The disk is full.
    DiskFull,
    /// Files could not be written or read.
    Files,
}

impl InstallErrorKind {
    /// A stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoPython => "no_python",
            Self::NoPip => "no_pip",
            Self::Download => "download_failed",
            Self::WrongHash => "wrong_hash",
            Self::Platform => "no_package_for_platform",
            Self::Busy => "install_busy",
            Self::DiskFull => "disk_full",
            Self::Files => "install_files",
        }
    }

    /// What to do about it.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::NoPython => {
                "install python3 (it only fetches the package), or set the engine's library by its environment variable"
            }
            Self::NoPip => "install pip for python3 (`python3 -m ensurepip`, or the package python3-pip)",
            Self::Download => {
                "check the network and pip's settings (PIP_INDEX_URL, proxies), then run the command again"
            }
            Self::WrongHash => {
                "run the command again; if it stays, the package index serves another file than the one that was reviewed"
            }
            Self::Platform => "install the library yourself and set the engine's environment variable to it",
            Self::Busy => "wait for the other installation to end, then run the command again",
            Self::DiskFull => "free some space, or set SAMOVAR_HOME to a folder on another disk",
            Self::Files => "check that SAMOVAR_HOME is a folder that you may write to",
        }
    }
}

/// A failed installation; nothing of it is left.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct InstallError {
    kind: InstallErrorKind,
    message: String,
}

impl InstallError {
    pub(super) fn new(kind: InstallErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What went wrong, for programs.
    pub const fn kind(&self) -> InstallErrorKind {
        self.kind
    }

    /// A failure while `doing` something with files.
    pub(super) fn files(doing: &str, error: &std::io::Error) -> Self {
        let is_full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        let kind = if is_full { InstallErrorKind::DiskFull } else { InstallErrorKind::Files };
        Self::new(kind, format!("{doing} failed: {error}"))
    }
}
