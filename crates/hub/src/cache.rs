//! The Hub's cache on disk, in the Hub's own layout, so that other tools find what Samovar fetched and the other way round.
//!
//! `models--ORG--NAME/` holds `blobs/ETAG` (the contents), `snapshots/COMMIT/PATH` (relative links to them) and
//! `refs/REVISION` (the commit that a branch or tag meant last). `.locks/` lies beside. Files appear whole: written
//! under another name and renamed.

use crate::error::{HubError, HubErrorKind};
use crate::names::{FilePath, RepoName, Revision, is_commit};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in `folder`, which need not be there yet.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file, where it is here whole.
    pub fn find(&self, repo: &RepoName, revision: &Revision, file: &FilePath) -> Option<PathBuf> {
        Some(self.snapshot(repo, revision)?.join(file.as_str())).filter(|path| path.is_file())
    }

    /// The folder with the files of `revision`, where any is here.
    pub fn snapshot(&self, repo: &RepoName, revision: &Revision) -> Option<PathBuf> {
        let commit = if revision.is_commit() { revision.as_str().to_owned() } else { self.commit(repo, revision)? };
        Some(self.repo(repo).join("snapshots").join(commit)).filter(|path| path.is_dir())
    }

    /// The commit that `revision` meant when it was last asked for.
    fn commit(&self, repo: &RepoName, revision: &Revision) -> Option<String> {
        let text = fs::read_to_string(self.repo(repo).join("refs").join(revision.as_str())).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    fn repo(&self, repo: &RepoName) -> PathBuf {
        self.folder.join(repo.folder())
    }

    /// The content called `etag`, whether it is here or not; its folder is.
    pub(crate) fn blob(&self, repo: &RepoName, etag: &str) -> Result<PathBuf, HubError> {
        let folder = self.repo(repo).join("blobs");
        make_folder(&folder)?;
        Ok(folder.join(etag))
    }

    /// The lock of that content.
    pub(crate) fn lock(&self, repo: &RepoName, etag: &str) -> Result<PathBuf, HubError> {
        let folder = self.folder.join(".locks").join(repo.folder());
        make_folder(&folder)?;
        Ok(folder.join(format!("{etag}.lock")))
    }

    /// Makes `file` of `commit` mean the content called `etag`, which is here.
    pub(crate) fn link(&self, repo: &RepoName, commit: &str, file: &FilePath, etag: &str) -> Result<PathBuf, HubError> {
        let path = self.repo(repo).join("snapshots").join(commit).join(file.as_str());
        let target = PathBuf::from("../".repeat(file.depth() + 1)).join("blobs").join(etag);
        if fs::read_link(&path).is_ok_and(|found| found == target) {
            return Ok(path);
        }
        make_folder(path.parent().unwrap_or(&self.folder))?;
        let draft = draft_of(&path);
        // One that a killed process left.
        let _ = fs::remove_file(&draft);
        let linking = |error: io::Error| HubError::files("linking the file", &error);
        symlink(target, &draft).map_err(linking)?;
        fs::rename(&draft, &path).map_err(linking)?;
        Ok(path)
    }

    /// Notes which commit `revision` means now.
    pub(crate) fn note(&self, repo: &RepoName, revision: &Revision, commit: &str) -> Result<(), HubError> {
        if revision.as_str() == commit || self.commit(repo, revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.repo(repo).join("refs").join(revision.as_str());
        make_folder(path.parent().unwrap_or(&self.folder))?;
        let draft = draft_of(&path);
        let writing = |error: io::Error| HubError::files("noting the revision", &error);
        fs::write(&draft, commit).and_then(|()| fs::rename(&draft, &path)).map_err(writing)
    }

    /// Fails where the disk has no room for `bytes` more.
    pub(crate) fn make_sure_of_room(&self, bytes: u64) -> Result<(), HubError> {
        make_folder(&self.folder)?;
        let room = rustix::fs::statvfs(&self.folder)
            .map_err(|error| HubError::files("asking for the free space", &error.into()))?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        if bytes <= free {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let message = format!("{} MiB are to come and {} MiB are free", mib(bytes), mib(free));
        Err(HubError::new(HubErrorKind::DiskFull, message))
    }
}

fn make_folder(folder: &Path) -> Result<(), HubError> {
    fs::create_dir_all(folder).map_err(|error| HubError::files("making a folder of the cache", &error))
}

/// A name beside `path` that no other process takes.
fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_file_is_found_by_branch_and_by_commit_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("hub"));
        let (repo, main) = (RepoName::new("org/name").unwrap(), Revision::main());
        let file = FilePath::new("onnx/model.onnx").unwrap();
        let blob = cache.blob(&repo, "abc").unwrap();
        cache.note(&repo, &main, COMMIT).unwrap();
        let path = cache.link(&repo, COMMIT, &file, "abc").unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("../../../blobs/abc"));
        assert_eq!(cache.find(&repo, &main, &file), None, "the content is not here");
        fs::write(blob, "model").unwrap();
        assert_eq!(fs::read(cache.find(&repo, &main, &file).unwrap()).unwrap(), b"model");
        assert_eq!(cache.find(&repo, &Revision::new(COMMIT).unwrap(), &file), Some(path));
        assert_eq!(cache.find(&repo, &Revision::new("v1").unwrap(), &file), None);
    }

    #[test]
    fn a_note_that_is_no_commit_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        let repo = RepoName::new("org/name").unwrap();
        fs::create_dir_all(folder.path().join("models--org--name/refs")).unwrap();
        fs::write(folder.path().join("models--org--name/refs/main"), "../../etc").unwrap();
        assert_eq!(cache.snapshot(&repo, &Revision::main()), None);
    }
}
