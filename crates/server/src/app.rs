//! What every route works with.

use crate::error::{ApiError, Refusal};
use crate::{Metrics, ServerOptions};
use samovar_models::Detector;
use samovar_runtime::{ModelHandle, ModelState, Registry, StreamKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every route works with. One value per server.
pub(crate) struct App {
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: ServerOptions,
    /// Every task of this server.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when streams and kept connections are to end.
    pub(crate) closing: CancellationToken,
    /// Cancelled when everything that is left is to end at once.
    pub(crate) kill: CancellationToken,
    /// Pictures that may be annotated at the same time.
    pub(crate) annotations: Semaphore,
    /// Set once, when every preloaded model has been ready at the same time.
    pub(crate) started: AtomicBool,
    /// Set once, when the server begins to go down.
    pub(crate) draining: AtomicBool,
    next_key: AtomicU64,
}

impl App {
    pub(crate) fn new(options: ServerOptions, registry: Arc<Registry>, metrics: Arc<Metrics>) -> Self {
        metrics.know(registry.list().iter().map(|model| model.name.as_str()));
        Self {
            registry,
            metrics,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            kill: CancellationToken::new(),
            annotations: Semaphore::new(options.limits.annotations_max),
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            next_key: AtomicU64::new(0),
            options,
        }
    }

    /// A key that no other stream or connection has.
    pub(crate) fn next_key(&self) -> StreamKey {
        StreamKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// The model of that name.
    pub(crate) fn model(&self, name: &str) -> Result<ModelHandle, ApiError> {
        Ok(self.registry.model(name)?)
    }

    /// The detector of that name; where none is named, the default one, or the only one.
    pub(crate) fn detector(&self, name: Option<&str>) -> Result<Detector, ApiError> {
        let name = match name.or(self.options.default_model.as_deref()) {
            Some(name) => name.to_owned(),
            None => self.only_detector()?,
        };
        self.model(&name).map(Detector::new)
    }

    fn only_detector(&self) -> Result<String, ApiError> {
        let mut candidates = self.registry.list().into_iter().filter(|model| may_detect(&model.state));
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => Ok(only.name),
            (None, _) => Err(ApiError::new(Refusal::ModelRequired, "no detection model is configured")),
            _ => Err(ApiError::new(Refusal::ModelRequired, "there are several models and the request names none")),
        }
    }
}

/// What a model is shows when it has loaded; until then it may be anything.
fn may_detect(state: &ModelState) -> bool {
    state.generation().is_none_or(|generation| matches!(generation.family.name(), "yolo" | "yolox"))
}
