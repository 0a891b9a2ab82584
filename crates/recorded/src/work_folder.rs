//! The folder of one job: what was sent along, the journal of each attempt, what was made of it.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The video that was sent along.
const UPLOAD: &str = "upload";

/// The folder of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkFolder {
    path: PathBuf,
}

impl WorkFolder {
    /// The folder of the job of that name below `root`. The name is one that was made here: 32 hexadecimal digits.
    pub fn new(root: &Path, id: &str) -> Self {
        Self { path: root.join(id) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The video that was sent along.
    pub fn upload(&self) -> PathBuf {
        self.path.join(UPLOAD)
    }

    /// The journal of the attempt with that fence.
    pub fn journal(&self, token: u64) -> PathBuf {
        self.path.join(format!("journal-{token}.jsonl"))
    }

    /// Removes what a job needs no more whose result names that journal: the video that was sent along, the journals of other attempts, and
    /// what was begun of one. Done twice it is done once.
    ///
    /// # Errors
    /// The first file that cannot be removed; the others are.
    pub fn settle(&self, journal: &str) -> io::Result<()> {
        let is_spent = |name: &str| name == UPLOAD || name.starts_with("journal-") && name != journal;
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let mut settled = Ok(());
        for entry in entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_spent)) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => settled = settled.and(Err(error)),
                _ => {}
            }
        }
        settled
    }

    /// Whether there may be something to [`settle`](Self::settle).
    pub fn is_unsettled(&self) -> bool {
        let is_journal =
            |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with("journal-"));
        let journals = || fs::read_dir(&self.path).map_or(0, |all| all.flatten().filter(is_journal).count());
        self.upload().exists() || journals() > 1
    }

    /// The newest journal of an attempt before that one, to go on with: copied, since that attempt may not know yet that it has ended.
    pub fn journal_before(&self, token: u64) -> Option<PathBuf> {
        let number = |path: &Path| {
            path.file_name()?.to_str()?.strip_prefix("journal-")?.strip_suffix(".jsonl")?.parse::<u64>().ok()
        };
        let entries = fs::read_dir(&self.path).ok()?;
        let journals = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let earlier = journals.filter_map(|path| Some((number(&path).filter(|number| *number < token)?, path)));
        earlier.max().map(|(_, path)| path)
    }

    /// The report.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The video with the boxes drawn in.
    pub fn annotated(&self) -> PathBuf {
        self.path.join("annotated.mp4")
    }

    /// The small picture of that number, from 1.
    pub fn thumbnail(&self, number: u32) -> PathBuf {
        self.path.join(format!("thumbnail-{number}.jpg"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_journal_before_an_attempt_is_gone_on_with() {
        let root = tempfile::tempdir().unwrap();
        let folder = WorkFolder::new(root.path(), "00ff");
        assert_eq!(folder.journal_before(5), None, "there is no folder yet");
        std::fs::create_dir(folder.path()).unwrap();
        for name in ["journal-2.jsonl", "journal-10.jsonl", "journal-11.jsonl", "journal-x.jsonl", "journal-3.json"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(folder.journal_before(11), Some(folder.journal(10)), "by number, not by letter");
        assert_eq!(folder.journal_before(10), Some(folder.journal(2)));
        assert_eq!(folder.journal_before(2), None);
    }

    #[test]
    fn what_a_result_needs_stays_and_the_rest_goes() {
        let root = tempfile::tempdir().unwrap();
        let folder = WorkFolder::new(root.path(), "00ff");
        folder.settle("journal-10.jsonl").unwrap();
        assert!(!folder.is_unsettled(), "there is no folder");
        std::fs::create_dir(folder.path()).unwrap();
        let kept = ["journal-10.jsonl", "report.html", "result-csv.csv"];
        for name in kept.iter().chain(&["upload", "journal-9.jsonl", "journal-12.part"]) {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for _ in 0..2 {
            folder.settle("journal-10.jsonl").unwrap();
            let mut left: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
            left.sort();
            assert_eq!(left, kept);
            assert!(!folder.is_unsettled());
        }
        std::fs::write(folder.journal(9), "").unwrap();
        assert!(folder.is_unsettled());
    }
}
