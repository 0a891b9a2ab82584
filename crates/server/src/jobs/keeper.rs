//! Stands in for the runner where none works inside: nothing is run, and what is forgotten is removed.

use super::settle;
use samovar_jobs::{Job, JobContext, JobId, JobRunner, RunEnd};
use samovar_recorded::WorkFolder;
use std::future::{Future, ready};
use std::path::PathBuf;
use std::pin::Pin;

/// Keeps the folder of all jobs.
pub(super) struct Keeper {
    pub(super) folder: PathBuf,
}

impl Keeper {
    fn of(&self, id: JobId) -> WorkFolder {
        WorkFolder::new(&self.folder, &id.to_string())
    }
}

impl JobRunner for Keeper {
    /// Never called by a worker without places.
    fn run(&self, _: Job, _: JobContext) -> Pin<Box<dyn Future<Output = RunEnd> + Send + '_>> {
        Box::pin(ready(RunEnd::Stopped))
    }

    fn settled(&self, id: JobId, result: &str) {
        settle(&self.of(id), result);
    }

    fn forget(&self, id: JobId) {
        super::folder::remove(self.of(id).path());
    }
}
