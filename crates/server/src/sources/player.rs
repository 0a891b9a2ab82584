//! What looks at the frames of a source: a stream of the kind that was asked for, on models that are warm.

use super::anomaly_player::AnomalyPlayer;
use super::counts::SourceCounts;
use super::running::{RunningSource, SourceModels, SourceOptions};
use super::{SourcePipeline, SourceSettings};
use crate::app::{AnomalyNames, App};
use crate::error::ApiError;
use crate::evidence::Footage;
use crate::stream_teller::StreamTeller;
use crate::{anomaly_live, detect_live};
use futures_util::future::try_join_all;
use samovar_media::Picture;
use samovar_models::Detections;
use samovar_pipelines::{AnomalyOutput, AnomalyStream, DetectStream, FrameEvent, SourceFrame};
use samovar_runtime::ModelHandle;
use std::sync::Arc;

/// What looks at the frames of a source.
pub(super) enum Player {
    Anomaly(Box<AnomalyPlayer>),
    Detect(Box<DetectStream>, StreamTeller),
}

/// Something that a player has found out.
pub(super) enum Found {
    Anomaly(AnomalyOutput),
    Detect(FrameEvent<Detections>),
}

impl Player {
    /// Opens the models and begins.
    ///
    /// # Errors
    /// A model is not there, is of another family or cannot be loaded, now.
    pub(super) async fn open(
        app: &Arc<App>,
        source: &Arc<RunningSource>,
        footage: Option<Footage>,
    ) -> Result<Self, ApiError> {
        let SourceSettings { spec, pipeline, .. } = &source.settings;
        match pipeline {
            SourcePipeline::Anomaly(settings) => {
                let models = app.anomaly_models(AnomalyNames {
                    detector: settings.detector.as_deref(),
                    pose: settings.pose.as_deref(),
                    sequence: settings.sequence.as_deref(),
                    appearance: settings.appearance.as_deref(),
                })?;
                warm(source, &models.handles()).await?;
                anomaly_live::check(&models)?;
                let stream = AnomalyStream::new(models, settings.options.clone(), app.next_key(), spec.weight);
                Ok(Self::Anomaly(Box::new(AnomalyPlayer::new(stream, app, source, footage))))
            }
            SourcePipeline::Detect { model, options } => {
                let detector = app.detector(model.as_deref())?;
                warm(source, &[detector.handle()]).await?;
                detector.model()?.check(options)?;
                let mut stream = DetectStream::new(detector, options.clone(), app.next_key());
                stream.set_weight(spec.weight);
                Ok(Self::Detect(Box::new(stream), StreamTeller::new(Arc::clone(&source.stream))))
            }
        }
    }

    pub(super) fn push(&mut self, frame: SourceFrame) {
        match self {
            Self::Anomaly(player) => player.push(frame),
            Self::Detect(stream, teller) => {
                let picture = Picture::decoded(frame.frame);
                teller.coming(frame.number, &picture);
                stream.push(frame.number, picture);
            }
        }
    }

    /// What it finds next; waits for ever while no frame is on its way. Safe to cancel.
    pub(super) async fn next(&mut self) -> Found {
        match self {
            Self::Anomaly(player) => Found::Anomaly(player.next().await),
            Self::Detect(stream, _) => Found::Detect(stream.next().await),
        }
    }

    /// Tells what was found to everybody who wants to know.
    pub(super) fn tell(&mut self, found: Found, counts: &SourceCounts) {
        match (self, found) {
            (Self::Anomaly(player), Found::Anomaly(output)) => player.tell(output, counts),
            (Self::Detect(_, teller), Found::Detect(event)) => {
                match &event {
                    FrameEvent::Result { latency, .. } => counts.looked_at(*latency),
                    FrameEvent::Dropped { count, .. } => counts.overloaded(*count),
                    _ => {}
                }
                drop(detect_live::told(teller, event));
            }
            _ => unreachable!("a player finds what it looks for"),
        }
    }

    /// Takes other thresholds from the next frame on.
    pub(super) fn set_options(&mut self, options: SourceOptions) {
        match (self, options) {
            (Self::Anomaly(player), SourceOptions::Anomaly(options)) => player.set_options(options),
            (Self::Detect(stream, _), SourceOptions::Detect(options)) => stream.set_options(options),
            // Routes change options into those of the same kind alone.
            _ => {}
        }
    }

    /// The source is over.
    pub(super) fn end(&mut self, counts: &SourceCounts) {
        if let Self::Anomaly(player) = self {
            player.end(counts);
        }
    }
}

/// Opens all of them at once.
async fn warm(source: &RunningSource, handles: &[&ModelHandle]) -> Result<(), ApiError> {
    try_join_all(handles.iter().map(|handle| handle.open())).await?;
    let names = handles.iter().map(|handle| handle.name().to_owned()).collect();
    *source.models.lock() = SourceModels::Ready(names);
    Ok(())
}
