//! What jobs depend on here: the folder, the space on its disk, the queue's file, the folders that jobs may name, a decoder.

use super::finding::Finding;
use crate::config::{Config, parse_bytes};
use crate::here;
use crate::jobs::{jobs_folder, queue_file};
use samovar_jobs::{JobErrorKind, SqliteQueue};
use std::path::Path;

/// Looks at everything that is configured of jobs.
pub fn look(config: &Config) -> Vec<Finding> {
    if config.jobs.enabled == Some(false) {
        return Vec::new();
    }
    let folder = jobs_folder(config);
    let mut findings = vec![place(&folder, config)];
    findings.extend(queue(&queue_file(config)));
    let lost: Vec<String> =
        config.jobs.roots.iter().filter(|root| !root.is_dir()).map(|root| root.display().to_string()).collect();
    if !lost.is_empty() {
        let detail = format!("jobs may name files in {}, and there is no such folder", lost.join(", "));
        findings.push(Finding::problem("jobs roots", detail, "correct `roots` in `[jobs]`, or make the folder"));
    }
    if config.jobs.enabled == Some(true) && here::ffmpeg(config).is_err() {
        let detail = "jobs are taken, and none of their videos can be read without ffmpeg";
        findings.push(Finding::problem("jobs decoder", detail, "samovar engine install ffmpeg"));
    }
    findings
}

/// Whether the folder can be written, and has room for what may be sent along.
fn place(folder: &Path, config: &Config) -> Finding {
    const SUBJECT: &str = "jobs folder";
    // Nobody has to have it before jobs are asked for.
    let asked = config.jobs.enabled == Some(true) || config.jobs.folder.is_some();
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() || rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
        let detail = format!("{} cannot be written: no jobs are taken", folder.display());
        let cure = "set `folder` in `[jobs]` to one that this user may write";
        return if asked { Finding::problem(SUBJECT, detail, cure) } else { Finding::note(SUBJECT, detail, cure) };
    }
    let free = rustix::fs::statvfs(there).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let least = parse_bytes(&config.jobs.free_bytes_min).unwrap_or(0);
    let detail = format!("{}, {} MiB free", folder.display(), free >> 20);
    if free < least {
        let detail = format!("{detail}: less than `free_bytes_min`, so that no job is accepted");
        return Finding::problem(SUBJECT, detail, "make space, or choose another disk with `folder` in `[jobs]`");
    }
    let upload = parse_bytes(&config.jobs.upload_bytes_max).unwrap_or(0);
    if free - least < upload {
        let detail = format!("{detail}: the largest video that may be sent along would not fit");
        return Finding::note(SUBJECT, detail, "make space, or lower `upload_bytes_max` in `[jobs]`");
    }
    Finding::ok(SUBJECT, detail)
}

/// Whether the queue can be opened; it is never made here.
fn queue(file: &Path) -> Option<Finding> {
    const SUBJECT: &str = "jobs queue";
    if !file.exists() {
        return None;
    }
    let shown = file.display();
    Some(match SqliteQueue::open(file, Default::default()) {
        Ok(_) => Finding::ok(SUBJECT, format!("{shown} can be read and written")),
        Err(error) if error.kind() == JobErrorKind::Corrupt => Finding::problem(
            SUBJECT,
            format!("{shown}: {error}"),
            "put a copy of it back, or move it away to begin with an empty queue",
        ),
        Err(error) => {
            Finding::problem(SUBJECT, format!("{shown}: {error}"), "check the disk, and who may write the file")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::Health;
    use super::*;

    fn config(folder: &Path) -> Config {
        let mut config = Config::default();
        config.jobs.folder = Some(folder.to_path_buf());
        (config.jobs.upload_bytes_max, config.jobs.free_bytes_min) = ("1KiB".into(), "0KiB".into());
        config
    }

    fn subjects(config: &Config) -> Vec<(String, Health)> {
        look(config).into_iter().map(|finding| (finding.subject, finding.health)).collect()
    }

    #[test]
    fn what_jobs_need_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder.path().join("jobs"));
        assert_eq!(subjects(&config), [("jobs folder".to_owned(), Health::Ok)]);
        config.jobs.roots = vec![folder.path().to_path_buf(), folder.path().join("lost")];
        config.jobs.free_bytes_min = "17179869183GiB".into();
        let found = subjects(&config);
        assert_eq!(found, ["jobs folder", "jobs roots"].map(|subject| (subject.to_owned(), Health::Problem)));
        config.jobs.enabled = Some(false);
        assert_eq!(subjects(&config), []);
    }

    #[test]
    fn a_damaged_queue_is_told_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        std::fs::write(queue_file(&config), "no database").unwrap();
        assert!(subjects(&config).contains(&("jobs queue".to_owned(), Health::Problem)));
        assert_eq!(std::fs::read(queue_file(&config)).unwrap(), b"no database");
    }
}
