//! Pulls one file: asks about it, keeps others away, brings it, checks it, and puts it where it belongs.

use crate::cache::Cache;
use crate::cancel::Cancel;
use crate::checksum::Checksum;
use crate::error::{HubError, HubErrorKind};
use crate::event::Event;
use crate::fault::Fault;
use crate::http::Http;
use crate::lock::FileLock;
use crate::names::{FilePath, RepoName, Revision};
use crate::patience::Patience;
use crate::remote_file::RemoteFile;
use crate::settings::{HubLimits, HubSettings};
use crate::transfer::{Brought, Transfer};
use crate::url::escaped;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The Hub as it is set up here. Every call blocks until it is done; [`Cancel`] ends it from another thread.
#[derive(Debug)]
pub struct Hub {
    http: Http,
    cache: Cache,
    limits: HubLimits,
    is_offline: bool,
    cancel: Cancel,
}

/// The file that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of which repository.
    pub repo: RepoName,
    /// Of which branch, tag or commit.
    pub revision: Revision,
    /// Which file.
    pub file: FilePath,
    /// What its content must hash to, in 64 lower-case digits; none: what the Hub says.
    pub sha256: Option<String>,
}

/// A file that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Where, in the cache.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// So much of it came over the line now: 0 for a file that was here already.
    pub fetched_bytes: u64,
}

/// A file that changes while it is fetched is begun anew so often.
const CHANGES_MAX: u32 = 3;

/// The largest list of a repository's files.
const LIST_BYTES_MAX: u64 = 16 << 20;

impl Hub {
    /// The Hub with these settings. Nothing is asked yet.
    ///
    /// # Errors
    /// `Settings`.
    pub fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let http = Http::new(settings)?;
        let cancel = Cancel::new(http.agent.clone());
        Ok(Self {
            http,
            cache: settings.cache.clone(),
            limits: settings.limits,
            is_offline: settings.is_offline,
            cancel,
        })
    }

    /// Ends what is under way, from another thread.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Makes sure that the file is in the cache, and fetches it where it is not.
    ///
    /// # Errors
    /// See [`HubErrorKind`].
    pub fn pull(&self, wanted: &Wanted, tell: &mut dyn FnMut(Event<'_>)) -> Result<Pulled, HubError> {
        let here = self.cache.find(&wanted.repo, &wanted.revision, &wanted.file);
        match here {
            // A commit's file never changes.
            Some(path) if self.is_offline || wanted.revision.is_commit() => present(path),
            None if self.is_offline => Err(offline(wanted)),
            _ => self.pull_from_hub(wanted, tell),
        }
    }

    /// The names of all files of a revision.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub fn files(
        &self,
        repo: &RepoName,
        revision: &Revision,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<String>, HubError> {
        if self.is_offline {
            return Err(HubError::new(HubErrorKind::Offline, "only the Hub knows which files there are"));
        }
        let mut patience = Patience::new(&self.limits, &self.cancel);
        loop {
            match self.list(repo, revision) {
                Ok(files) => return Ok(files),
                Err(fault) => patience.after(fault, tell)?,
            }
        }
    }

    fn pull_from_hub(&self, wanted: &Wanted, tell: &mut dyn FnMut(Event<'_>)) -> Result<Pulled, HubError> {
        let mut patience = Patience::new(&self.limits, &self.cancel);
        let mut fetched_bytes = 0;
        for _ in 0..CHANGES_MAX {
            let remote = self.ask(wanted, &mut patience, tell)?;
            let checksum = self.agreed(wanted, &remote)?;
            let lock = self.cache.lock(&wanted.repo, remote.etag.as_str())?;
            let _lock = FileLock::take(&lock, self.limits.lock, &self.cancel, tell)?;
            let blob = self.cache.blob(&wanted.repo, remote.etag.as_str())?;
            if !is_whole(&blob, &remote) {
                let job = Job { hub: self, wanted, remote, checksum, blob: &blob };
                match job.run(&mut patience, &mut fetched_bytes, tell)? {
                    Some(remote) => return self.place(wanted, &remote, fetched_bytes),
                    None => continue,
                }
            }
            return self.place(wanted, &remote, fetched_bytes);
        }
        Err(HubError::new(HubErrorKind::Network, format!("{} changes faster than it can be fetched", wanted.file)))
    }

    fn ask(
        &self,
        wanted: &Wanted,
        patience: &mut Patience<'_>,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<RemoteFile, HubError> {
        loop {
            match RemoteFile::ask(&self.http, &wanted.repo, &wanted.revision, &wanted.file) {
                Ok(remote) => return Ok(remote),
                Err(fault) => patience.after(fault, tell)?,
            }
        }
    }

    /// What the content must hash to. Where the Hub's own word differs from what is wanted, nothing need be fetched.
    fn agreed(&self, wanted: &Wanted, remote: &RemoteFile) -> Result<Option<Checksum>, HubError> {
        if let Some(size) = remote.size_bytes.filter(|size| *size > self.limits.file_bytes_max) {
            let message = format!("{} has {size} bytes, the limit is {}", wanted.file, self.limits.file_bytes_max);
            return Err(HubError::new(HubErrorKind::TooLarge, message));
        }
        let told = remote.etag.checksum();
        if told.is_none() && wanted.sha256.is_none() && remote.size_bytes.is_none() {
            let message = "the server says neither how large the file is nor what it hashes to";
            return Err(HubError::new(HubErrorKind::Protocol, message));
        }
        let Some(pin) = wanted.sha256.as_deref().and_then(Checksum::read) else { return Ok(told) };
        match told {
            Some(Checksum::Sha256(told)) if pin != Checksum::Sha256(told.clone()) => {
                let message =
                    format!("the Hub's {} has another sha256 than the one that was reviewed: {told}", wanted.file);
                Err(HubError::new(HubErrorKind::WrongHash, message))
            }
            _ => Ok(Some(pin)),
        }
    }

    fn place(&self, wanted: &Wanted, remote: &RemoteFile, fetched_bytes: u64) -> Result<Pulled, HubError> {
        let path = self.cache.link(&wanted.repo, &remote.commit, &wanted.file, remote.etag.as_str())?;
        self.cache.note(&wanted.repo, &wanted.revision, &remote.commit)?;
        Ok(Pulled { fetched_bytes, ..present(path)? })
    }

    fn list(&self, repo: &RepoName, revision: &Revision) -> Result<Vec<String>, Fault> {
        #[derive(Deserialize)]
        struct Repo {
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let path = format!("api/models/{repo}/revision/{}", escaped(revision.as_str(), false));
        let answer = self.http.get(&self.http.hub_url(&path)?, &[])?;
        if !answer.response.status().is_success() {
            return Err(self.http.fault(&answer, &format!("{repo}@{revision}")));
        }
        let host = answer.url.host().to_owned();
        let text = answer.response.into_body().into_with_config().limit(LIST_BYTES_MAX).read_to_vec();
        let text = text.map_err(|error| Fault::of_request(&error, &host))?;
        let repo: Repo = serde_json::from_slice(&text)
            .map_err(|_| Fault::protocol(format!("{host} does not tell the files as the Hub does")))?;
        Ok(repo.siblings.into_iter().map(|file| file.rfilename).collect())
    }
}

/// One content on its way into the cache.
struct Job<'a> {
    hub: &'a Hub,
    wanted: &'a Wanted,
    remote: RemoteFile,
    checksum: Option<Checksum>,
    blob: &'a Path,
}

impl Job<'_> {
    /// Brings it. None: the revision has come to mean another content meanwhile.
    fn run(
        mut self,
        patience: &mut Patience<'_>,
        fetched_bytes: &mut u64,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Option<RemoteFile>, HubError> {
        let partial = self.blob.with_extension("incomplete");
        self.make_sure_of_room(&partial)?;
        loop {
            let mut brought = Brought::default();
            let result = self.transfer().attempt(&partial, &mut brought, tell);
            *fetched_bytes += brought.fetched_bytes;
            patience.reached(brought.done_bytes);
            match result {
                Ok(()) => break,
                Err(fault) => patience.after(fault, tell)?,
            }
            // A link to the store has a term, and a branch may have moved on.
            let again = self.hub.ask(self.wanted, patience, tell)?;
            if again.etag != self.remote.etag {
                return Ok(None);
            }
            self.remote = again;
        }
        fs::rename(&partial, self.blob).map_err(|error| HubError::files("moving the file into place", &error))?;
        Ok(Some(self.remote))
    }

    fn transfer(&self) -> Transfer<'_> {
        Transfer {
            http: &self.hub.http,
            cancel: &self.hub.cancel,
            remote: &self.remote,
            checksum: self.checksum.as_ref(),
            bytes_max: self.hub.limits.file_bytes_max,
        }
    }

    fn make_sure_of_room(&self, partial: &Path) -> Result<(), HubError> {
        let kept_bytes = fs::metadata(partial).map_or(0, |metadata| metadata.len());
        self.hub.cache.make_sure_of_room(self.remote.size_bytes.unwrap_or(0).saturating_sub(kept_bytes))
    }
}

/// Whether the content is here and as large as it should be.
fn is_whole(blob: &Path, remote: &RemoteFile) -> bool {
    fs::metadata(blob)
        .is_ok_and(|metadata| metadata.is_file() && remote.size_bytes.is_none_or(|size| size == metadata.len()))
}

fn present(path: PathBuf) -> Result<Pulled, HubError> {
    let metadata = fs::metadata(&path).map_err(|error| HubError::files("reading the cache", &error))?;
    Ok(Pulled { path, size_bytes: metadata.len(), fetched_bytes: 0 })
}

fn offline(wanted: &Wanted) -> HubError {
    let message =
        format!("{}@{}:{} is not in the cache, and HF_HUB_OFFLINE is set", wanted.repo, wanted.revision, wanted.file);
    HubError::new(HubErrorKind::Offline, message)
}
