//! Jobs that somebody follows: looked at a few times a second while anybody does, however many they are.
//!
//! Each followed job is asked for by its name. To read all changes instead would have whoever begins to listen first find out which
//! change was the last, and tell nothing of a job that was deleted.

use parking_lot::Mutex;
use samovar_jobs::{Job, JobErrorKind, JobId, JobQueue};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// Jobs that somebody follows. Has an entry only for those, so it is bounded by the readers.
#[derive(Default)]
pub(crate) struct JobWatches {
    watched: Arc<Mutex<HashMap<JobId, Watched>>>,
    begun: Notify,
}

/// What is known of a job.
#[derive(Clone, Debug)]
pub(crate) enum JobSeen {
    /// As it was when it was last looked at.
    Job(Arc<Job>),
    /// It was forgotten.
    Gone,
}

struct Watched {
    seen: watch::Sender<JobSeen>,
    readers: usize,
}

/// One who follows a job. Who is slow sees fewer changes, and always the last one.
pub(crate) struct JobWatch {
    id: JobId,
    seen: watch::Receiver<JobSeen>,
    watched: Arc<Mutex<HashMap<JobId, Watched>>>,
}

/// Between two looks: four a second are enough to look at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl JobWatches {
    /// Follows a job from what is known of it now.
    pub(crate) fn follow(&self, job: Job) -> JobWatch {
        let id = job.id;
        let mut watched = self.watched.lock();
        let entry = watched
            .entry(id)
            .or_insert_with(|| Watched { seen: watch::Sender::new(JobSeen::Job(job.into())), readers: 0 });
        entry.readers += 1;
        let mut seen = entry.seen.subscribe();
        // The first is new to this reader.
        seen.mark_changed();
        drop(watched);
        self.begun.notify_one();
        JobWatch { id, seen, watched: Arc::clone(&self.watched) }
    }

    /// Looks at what is followed, for ever. The owner of the future ends it.
    pub(super) async fn look_on(&self, queue: &dyn JobQueue) {
        loop {
            let followed: Vec<JobId> = self.watched.lock().keys().copied().collect();
            if followed.is_empty() {
                self.begun.notified().await;
                continue;
            }
            for id in followed {
                self.look(queue, id).await;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self, queue: &dyn JobQueue, id: JobId) {
        let seen = match queue.get(id).await {
            Ok(job) => JobSeen::Job(Arc::new(job)),
            Err(error) if error.kind() == JobErrorKind::Unknown => JobSeen::Gone,
            Err(error) => return tracing::debug!(%error, "a job cannot be looked at now"),
        };
        if let Some(watched) = self.watched.lock().get(&id) {
            watched.seen.send_if_modified(|before| {
                let new = !before.same(&seen);
                *before = seen;
                new
            });
        }
    }
}

impl JobSeen {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Job(one), Self::Job(other)) => one.revision == other.revision,
            (Self::Gone, Self::Gone) => true,
            _ => false,
        }
    }
}

impl JobWatch {
    /// What is new; waits until something is.
    pub(crate) async fn next(&mut self) -> JobSeen {
        match self.seen.changed().await {
            Ok(()) => self.seen.borrow_and_update().clone(),
            // The sender lives as long as this reader is counted.
            Err(_) => JobSeen::Gone,
        }
    }
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        let mut watched = self.watched.lock();
        if let Some(entry) = watched.get_mut(&self.id) {
            entry.readers -= 1;
            if entry.readers == 0 {
                watched.remove(&self.id);
            }
        }
    }
}
