//! What was left lying: folders that no job belongs to, since a server was killed in the middle of an upload or could not remove them, and
//! in the folders of finished jobs what nobody needs any more, since a worker was killed before it could remove it.

use super::JobDesk;
use super::folder::{lock, remove_later, settle};
use samovar_jobs::{Job, JobErrorKind, JobId};
use samovar_recorded::WorkFolder;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// How long nobody must have written to a folder: another server may be taking an upload in.
const AGE_MIN: Duration = Duration::from_secs(3600);
const LOOK_EVERY: Duration = AGE_MIN;
/// Folders that are looked at together.
const PORTION: usize = 64;

/// Removes what was left lying, at the start and every hour, for ever. The owner of the future ends it.
pub(super) async fn sweep_on(desk: &JobDesk) {
    loop {
        sweep(desk, SystemTime::now()).await;
        sleep(LOOK_EVERY).await;
    }
}

/// Looks at every folder that is named like a job and that is old enough.
async fn sweep(desk: &JobDesk, now: SystemTime) {
    let root = desk.settings.folder.clone();
    let ids = tokio::task::spawn_blocking(move || ids(&root)).await.unwrap_or_default();
    for portion in ids.chunks(PORTION) {
        let (root, portion) = (desk.settings.folder.clone(), portion.to_vec());
        let old = tokio::task::spawn_blocking(move || old_folders(&root, &portion, now)).await.unwrap_or_default();
        for id in old {
            tidy(desk, id).await;
        }
    }
}

/// Looks at the folder of one job.
async fn tidy(desk: &JobDesk, id: JobId) {
    let folder = desk.folder(id);
    // Held while the queue is asked: a job that is being handed in holds it until it is accepted, however old the clock makes it look.
    let held = lock(folder.path());
    if matches!(held, Ok(None)) {
        return;
    }
    match desk.queue().get(id).await {
        Err(error) if error.kind() == JobErrorKind::Unknown => {
            tracing::info!(%id, "a folder that belongs to no job is removed");
            remove_later(folder.path().to_owned());
        }
        Ok(job) if job.state.is_end() => drop(tokio::task::spawn_blocking(move || clear(&folder, job)).await),
        _ => {}
    }
}

/// Removes what a job that has ended needs no more, and what was begun by somebody who was killed.
fn clear(folder: &WorkFolder, job: Job) {
    let is_draft = |path: &Path| path.extension().is_some_and(|end| end == "part");
    let entries = fs::read_dir(folder.path()).into_iter().flatten().flatten().map(|entry| entry.path());
    for draft in entries.filter(|path| is_draft(path)) {
        // Whoever is quicker removes it.
        let _ = fs::remove_file(draft);
    }
    if let Some(result) = job.result.filter(|_| folder.is_unsettled()) {
        settle(folder, &result);
    }
}

/// Everything that is named like a job: 16 bytes for each, as many as the queue keeps jobs.
fn ids(root: &Path) -> Vec<JobId> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    entries.filter_map(|entry| JobId::parse(entry.ok()?.file_name().to_str()?)).collect()
}

/// Those among them whose folders are old. Links are passed over.
fn old_folders(root: &Path, ids: &[JobId], now: SystemTime) -> Vec<JobId> {
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir());
    let is_due = |id: &JobId| {
        let path = root.join(id.to_string());
        is_folder(&path) && is_old(&path, now)
    };
    ids.iter().copied().filter(is_due).collect()
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
    use crate::{JobSettings, Metrics};
    use samovar_jobs::{JobPolicy, SqliteQueue};
    use std::sync::Arc;

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
        assert_eq!(found(AGE_MIN + Duration::from_secs(1)), [id]);
    }

    #[tokio::test]
    async fn what_is_being_handed_in_is_no_orphan_however_old_the_clock_makes_it_look() {
        let place = tempfile::tempdir().unwrap();
        let queue = SqliteQueue::open(&place.path().join("jobs.sqlite"), JobPolicy::default()).unwrap();
        let work = place.path().join("work");
        let settings = JobSettings { free_bytes_min: 0, ..JobSettings::new(Arc::new(queue), &work) };
        let desk = JobDesk::open(&settings, &Metrics::new()).unwrap();
        let [handed_in, orphan] = [JobId::random(), JobId::random()];
        let _folder = desk.new_folder(handed_in).await.unwrap();
        fs::create_dir(work.join(orphan.to_string())).unwrap();
        sweep(&desk, SystemTime::now() + 2 * AGE_MIN).await;
        while work.join(orphan.to_string()).exists() {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(work.join(handed_in.to_string()).exists());
    }
}
