//! Where jobs live: the folder with the queue's file and a folder of each job.

use super::settings::{byte_limits, job_additions, job_policy, worker_options};
use crate::config::Config;
use crate::failure::CliError;
use rustix::fs::FlockOperation;
use samovar_engines::Locations;
use samovar_jobs::{JobError, JobErrorKind, JobQueue, JobRunner, SqliteQueue};
use samovar_server::JobSettings;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where jobs live, open.
pub struct JobHouse {
    /// The queue.
    pub queue: Arc<dyn JobQueue>,
    /// Where every job has a folder of its own name.
    pub work: PathBuf,
    /// Held while a server uses the default folder, so that another, which may have other models, does not take its jobs.
    _sole: Option<File>,
}

/// The queue's file in the folder.
const QUEUE: &str = "jobs.sqlite";
/// The folders of the jobs in it.
const WORK: &str = "work";
/// Locked by the server whose folder it is.
const LOCK: &str = "server.lock";

/// Where jobs are kept: as configured, else beside the engines.
pub fn jobs_folder(config: &Config) -> PathBuf {
    let folder = config.jobs.folder.clone().unwrap_or_else(|| Locations::from_environment().home.join("jobs"));
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The queue's file.
pub fn queue_file(config: &Config) -> PathBuf {
    jobs_folder(config).join(QUEUE)
}

impl JobHouse {
    /// Opens the house for a server; none where jobs are switched off.
    ///
    /// # Errors
    /// A damaged queue. Any other only where the configuration asks for jobs: a server that nobody told about jobs serves without, and
    /// says so.
    pub fn of_server(config: &Config) -> Result<Option<Self>, CliError> {
        let asked = config.jobs.enabled == Some(true) || config.jobs.folder.is_some();
        if config.jobs.enabled == Some(false) {
            return Ok(None);
        }
        let opened = match config.jobs.folder {
            Some(_) => Self::open(config),
            None => Self::open_alone(config),
        };
        match opened {
            Ok(house) => Ok(Some(house)),
            Err(error) if asked || error.code == JobErrorKind::Corrupt.code() => Err(error),
            Err(error) => {
                crate::stderr::line(&format!("no jobs are taken: {}", error.message));
                Ok(None)
            }
        }
    }

    /// Opens the house, which others may use too.
    ///
    /// # Errors
    /// A folder that cannot be made or written, a queue that cannot be opened.
    pub fn open(config: &Config) -> Result<Self, CliError> {
        let folder = jobs_folder(config);
        let work = folder.join(WORK);
        make_private(&work).map_err(|error| unwritable(&folder, &error))?;
        let queue =
            SqliteQueue::open(&queue_file(config), job_policy(config)).map_err(|error| told(&folder, &error))?;
        Ok(Self { queue: Arc::new(queue), work, _sole: None })
    }

    fn open_alone(config: &Config) -> Result<Self, CliError> {
        let folder = jobs_folder(config);
        make_private(&folder).map_err(|error| unwritable(&folder, &error))?;
        let lock = File::create(folder.join(LOCK)).map_err(|error| unwritable(&folder, &error))?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let message = format!("another server keeps its jobs in {}", folder.display());
            return Err(CliError::new("jobs_folder_taken", message)
                .cure("give this one a `folder` of its own in `[jobs]`, or `enabled = false`"));
        }
        Ok(Self { _sole: Some(lock), ..Self::open(config)? })
    }

    /// What the server takes; `runner` works inside it.
    pub fn settings(&self, config: &Config, runner: Option<Arc<dyn JobRunner>>) -> JobSettings {
        let (upload_bytes_max, free_bytes_min) = byte_limits(config);
        JobSettings {
            runner,
            worker: worker_options(config),
            upload_bytes_max,
            free_bytes_min,
            additions: job_additions(config),
            every: config.video.frame_skip_factor,
            ..JobSettings::new(Arc::clone(&self.queue), self.work.clone())
        }
    }
}

/// A folder that nobody else on this machine looks into: addresses of videos may hold passwords. One that is there stays as it is.
fn make_private(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn unwritable(folder: &Path, error: &std::io::Error) -> CliError {
    CliError::new("jobs_folder_unwritable", format!("jobs cannot be kept in {}: {error}", folder.display()))
        .cure("set `folder` in `[jobs]` to one that this user may write, or `enabled = false`")
}

fn told(folder: &Path, error: &JobError) -> CliError {
    let failure = CliError::new(error.kind().code(), format!("the queue in {}: {error}", folder.display()));
    match error.kind() {
        JobErrorKind::Corrupt => failure.cure(
            "put a copy of `jobs.sqlite` back, or move the folder away to begin with none; `enabled = false` in `[jobs]` serves meanwhile",
        ),
        JobErrorKind::StorageFull => failure.cure("make space on the disk"),
        _ => failure.cure("check the disk, and who may read and write the folder"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: Option<PathBuf>, enabled: Option<bool>) -> Config {
        let mut config = Config::default();
        (config.jobs.folder, config.jobs.enabled) = (folder, enabled);
        config
    }

    #[test]
    fn there_is_none_where_it_is_switched_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs");
        assert!(JobHouse::of_server(&config(Some(path.clone()), Some(false))).unwrap().is_none());
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_is_named_is_shared_and_one_that_cannot_be_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let named = config(Some(folder.path().join("jobs")), None);
        let both = [JobHouse::of_server(&named).unwrap(), JobHouse::of_server(&named).unwrap()];
        assert!(both.iter().all(Option::is_some));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = JobHouse::of_server(&config(Some(file.join("jobs")), None)).err().unwrap();
        assert_eq!(error.code, "jobs_folder_unwritable");
    }

    #[test]
    fn nobody_else_looks_into_a_new_folder() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs");
        let _house = JobHouse::of_server(&config(Some(path.clone()), None)).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn what_is_configured_reaches_jobs_that_do_not_say() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(Some(folder.path().join("jobs")), None);
        config.video.frame_skip_factor = 5.try_into().unwrap();
        let house = JobHouse::of_server(&config).unwrap().unwrap();
        assert_eq!(house.settings(&config, None).every.get(), 5);
    }

    #[test]
    fn a_damaged_queue_is_never_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(QUEUE);
        std::fs::write(&file, "this is no database, and somebody may want to look at it").unwrap();
        let before = std::fs::read(&file).unwrap();
        let error = JobHouse::of_server(&config(Some(folder.path().to_path_buf()), None)).err().unwrap();
        assert!(error.code == "storage_corrupt" && error.cure.is_some(), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
}
