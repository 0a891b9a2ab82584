//! Why a file could not be fetched, with its cure.

use std::io;

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HubErrorKind {
    /// What names a repository, a revision or a file cannot be one.
    Name,
    /// An environment variable has a value that cannot be used.
    Settings,
    /// There is no such repository, revision or file.
    NotFound,
    /// The Hub wants to know who asks, or does not let them.
    Denied,
    /// The network or the server failed, more often than was tried.
    Network,
    /// The server says to come again later than is waited here.
    Busy,
    /// The server does not speak the Hub's protocol.
    Protocol,
    /// What was fetched, or is offered, is not the file that was meant.
    WrongHash,
    /// The file is larger than is fetched.
    TooLarge,
    /// The disk has no room for it.
    DiskFull,
    /// The cache cannot be read or written.
    Files,
    /// Another process has been fetching the same file for too long.
    Locked,
    /// It is not in the cache, and the Hub may not be asked.
    Offline,
    /// Somebody asked to stop.
    Cancelled,
}

impl HubErrorKind {
    /// A stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "hub_name_invalid",
            Self::Settings => "hub_settings_invalid",
            Self::NotFound => "hub_not_found",
            Self::Denied => "hub_access_denied",
            Self::Network => "download_failed",
            Self::Busy => "hub_busy",
            Self::Protocol => "hub_protocol",
            Self::WrongHash => "wrong_hash",
            Self::TooLarge => "download_too_large",
            Self::DiskFull => "disk_full",
            Self::Files => "hub_cache_failed",
            Self::Locked => "pull_busy",
            Self::Offline => "hub_offline",
            Self::Cancelled => "interrupted",
        }
    }

    /// What to do about it.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::Name => "write it as ORG/NAME, ORG/NAME@REVISION or ORG/NAME:FILE",
            Self::Settings => "set the variable right, or unset it",
            Self::NotFound => "look at the repository's page on the Hub; `--list` tells its files",
            Self::Denied => {
                "accept the model's terms on its page, make a token at https://huggingface.co/settings/tokens and set HF_TOKEN to it"
            }
            Self::Network => "check the network and its proxy, then run the command again: it goes on where it stopped",
            Self::Busy => "run the command again later: it goes on where it stopped",
            Self::Protocol => "check HF_ENDPOINT; unset, it is https://huggingface.co",
            Self::WrongHash => {
                "run the command again; if it stays, the Hub has another file than the one that was meant"
            }
            Self::TooLarge => "check that it is the file you mean",
            Self::DiskFull => "free some space, or set HF_HOME to a folder on another disk",
            Self::Files => "check that you may write to the cache; HF_HOME names another folder",
            Self::Locked => "wait for the other download to end, then run the command again",
            Self::Offline => "unset HF_HUB_OFFLINE, or pull it where there is a network and copy the cache",
            Self::Cancelled => "run the command again: it goes on where it stopped",
        }
    }
}

/// A file that could not be had. What had arrived is kept for the next attempt, except after `WrongHash`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct HubError {
    kind: HubErrorKind,
    message: String,
}

impl HubError {
    pub(crate) fn new(kind: HubErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What went wrong, for programs.
    pub const fn kind(&self) -> HubErrorKind {
        self.kind
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(HubErrorKind::Cancelled, "stopped")
    }

    /// A failure while `doing` something with the cache.
    pub(crate) fn files(doing: &str, error: &io::Error) -> Self {
        let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let kind = if is_full { HubErrorKind::DiskFull } else { HubErrorKind::Files };
        Self::new(kind, format!("{doing} failed: {error}"))
    }
}
