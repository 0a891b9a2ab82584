//! One traced request while it is served.

use opentelemetry::SpanId;
use opentelemetry::trace::SpanContext;
use samovar_runtime::{RunTrace, TracedRun};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// One traced request while it is served.
#[derive(Debug)]
pub(crate) struct RequestTrace {
    pub(super) context: SpanContext,
    /// The client's span.
    pub(super) parent: Option<SpanId>,
    began: (Instant, SystemTime),
    runs: Arc<RunTrace>,
}

impl RequestTrace {
    pub(super) fn new(context: SpanContext, parent: Option<SpanId>) -> Self {
        Self { context, parent, began: (Instant::now(), SystemTime::now()), runs: Arc::default() }
    }

    /// Serves the request, and notes every run that it waits for.
    pub(crate) async fn watch<F: Future>(&self, answer: F) -> F::Output {
        RunTrace::watch(Arc::clone(&self.runs), answer).await
    }

    /// The runs that it waited for.
    pub(super) fn runs(&self) -> Vec<TracedRun> {
        self.runs.take()
    }

    pub(super) const fn began(&self) -> SystemTime {
        self.began.1
    }

    /// A moment by the wall clock, as it stood when the request came.
    pub(super) fn wall(&self, moment: Instant) -> SystemTime {
        self.began.1 + moment.saturating_duration_since(self.began.0)
    }
}
