//! Several processes on one file.

use crate::storage::assert_sound;
use crate::support::{Place, at, enqueue, policy, run};
use samovar_jobs::{JobQueue, SqliteQueue};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn two_processes_that_claim_at_once_never_get_the_same_job() {
    let place = Place::new();
    let queue = place.open();
    run(async {
        for number in 0..JOBS {
            enqueue(&queue, number, ["a", "b"][usize::from(number % 2 == 0)], at(0)).await;
        }
    });
    let children = [(); 3].map(|()| {
        Command::new(std::env::current_exe().unwrap())
            .args(["processes::the_process_that_claims", "--exact", "--nocapture"])
            .env(FILE, place.file())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    });
    let mut claimed = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        claimed.extend(text.lines().filter_map(|line| line.strip_prefix("claimed ")).map(str::to_owned));
    }
    let different: BTreeSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), different.len()), (usize::try_from(JOBS).unwrap(), usize::try_from(JOBS).unwrap()));
    assert_eq!(run(queue.counts(at(1))).unwrap().done, JOBS);
    assert_sound(&place.file());
}

/// Not a test by itself: one of the processes.
#[test]
fn the_process_that_claims() {
    let Ok(file) = std::env::var(FILE) else { return };
    let queue = SqliteQueue::open(Path::new(&file), policy()).unwrap();
    run(async {
        let mut told = String::from("\n");
        while let Some(lease) = queue.claim("worker", at(1)).await.unwrap() {
            queue.complete(lease.key, "{}".to_owned(), at(1)).await.unwrap();
            told.push_str(&format!("claimed {}\n", lease.key.id));
        }
        std::io::Write::write_all(&mut std::io::stdout(), told.as_bytes()).unwrap();
    });
}

const FILE: &str = "SAMOVAR_JOBS_CLAIM_FILE";
const JOBS: u64 = 200;
