//! An event on its way to a sink.

use crate::random_id::RandomId;
use axum::extract::ws::Utf8Bytes;
use samovar_pipelines::SceneEventKind;
use std::sync::Arc;
use tokio::time::Instant;

/// An event on its way to sinks. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SinkEvent {
    /// Its name; the same over all tries.
    pub(crate) delivery: RandomId,
    /// The source that it is about.
    pub(crate) source: Arc<str>,
    /// What happened.
    pub(crate) kind: SceneEventKind,
    /// The message as streams tell it, in JSON.
    pub(crate) body: Utf8Bytes,
    /// When it happened.
    pub(crate) at: Instant,
}

impl SinkEvent {
    /// An event of now.
    pub(crate) fn new(source: Arc<str>, kind: SceneEventKind, body: Utf8Bytes) -> Self {
        Self { delivery: RandomId::new(), source, kind, body, at: Instant::now() }
    }

    /// Whether a newer event says the same: that an anomaly still goes on.
    pub(super) const fn is_replaceable(&self) -> bool {
        matches!(self.kind, SceneEventKind::AnomalyUpdated)
    }
}
