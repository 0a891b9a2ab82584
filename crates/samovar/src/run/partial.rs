//! The folder of a run that has not ended: the journal of each video, and what a later run needs to go on. It lies beside the output, so
//! that the same command finds it again.

use super::detect_arguments::ResultArguments;
use super::input::Input;
use super::result_target::ResultTarget;
use crate::failure::{CliError, Exit};
use crate::{sha256, stdout};
use samovar_recorded::JournalReader;
use std::collections::HashSet;
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder of a run that has not ended.
#[derive(Debug)]
pub struct Partial {
    folder: PathBuf,
    /// Beside the output, for a later run. Else it goes away with this one.
    is_kept: bool,
    /// Names of journals: one input that was given twice has two.
    names: HashSet<String>,
    /// Held while this run lasts.
    _lock: File,
}

/// The file that is locked.
const LOCK: &str = "lock";
/// Ends of the names of all files that are ever in such a folder.
const OWN: [&str; 3] = [".jsonl", ".drawn", ".part"];

impl Partial {
    /// The folder beside the output.
    ///
    /// # Errors
    /// Where it cannot be made, where another run is at work in it, and where an earlier run left something that nobody said what to do with.
    pub fn beside(target: &ResultTarget, arguments: &ResultArguments) -> Result<Self, CliError> {
        let folder = target.partial();
        let existed = folder.is_dir();
        std::fs::create_dir_all(&folder).map_err(|error| stdout::write_error(&folder.display().to_string(), &error))?;
        let partial = Self::locked(folder, true)?;
        if existed && !arguments.resume {
            if !arguments.overwrite && partial.holds_frames() {
                let message = format!("{} holds a part of the results of an earlier run", partial.folder.display());
                let cure = "go on with it: --resume; or begin anew: --overwrite";
                return Err(CliError::new("partial_result", message).cure(cure).exit(Exit::Usage));
            }
            partial.clear();
        }
        Ok(partial)
    }

    /// A folder of this run alone.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn temporary() -> Result<Self, CliError> {
        let id = std::process::id();
        let candidates = (0..100).map(|number| std::env::temp_dir().join(format!("samovar-run-{id}-{number}")));
        // Never one that somebody else has put there.
        let make = |folder: PathBuf| DirBuilder::new().mode(0o700).create(&folder).map(|()| folder);
        let made = candidates.map(make).find(|made| !made.as_ref().is_err_and(is_taken));
        let folder = made.unwrap_or_else(|| Err(std::io::Error::other("no name is free")));
        let folder = folder.map_err(|error| stdout::write_error("the system's temporary folder", &error))?;
        Self::locked(folder, false)
    }

    fn locked(folder: PathBuf, is_kept: bool) -> Result<Self, CliError> {
        let failed = |error: &std::io::Error| stdout::write_error(&folder.display().to_string(), error);
        let lock = File::create(folder.join(LOCK)).map_err(|error| failed(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, is_kept, names: HashSet::new(), _lock: lock }),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another run is at work on the same output, in {}", folder.display());
                Err(CliError::new("output_busy", message).cure("wait for it, or give another output: -o OUT"))
            }
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the journal of an input lies; to be asked once for each, in their order.
    pub fn journal(&mut self, input: &Input) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        let file = input.output_name.file_name().unwrap_or_default().to_string_lossy();
        let shown: String = file.chars().map(plain).take(64).collect();
        let hash = sha256::of_bytes(input.label.as_bytes());
        let names = (1..).map(|number| format!("{shown}-{}-{number}.jsonl", &hash[..12]));
        let name = names.into_iter().find(|name| !self.names.contains(name)).unwrap_or_default();
        self.names.insert(name.clone());
        self.folder.join(name)
    }

    /// Removes it and all that it holds.
    pub fn remove(mut self) {
        self.is_kept = false;
    }

    fn holds_frames(&self) -> bool {
        self.own_files().iter().any(|path| {
            let first = JournalReader::open(path).and_then(|mut journal| journal.next_frame());
            first.is_ok_and(|frame| frame.is_some())
        })
    }

    /// Only files that a run has made: the folder might be somebody else's.
    fn own_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        paths.filter(|path| OWN.iter().any(|end| path.to_string_lossy().ends_with(end))).collect()
    }

    fn clear(&self) {
        for path in self.own_files() {
            drop(std::fs::remove_file(path));
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        self.clear();
        drop(std::fs::remove_file(self.folder.join(LOCK)));
        if let Err(error) = std::fs::remove_dir(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a folder of work in progress cannot be removed");
        }
    }
}

fn is_taken(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::AlreadyExists
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::input::Source;

    fn input(label: &str) -> Input {
        Input { label: label.to_owned(), source: Source::File(label.into()), output_name: "walk.mp4".into() }
    }

    #[test]
    fn a_journal_is_found_again_by_its_input() {
        let (mut first, mut second) = (Partial::temporary().unwrap(), Partial::temporary().unwrap());
        let name = |partial: &mut Partial, label| partial.journal(&input(label)).file_name().unwrap().to_owned();
        let names = ["a/walk.mp4", "b/walk.mp4", "a/walk.mp4"].map(|label| name(&mut first, label));
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 3);
        assert_eq!(name(&mut second, "b/walk.mp4"), names[1]);
        let folders = [&first, &second].map(|partial| partial.folder().to_owned());
        drop((first, second));
        assert!(folders.iter().all(|folder| !folder.exists()));
    }

    #[test]
    fn strangers_files_stay() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("walk.csv.partial");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("diary.txt"), "mine").unwrap();
        Partial::locked(folder.clone(), true).unwrap().remove();
        assert!(folder.join("diary.txt").exists());
    }

    #[test]
    fn two_runs_do_not_share_a_folder() {
        let partial = Partial::temporary().unwrap();
        assert_eq!(Partial::locked(partial.folder().to_owned(), true).unwrap_err().code, "output_busy");
    }
}
