//! The file: full, locked, damaged, of another kind, used by two.

use crate::support::{Place, at, claim, enqueue, id, kind, policy, run, submission};
use rusqlite::Connection;
use samovar_jobs::{JobErrorKind, JobFilter, JobQueue, SqliteLimits, SqliteQueue, Submission};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn large(number: u64, bytes: usize) -> Submission {
    Submission { payload: "x".repeat(bytes), ..submission(number, "a") }
}

async fn fill(queue: &SqliteQueue, bytes: usize) -> u64 {
    for number in 1..10_000 {
        if let Err(error) = queue.enqueue(large(number, bytes), at(0)).await {
            assert_eq!(error.kind(), JobErrorKind::StorageFull);
            return number - 1;
        }
    }
    panic!("the file grew without bound");
}

async fn all(queue: &SqliteQueue) -> Vec<samovar_jobs::Job> {
    queue.list(JobFilter { limit: 1_000, ..JobFilter::default() }).await.unwrap()
}

#[test]
fn a_full_file_takes_no_more_jobs_and_lets_those_go_on_that_it_has() {
    run(async {
        let place = Place::new();
        let limits = SqliteLimits { bytes_max: 800 << 10, ..SqliteLimits::default() };
        let queue = SqliteQueue::open_with(&place.file(), policy(), limits).unwrap();
        let count = fill(&queue, 20_000).await;
        assert_eq!(u64::try_from(all(&queue).await.len()).unwrap(), count);
        let lease = claim(&queue, at(1)).await;
        queue.complete(lease.key, "x".repeat(20_000), at(2)).await.expect("space is kept for results");
        assert_eq!(kind(queue.enqueue(submission(20_001, "a"), at(2)).await), JobErrorKind::StorageFull);
        for number in [2, 3, 4] {
            queue.cancel(id(number), at(3)).await.unwrap();
            queue.delete(id(number)).await.unwrap();
        }
        enqueue(&queue, 20_001, "a", at(4)).await;
        drop(queue);
        place.open().enqueue(large(20_002, 60_000), at(4)).await.expect("a higher limit holds from the next start");
    });
}

#[test]
fn what_does_not_fit_takes_nobody_along_who_is_in_the_same_transaction() {
    run(async {
        let place = Place::new();
        let limits = SqliteLimits { bytes_max: 400 << 10, ..SqliteLimits::default() };
        let queue = SqliteQueue::open_with(&place.file(), policy(), limits).unwrap();
        enqueue(&queue, 1, "a", at(0)).await;
        let (first, large, claimed, last) = tokio::join!(
            queue.enqueue(submission(2, "a"), at(1)),
            queue.enqueue(large(3, 500_000), at(1)),
            queue.claim("worker", at(1)),
            queue.enqueue(submission(4, "a"), at(1))
        );
        assert_eq!((first.unwrap().job.id, kind(large)), (id(2), JobErrorKind::StorageFull));
        assert_eq!((claimed.unwrap().unwrap().job.id, last.unwrap().job.id), (id(1), id(4)));
        assert_eq!(all(&queue).await.iter().map(|job| job.id).collect::<Vec<_>>(), [id(4), id(2), id(1)]);
        assert_sound(&place.file());
    });
}

#[test]
fn a_full_disk_refuses_jobs_until_there_is_space_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::tmpfs(folder.path()) else {
        eprintln!("skipped: a file system of 1 MiB cannot be mounted here");
        return;
    };
    run(async {
        let queue = SqliteQueue::open(&folder.path().join("jobs.sqlite"), policy()).unwrap();
        let count = fill(&queue, 20_000).await;
        assert!(count > 0);
        assert_eq!(u64::try_from(all(&queue).await.len()).unwrap(), count, "reads go on, and nothing accepted is lost");
        assert_eq!(kind(queue.enqueue(large(20_001, 20_000), at(1)).await), JobErrorKind::StorageFull);
        assert!(Mount::grow(folder.path()));
        queue.enqueue(large(20_001, 20_000), at(2)).await.expect("it recovers by itself");
        assert_eq!(claim(&queue, at(3)).await.job.id, id(1));
        assert_sound(&folder.path().join("jobs.sqlite"));
    });
}

#[test]
fn a_file_that_another_process_holds_is_waited_for_and_then_refused_while_reads_go_on() {
    run(async {
        let place = Place::new();
        let limits = SqliteLimits { busy_max: Duration::from_millis(200), ..SqliteLimits::default() };
        let queue = SqliteQueue::open_with(&place.file(), policy(), limits).unwrap();
        enqueue(&queue, 1, "a", at(0)).await;
        let other = Connection::open(place.file()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (first, second) = tokio::join!(queue.enqueue(submission(2, "a"), at(1)), queue.claim("worker", at(1)));
        assert_eq!((kind(first), kind(second)), (JobErrorKind::Storage, JobErrorKind::Storage));
        assert_eq!(all(&queue).await.len(), 1);
        assert_eq!(queue.counts(at(1)).await.unwrap().queued, 1);
        other.execute_batch("ROLLBACK").unwrap();
        enqueue(&queue, 2, "a", at(2)).await;
        assert_eq!(all(&queue).await.len(), 2);
    });
}

#[test]
fn damaged_and_foreign_files_are_refused_and_left_as_they_are() {
    let sound = {
        let place = Place::new();
        run(async {
            let queue = place.open();
            for number in 1..=200 {
                enqueue(&queue, number, "a", at(0)).await;
            }
        });
        fs::read(place.file()).unwrap()
    };
    let mut damaged = vec![
        ("garbage", vec![0x5a; 10_000]),
        ("text", b"these are no jobs".to_vec()),
        ("cut off", sound[..sound.len() / 2].to_vec()),
        ("another application", foreign("PRAGMA application_id = 7; PRAGMA user_version = 1; CREATE TABLE jobs (id)")),
        ("another version", with_version(&sound, 2)),
        ("no table at all", foreign("PRAGMA application_id = 7")),
    ];
    for page in 1..sound.len() / 4_096 {
        let mut flipped = sound.clone();
        flipped[page * 4_096..page * 4_096 + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
        damaged.push(("flipped", flipped));
    }
    for (what, bytes) in damaged {
        let place = Place::new();
        fs::write(place.file(), &bytes).unwrap();
        let refused = SqliteQueue::open(&place.file(), policy());
        assert_eq!(refused.expect_err(what).kind(), JobErrorKind::Corrupt, "{what}");
        assert!(fs::read(place.file()).unwrap() == bytes, "{what}: the file was changed");
    }
}

#[test]
fn a_file_that_was_emptied_beside_its_log_is_not_taken_for_a_new_one() {
    let place = Place::new();
    let queue = place.open();
    run(enqueue(&queue, 1, "a", at(0)));
    let copy = Place::new();
    fs::copy(place.folder.path().join("jobs.sqlite-wal"), copy.folder.path().join("jobs.sqlite-wal")).unwrap();
    fs::write(copy.file(), []).unwrap();
    assert_eq!(SqliteQueue::open(&copy.file(), policy()).unwrap_err().kind(), JobErrorKind::Corrupt);
    assert!(copy.folder.path().join("jobs.sqlite-wal").metadata().unwrap().len() > 0);
}

#[test]
fn a_folder_that_is_not_there_is_a_storage_error() {
    let place = Place::new();
    let missing = place.folder.path().join("missing").join("jobs.sqlite");
    assert_eq!(SqliteQueue::open(&missing, policy()).unwrap_err().kind(), JobErrorKind::Storage);
}

#[test]
fn many_who_open_a_new_file_at_once_make_it_once() {
    let place = Place::new();
    let file = place.file();
    std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| SqliteQueue::open(&file, policy()).map(drop))).collect();
        openers.into_iter().for_each(|opener| opener.join().unwrap().unwrap());
    });
    assert_sound(&file);
}

/// Whether SQLite itself finds nothing wrong.
pub fn assert_sound(file: &Path) {
    let found: String =
        Connection::open(file).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
}

fn foreign(sql: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.sqlite");
    Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    fs::read(file).unwrap()
}

fn with_version(bytes: &[u8], version: u8) -> Vec<u8> {
    // The user version: four bytes at offset 60, the highest first (the SQLite file format, 1.3).
    let mut bytes = bytes.to_vec();
    bytes[63] = version;
    bytes
}

/// A small file system that goes with it.
struct Mount(std::path::PathBuf);

impl Mount {
    fn tmpfs(folder: &Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder).output().ok()?;
        mounted.status.success().then(|| Self(folder.to_owned()))
    }

    fn grow(folder: &Path) -> bool {
        Command::new("mount").args(["-o", "remount,size=8m"]).arg(folder).status().unwrap().success()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["-l"]).arg(&self.0).status());
    }
}
