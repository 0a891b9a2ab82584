//! Work that was not let in, or will not be started: what its caller is told.

use crate::work::Work;
use crate::{DropReason, RunError, RunErrorKind};
use samovar_schedule::RefusedReason;
use std::time::Duration;

/// Work that was not let in.
pub(crate) struct Unqueued {
    pub(crate) work: Work,
    pub(crate) reason: RefusedReason,
}

impl Unqueued {
    pub(crate) fn error(&self) -> RunError {
        match self.reason {
            RefusedReason::Full { retry_after } => full_error(retry_after),
            RefusedReason::WouldWait => {
                let retry_after = Duration::from_secs(1);
                RunError::new(RunErrorKind::QueueFull { retry_after }, "the queue for jobs is full; ask again later")
            }
            RefusedReason::Late => dropped_error(DropReason::Expired),
            RefusedReason::Closed => RunError::shutting_down(),
        }
    }
}

pub(crate) fn full_error(retry_after: Duration) -> RunError {
    RunError::new(RunErrorKind::QueueFull { retry_after }, "the queue is full; ask again after the time given")
}

pub(crate) fn dropped_error(reason: DropReason) -> RunError {
    match reason {
        DropReason::Displaced => RunError::new(RunErrorKind::Displaced, "a newer frame of this stream took its place"),
        DropReason::Expired => {
            RunError::new(RunErrorKind::DeadlineExceeded, "the deadline passed before the work could be started")
        }
        DropReason::Unloaded => RunError::new(
            RunErrorKind::NotReady { retry_after: Duration::from_secs(1) },
            "the model was unloaded before the work could be started",
        ),
        DropReason::Cancelled | DropReason::Refused => RunError::internal("the work was cancelled"),
    }
}
