//! Folders that no job belongs to: what a server left when it was killed in the middle of an upload, or could not remove.

use super::JobDesk;
use samovar_jobs::{JobErrorKind, JobId};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// How long nobody must have written to a folder: another server may be taking an upload in.
const AGE_MIN: Duration = Duration::from_secs(3600);
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// Folders that are looked at together.
const PORTION: usize = 256;

/// Removes orphans at the start and every ten minutes, for ever. The owner of the future ends it.
pub(super) async fn sweep_on(desk: &JobDesk) {
    loop {
        sweep(desk, SystemTime::now()).await;
        sleep(LOOK_EVERY).await;
    }
}

/// Removes every folder that is named like a job, that the queue does not know, and that is old enough.
async fn sweep(desk: &JobDesk, now: SystemTime) {
    let root = desk.settings.folder.clone();
    let old = tokio::task::spawn_blocking(move || old_folders(&root, now)).await.unwrap_or_default();
    for (id, folder) in old {
        let unknown = desk.queue().get(id).await.is_err_and(|error| error.kind() == JobErrorKind::Unknown);
        if unknown {
            tracing::info!(%id, "a folder that belongs to no job is removed");
            super::folder::remove_later(folder);
        }
    }
}

/// As many as are looked at together; the rest comes next time. Links are passed over.
fn old_folders(root: &Path, now: SystemTime) -> Vec<(JobId, PathBuf)> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let folder = |entry: fs::DirEntry| {
        let id = JobId::parse(entry.file_name().to_str()?)?;
        let path = entry.path();
        let is_old = entry.file_type().ok()?.is_dir() && is_old(&path, now);
        is_old.then_some((id, path))
    };
    entries.filter_map(|entry| folder(entry.ok()?)).take(PORTION).collect()
}

/// Whether neither the folder nor anything in it was written to lately.
fn is_old(folder: &Path, now: SystemTime) -> bool {
    let old = |path: &Path| {
        let changed = fs::symlink_metadata(path).and_then(|facts| facts.modified());
        changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age >= AGE_MIN))
    };
    let within =
        || fs::read_dir(folder).is_ok_and(|mut all| all.all(|entry| entry.is_ok_and(|entry| old(&entry.path()))));
    old(folder) && within()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_folders_named_like_jobs_are_found() {
        let place = tempfile::tempdir().unwrap();
        let id = JobId::random();
        for name in [id.to_string(), "mine".to_owned(), format!("{id}.part")] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        fs::write(place.path().join(id.to_string()).join("upload"), b"half").unwrap();
        std::os::unix::fs::symlink("/", place.path().join(JobId::random().to_string())).unwrap();
        let found = |later: Duration| old_folders(place.path(), SystemTime::now() + later);
        assert!(found(AGE_MIN / 2).is_empty());
        assert_eq!(found(AGE_MIN + Duration::from_secs(1)), [(id, place.path().join(id.to_string()))]);
    }
}
