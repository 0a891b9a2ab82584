//! What happens in the runtime, told as it happens: the server counts it, tests count it.

use crate::{Class, Drift};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Hears of every event, on the thread where it happens: it must be quick. A panic costs it the event.
pub trait Observer: Send + Sync {
    /// Called once for each event.
    fn observe(&self, event: &Event<'_>);
}

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A model was loaded (warm-up not included).
    Loaded {
        /// The model's name.
        model: &'a str,
        /// From the start of the load.
        took: Duration,
    },
    /// A load failed, at whatever step.
    LoadFailed {
        /// The model's name.
        model: &'a str,
        /// Stable code of the failure.
        code: &'static str,
    },
    /// A warm-up ran to its end.
    WarmedUp {
        /// The model's name.
        model: &'a str,
        /// All slots, all lanes.
        took: Duration,
        /// Runs that it needed.
        runs: u32,
    },
    /// Somebody asked for a warm model and found it warm.
    WarmUpSkipped {
        /// The model's name.
        model: &'a str,
    },
    /// A new generation took over from an old one.
    Swapped {
        /// The model's name.
        model: &'a str,
    },
    /// A model was unloaded to make room for another one.
    Evicted {
        /// The model's name.
        model: &'a str,
    },
    /// A model had become slow and is warmed again.
    DriftRewarm {
        /// The model's name.
        model: &'a str,
        /// How slow, and for which batch size.
        drift: Drift,
    },
    /// The ways to run a model were measured and the best one was kept.
    PlanMeasured {
        /// The model's name.
        model: &'a str,
        /// All candidates.
        took: Duration,
    },
    /// A load went by a plan.
    PlanUsed {
        /// The model's name.
        model: &'a str,
        /// Whether it was measured by an earlier process.
        stored: bool,
    },
    /// A stored plan gave other numbers than when it was measured, or cannot be used here any more.
    PlanMismatch {
        /// The model's name.
        model: &'a str,
    },
    /// A generation left memory.
    Unloaded {
        /// The model's name.
        model: &'a str,
    },
    /// One batch ran.
    BatchRun {
        /// The model's name.
        model: &'a str,
        /// Class of the work that led the batch.
        class: Class,
        /// Rows that ran.
        rows: usize,
        /// Longest wait of a row in the queue.
        waited: Duration,
        /// Writing the rows: decode, resize, normalise.
        wrote: Duration,
        /// The engine's own time.
        ran: Duration,
        /// Reading the rows.
        read: Duration,
    },
    /// Work that was accepted will not be started, or was refused.
    Dropped {
        /// The model's name.
        model: &'a str,
        /// Class of the work.
        class: Class,
        /// Why.
        reason: DropReason,
    },
    /// A run failed in the engine.
    RunFailed {
        /// The model's name.
        model: &'a str,
    },
    /// A panic was caught; it cost the work it happened in and nothing else.
    Panicked {
        /// The model's name.
        model: &'a str,
    },
}

/// Why work was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// A newer frame of the same stream took its place.
    Displaced,
    /// Its deadline or the waiting limit passed.
    Expired,
    /// Its caller went away.
    Cancelled,
    /// The queue was full.
    Refused,
    /// Its model went away under it.
    Unloaded,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Displaced, Self::Expired, Self::Cancelled, Self::Refused, Self::Unloaded];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Displaced => "displaced",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Unloaded => "unloaded",
        }
    }
}

/// Keeps what an observer does wrong from those that tell it something.
pub(crate) struct Contained(pub(crate) Arc<dyn Observer>);

impl Observer for Contained {
    fn observe(&self, event: &Event<'_>) {
        if catch_unwind(AssertUnwindSafe(|| self.0.observe(event))).is_err() {
            tracing::error!(?event, "the observer panicked at an event");
        }
    }
}

/// Hears nothing.
pub(crate) struct Silent;

impl Observer for Silent {
    fn observe(&self, _event: &Event<'_>) {}
}
