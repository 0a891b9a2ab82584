//! Folders that no job belongs to: what a server left when it was killed in the middle of an upload, or could not remove.

use super::JobDesk;
use samovar_jobs::{JobErrorKind, JobId};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// How long nobody must have written to a folder: another server may be taking an upload in.
const AGE_MIN: Duration = Duration::from_secs(3600);
const LOOK_EVERY: Duration = AGE_MIN;
/// Folders that are looked at together.
const PORTION: usize = 64;

/// Removes orphans at the start and every hour, for ever. The owner of the future ends it.
pub(super) async fn sweep_on(desk: &JobDesk) {
    loop {
        sweep(desk, SystemTime::now()).await;
        sleep(LOOK_EVERY).await;
    }
}

/// Removes every folder that is named like a job, that the queue does not know, and that is old enough.
async fn sweep(desk: &JobDesk, now: SystemTime) {
    let root = desk.settings.folder.clone();
    let ids = tokio::task::spawn_blocking(move || ids(&root)).await.unwrap_or_default();
    for portion in ids.chunks(PORTION) {
        let (root, portion) = (desk.settings.folder.clone(), portion.to_vec());
        let old = tokio::task::spawn_blocking(move || old_folders(&root, &portion, now)).await.unwrap_or_default();
        for (id, folder) in old {
            let unknown = desk.queue().get(id).await.is_err_and(|error| error.kind() == JobErrorKind::Unknown);
            if unknown {
                tracing::info!(%id, "a folder that belongs to no job is removed");
                super::folder::remove_later(folder);
            }
        }
    }
}

/// Everything that is named like a job: 16 bytes for each, as many as the queue keeps jobs.
fn ids(root: &Path) -> Vec<JobId> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    entries.filter_map(|entry| JobId::parse(entry.ok()?.file_name().to_str()?)).collect()
}

/// The folders among them that are old. Links are passed over.
fn old_folders(root: &Path, ids: &[JobId], now: SystemTime) -> Vec<(JobId, PathBuf)> {
    let folders = ids.iter().map(|id| (*id, root.join(id.to_string())));
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir());
    folders.filter(|(_, path)| is_folder(path) && is_old(path, now)).collect()
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
        let found = |later: Duration| old_folders(place.path(), &ids(place.path()), SystemTime::now() + later);
        assert!(found(AGE_MIN / 2).is_empty());
        assert_eq!(found(AGE_MIN + Duration::from_secs(1)), [(id, place.path().join(id.to_string()))]);
    }
}
