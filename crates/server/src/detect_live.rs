//! Live detection: what the detect stream adds to a session.

use crate::detect_query::{DetectQuery, changed};
use crate::error::{ApiError, Refusal};
use crate::stream_kind::{LiveStream, Readiness, StreamOpening, picture};
use crate::stream_link::StreamText;
use crate::wire::{Control, DetectAnswer, OptionsBody, StreamEventBody, StreamNotice, ms};
use bytes::Bytes;
use samovar_media::ImageLimits;
use samovar_models::{Detections, Detector};
use samovar_pipelines::{DetectStream, FrameEvent};
use samovar_runtime::ModelHandle;
use std::time::Duration;

/// A detect stream that has been asked for.
pub(crate) struct DetectOpening {
    pub(crate) query: DetectQuery,
    pub(crate) detector: Detector,
}

/// A detect stream whose model is warm.
pub(crate) struct DetectLive {
    stream: DetectStream,
    limits: ImageLimits,
}

impl StreamOpening for DetectOpening {
    type Live = DetectLive;

    fn handle(&self) -> &ModelHandle {
        self.detector.handle()
    }

    fn open_time(&self, limit: Duration) -> Duration {
        self.query.timeout(limit)
    }

    fn ready(&self, readiness: &Readiness<'_>) -> Result<(DetectLive, StreamText), ApiError> {
        let model = self.detector.model()?;
        let options = self.query.options(&model)?;
        let generation = readiness.opened.generation();
        let event = StreamEventBody::Ready {
            model: generation.name.to_string(),
            generation: generation.number,
            version: generation.version,
            engine: generation.engine,
            precision: generation.precision.name(),
            warm: readiness.is_warm(),
            open_ms: ms(readiness.took),
            options: OptionsBody::new(&options, &model),
        };
        let stream = DetectStream::new(self.detector.clone(), options, readiness.key);
        let limits = readiness.app.options.limits.image;
        Ok((DetectLive { stream, limits }, StreamText::lasting(&event)))
    }
}

impl LiveStream for DetectLive {
    fn push(&mut self, number: u64, bytes: Bytes) {
        match picture(bytes, self.limits) {
            Ok(picture) => self.stream.push(number, picture),
            Err(error) => self.stream.push_error(number, error),
        }
    }

    async fn next(&mut self) -> StreamText {
        text(self.stream.next().await)
    }

    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError> {
        let unreadable =
            "a control message is an object with `type` \"options\" and score_min, iou_max, detections_max or classes";
        let control: Control = serde_json::from_str(text).map_err(|_| ApiError::new(Refusal::Control, unreadable))?;
        let model = self.stream.detector().model()?;
        let options = changed(self.stream.options(), control, &model)?;
        let shown = OptionsBody::new(&options, &model);
        self.stream.set_options(options);
        Ok(Some(StreamText::lasting(&StreamEventBody::Options(shown))))
    }

    fn is_idle(&self) -> bool {
        self.stream.is_idle()
    }
}

fn text(event: FrameEvent<Detections>) -> StreamText {
    match event {
        FrameEvent::Result { frame, completed, latency } => {
            let answer = DetectAnswer::new(&completed, latency);
            StreamText::replaceable(&StreamEventBody::Result { frame, answer })
        }
        FrameEvent::Dropped { frame, count } => StreamNotice::overloaded(frame, count).text(),
        FrameEvent::Error { frame, error } => StreamNotice::failed(frame, error).text(),
    }
}
