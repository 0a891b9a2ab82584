//! One source that runs, as routes see it.

use super::{SourcePipeline, SourceSettings};
use crate::sinks::Sink;
use crate::streams::OpenStream;
use parking_lot::Mutex;
use samovar_models::DetectOptions;
use samovar_pipelines::{AnomalyOptions, SourceMonitor};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// One source that runs, as routes see it.
pub(crate) struct RunningSource {
    /// As it was configured or added.
    pub(crate) settings: SourceSettings,
    /// Whether it comes from the configuration; what a client added does not outlive the server.
    pub(crate) configured: bool,
    /// Its place on the board.
    pub(crate) stream: Arc<OpenStream>,
    /// How its reader does.
    pub(crate) monitor: SourceMonitor,
    /// Where its events go.
    pub(super) sinks: Vec<Arc<Sink>>,
    /// What is in force from the next frame on. Written by routes, followed by the source's task.
    pub(crate) options: watch::Sender<SourceOptions>,
    pub(super) models: Mutex<SourceModels>,
    /// Cancelled when its task has ended and everything of it is freed.
    pub(super) done: CancellationToken,
}

/// The thresholds of a source.
#[derive(Clone, Debug)]
pub(crate) enum SourceOptions {
    /// Of people and their movements.
    Anomaly(AnomalyOptions),
    /// Of objects.
    Detect(DetectOptions),
}

/// Where a source is with its models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceModels {
    /// They are being loaded, or cannot be had yet; with the code of why, where a try has failed.
    Waiting(Option<&'static str>),
    /// They are warm, by their configured names.
    Ready(Vec<String>),
}

impl SourceOptions {
    /// Those that a source begins with.
    pub(super) fn of(pipeline: &SourcePipeline) -> Self {
        match pipeline {
            SourcePipeline::Anomaly(settings) => Self::Anomaly(settings.options.clone()),
            SourcePipeline::Detect { options, .. } => Self::Detect(options.clone()),
        }
    }
}

impl RunningSource {
    /// Its name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.settings.spec.name
    }

    /// Where it is with its models.
    pub(crate) fn models(&self) -> SourceModels {
        self.models.lock().clone()
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn end(&self) {
        self.stream.close();
        self.done.cancelled().await;
    }
}
