//! Jobs: how many in each state, what was accepted and refused, how attempts ended and how long they took.

use super::{Counts, Levels, Times, add};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use samovar_jobs::{Attempted, JobCounts, JobState, RunEnd, WorkerEvent, WorkerFigures};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Jobs, counted.
pub(crate) struct JobMetrics {
    states: Levels<StateLabels>,
    oldest_queued_seconds: Gauge<f64, AtomicU64>,
    accepted: Counts<InputLabels>,
    refused: Counts<CodeLabels>,
    upload_bytes: Counter,
    attempts: Counts<EndLabels>,
    attempt_seconds: Times<EndLabels>,
    worker_events: Counts<EventLabels>,
}

/// How a video comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobInputKind {
    /// It is sent along.
    Upload,
    /// It lies on the server's machine.
    Path,
    /// It is fetched.
    Url,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InputLabels {
    input: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    end: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    event: &'static str,
}

impl JobInputKind {
    const ALL: [Self; 3] = [Self::Upload, Self::Path, Self::Url];

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Path => "path",
            Self::Url => "url",
        }
    }
}

impl JobMetrics {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            states: add(into, "samovar_jobs", "Jobs, by state.", Family::default()),
            oldest_queued_seconds: add(
                into,
                "samovar_jobs_oldest_queued_seconds",
                "Age of the oldest job that waits and may begin.",
                Gauge::default(),
            ),
            accepted: add(into, "samovar_jobs_accepted", "Jobs that were accepted.", Family::default()),
            refused: add(into, "samovar_jobs_refused", "Jobs that were not, by code.", Family::default()),
            upload_bytes: add(into, "samovar_job_upload_bytes", "Bytes of videos sent along.", Counter::default()),
            attempts: add(into, "samovar_job_attempts", "Attempts of the worker inside, by end.", Family::default()),
            attempt_seconds: add(into, "samovar_job_attempt_seconds", "How long attempts took, by end.", long()),
            worker_events: add(
                into,
                "samovar_job_worker_events",
                "What happened to jobs in the hands of the worker inside.",
                Family::default(),
            ),
        }
    }

    /// Puts everything on the page, at zero.
    pub(crate) fn know(&self) {
        self.sampled(&JobCounts::default());
        for input in JobInputKind::ALL {
            drop(self.accepted.get_or_create(&InputLabels { input: input.name() }));
        }
        for code in ["job_queue_full", "storage_full", "too_many_uploads", "body_too_large", "unsupported_media"] {
            drop(self.refused.get_or_create(&CodeLabels { code }));
        }
        self.worked(&WorkerFigures::default());
        for end in ENDS {
            drop(self.attempts.get_or_create(&EndLabels { end }));
            drop(self.attempt_seconds.get_or_create(&EndLabels { end }));
        }
    }

    /// Sets what there is at this moment.
    pub(crate) fn sampled(&self, counts: &JobCounts) {
        let of = |state| match state {
            JobState::Queued => counts.queued,
            JobState::Running => counts.running,
            JobState::Done => counts.done,
            JobState::Failed => counts.failed,
            JobState::Cancelled => counts.cancelled,
        };
        for state in JobState::ALL {
            let level = i64::try_from(of(state)).unwrap_or(i64::MAX);
            self.states.get_or_create(&StateLabels { state: state.name() }).set(level);
        }
        self.oldest_queued_seconds.set(Duration::from_millis(counts.oldest_queued_ms).as_secs_f64());
    }

    /// What [`sampled`](Self::sampled) was told last, but for the age of the oldest.
    pub(crate) fn in_state(&self, state: JobState) -> u64 {
        self.states.get_or_create(&StateLabels { state: state.name() }).get().try_into().unwrap_or(0)
    }

    /// Age of the oldest that waits and may begin, in seconds, as it was last sampled.
    pub(crate) fn oldest_queued_s(&self) -> f64 {
        self.oldest_queued_seconds.get()
    }

    /// Goes on to what the worker has counted. There is one.
    pub(crate) fn worked(&self, figures: &WorkerFigures) {
        for event in WorkerEvent::ALL {
            let counter = self.worker_events.get_or_create(&EventLabels { event: event.name() });
            counter.inc_by(figures.count(event).saturating_sub(counter.get()));
        }
    }

    pub(crate) fn accepted(&self, input: JobInputKind) {
        self.accepted.get_or_create(&InputLabels { input: input.name() }).inc();
    }

    /// `code` is one of the error codes, which are a closed set.
    pub(crate) fn refused(&self, code: &'static str) {
        self.refused.get_or_create(&CodeLabels { code }).inc();
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.upload_bytes.inc_by(bytes as u64);
    }

    pub(crate) fn attempted(&self, end: &RunEnd, took: Duration) {
        let labels = EndLabels { end: word(end) };
        self.attempts.get_or_create(&labels).inc();
        self.attempt_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

const ENDS: [&str; 4] = ["done", "retry", "failed", "stopped"];

const fn word(end: &RunEnd) -> &'static str {
    match end {
        RunEnd::Done(_) => ENDS[0],
        RunEnd::Failed(_, Attempted::Retry | Attempted::Later) => ENDS[1],
        RunEnd::Failed(_, Attempted::Never) => ENDS[2],
        RunEnd::Stopped => ENDS[3],
    }
}

/// 100 ms to 29 hours: recordings are of every length.
fn long<L: Clone + std::hash::Hash + Eq>() -> Times<L> {
    Times::new_with_constructor(|| Histogram::new(exponential_buckets(0.1, 4.0, 11)))
}
