//! Live detection: what the detect stream adds to a session.

use crate::detect_query::{DetectQuery, changed};
use crate::error::{ApiError, Refusal};
use crate::stream_intake::{IntakePlace, StreamIntake, Taken};
use crate::stream_kind::{LiveStream, Readiness, StreamOpening};
use crate::stream_link::StreamText;
use crate::stream_teller::StreamTeller;
use crate::streams::{StreamFacts, StreamKind};
use crate::wire::{Control, DetectAnswer, OptionsBody, StreamEventBody, ms};
use bytes::Bytes;
use samovar_models::{Detections, Detector};
use samovar_pipelines::{DetectStream, FrameEvent};
use samovar_runtime::ModelHandle;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

/// A detect stream that has been asked for.
pub(crate) struct DetectOpening {
    pub(crate) query: DetectQuery,
    pub(crate) detector: Detector,
    pub(crate) place: IntakePlace,
}

/// A detect stream whose model is warm.
pub(crate) struct DetectLive {
    stream: DetectStream,
    intake: StreamIntake,
    teller: StreamTeller,
}

impl StreamOpening for DetectOpening {
    type Live = DetectLive;

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            kind: StreamKind::Detect,
            models: vec![self.detector.handle().name().to_owned()],
            source: None,
            weight: self.query.weight().unwrap_or(NonZeroU16::MIN),
        }
    }

    fn handles(&self) -> Vec<&ModelHandle> {
        vec![self.detector.handle()]
    }

    fn open_time(&self, limit: Duration) -> Duration {
        self.query.timeout(limit)
    }

    fn ready(&self, readiness: &Readiness<'_>) -> Result<(DetectLive, StreamText), ApiError> {
        let model = self.detector.model()?;
        let options = self.query.options(&model)?;
        let generation = readiness.generation();
        let event = StreamEventBody::Ready {
            stream: readiness.stream.id().to_string(),
            model: generation.name.to_string(),
            generation: generation.number,
            version: generation.version,
            engine: generation.engine,
            precision: generation.precision.name(),
            warm: readiness.is_warm(),
            open_ms: ms(readiness.took),
            options: OptionsBody::new(&options, &model),
        };
        let mut stream = DetectStream::new(self.detector.clone(), options, readiness.key);
        stream.set_weight(self.query.weight()?);
        let intake = StreamIntake::new(&self.place, readiness.app);
        let teller = StreamTeller::new(Arc::clone(readiness.stream));
        Ok((DetectLive { stream, intake, teller }, StreamText::lasting(&event)))
    }
}

impl LiveStream for DetectLive {
    fn push(&mut self, number: u64, bytes: Bytes) {
        if let Some(taken) = self.intake.push(number, bytes) {
            self.take(taken);
        }
    }

    async fn next(&mut self) -> StreamText {
        loop {
            tokio::select! {
                taken = self.intake.next() => self.take(taken),
                event = self.stream.next() => return told(&mut self.teller, event),
            }
        }
    }

    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError> {
        let unreadable = || format!("a control message is an object with `type` \"options\" and {}", Control::FIELDS);
        let control: Control = serde_json::from_str(text).map_err(|_| ApiError::new(Refusal::Control, unreadable()))?;
        let model = self.stream.detector().model()?;
        let options = changed(self.stream.options(), control, &model)?;
        let shown = OptionsBody::new(&options, &model);
        self.stream.set_options(options);
        Ok(Some(StreamText::lasting(&StreamEventBody::Options(shown))))
    }

    fn is_idle(&self) -> bool {
        self.intake.is_idle() && self.stream.is_idle()
    }
}

impl DetectLive {
    fn take(&mut self, (number, picture): Taken) {
        match picture {
            Ok(picture) => {
                self.teller.coming(number, &picture);
                self.stream.push(number, picture);
            }
            Err(error) => self.stream.push_error(number, error),
        }
    }
}

/// The event as it is sent; counted, told to readers and shown to viewers.
pub(crate) fn told(teller: &mut StreamTeller, event: FrameEvent<Detections>) -> StreamText {
    match event {
        FrameEvent::Result { frame, completed, latency } => {
            let answer = DetectAnswer::new(&completed, latency);
            let text = StreamText::replaceable(&StreamEventBody::Result { frame, answer });
            teller.answered(frame, (latency, &completed.timings), &text);
            text
        }
        FrameEvent::Dropped { frame, count } => teller.dropped(frame, count),
        FrameEvent::Error { frame, error } => teller.failed(frame, error),
    }
}
