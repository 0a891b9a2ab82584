//! Live segmentation: what the segment stream adds to a session.

use crate::app::SegmentTarget;
use crate::error::{ApiError, Refusal};
use crate::segment_query::{SegmentChoice, SegmentQuery};
use crate::stream_kind::{LiveStream, Readiness, StreamOpening, picture};
use crate::stream_link::StreamText;
use crate::stream_teller::StreamTeller;
use crate::streams::{StreamFacts, StreamKind};
use crate::wire::{
    ModeBody, ModeChange, SegmentAnswer, SegmentControl, SegmentEventBody, SegmentOptionsBody, StreamNotice,
    mask_too_large, ms,
};
use bytes::Bytes;
use samovar_media::ImageLimits;
use samovar_models::{ClassMap, Segmenter};
use samovar_pipelines::{SegmentEvent, SegmentStream};
use samovar_runtime::{Completed, ModelHandle, RunError, Timings};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A segment stream that has been asked for.
pub(crate) struct SegmentOpening {
    pub(crate) query: SegmentQuery,
    pub(crate) target: SegmentTarget,
}

/// A segment stream whose first model is warm.
pub(crate) struct SegmentLive {
    stream: SegmentStream,
    teller: StreamTeller,
    choice: SegmentChoice,
    limits: ImageLimits,
    /// The longest event that is sent.
    event_bytes_max: usize,
    /// The frame whose answer is being written, on another thread: it touches every pixel.
    writing: Option<Writing>,
}

struct Writing {
    frame: u64,
    latency: Duration,
    timings: Timings,
    /// The error where the answer cannot be sent.
    text: JoinHandle<Result<StreamText, ApiError>>,
}

impl SegmentOpening {
    fn segmenter(&self) -> &Segmenter {
        &self.target.mode().segmenter
    }
}

impl StreamOpening for SegmentOpening {
    type Live = SegmentLive;

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            kind: StreamKind::Segment,
            models: vec![self.segmenter().handle().name().to_owned()],
            source: None,
            weight: self.query.weight().unwrap_or(NonZeroU16::MIN),
        }
    }

    fn handles(&self) -> Vec<&ModelHandle> {
        vec![self.segmenter().handle()]
    }

    fn open_time(&self, limit: Duration) -> Duration {
        self.query.timeout(limit)
    }

    fn ready(&self, readiness: &Readiness<'_>) -> Result<(SegmentLive, StreamText), ApiError> {
        let choice = self.query.choice()?;
        let labels = labels(self.segmenter())?;
        let table = Arc::clone(&self.target.table);
        let mut stream = SegmentStream::new(table, self.target.index, choice.options(), readiness.key);
        stream.set_weight(self.query.weight()?);
        stream.set_deadline(choice.deadline);
        if self.target.auto {
            stream.set_auto();
        }
        let generation = readiness.generation();
        let event = SegmentEventBody::Ready {
            stream: readiness.stream.id().to_string(),
            mode: Arc::clone(&stream.mode().name),
            auto: stream.is_auto(),
            modes: stream.modes().modes().iter().map(ModeBody::from).collect(),
            model: generation.name.to_string(),
            generation: generation.number,
            version: generation.version,
            engine: generation.engine,
            precision: generation.precision.name(),
            warm: readiness.is_warm(),
            open_ms: ms(readiness.took),
            labels,
            options: shown(&choice, &stream),
        };
        let limits = &readiness.app.options.limits;
        let event_bytes_max = limits.stream.write_buffer_bytes_max / 2;
        let teller = StreamTeller::new(Arc::clone(readiness.stream));
        let live = SegmentLive { stream, teller, choice, limits: limits.image, event_bytes_max, writing: None };
        Ok((live, StreamText::lasting(&event)))
    }
}

impl LiveStream for SegmentLive {
    fn push(&mut self, number: u64, bytes: Bytes) {
        match picture(bytes, self.limits) {
            Ok(picture) => {
                self.teller.coming(number, &picture);
                self.stream.push(number, picture);
            }
            Err(error) => self.stream.push_error(number, error),
        }
    }

    async fn next(&mut self) -> StreamText {
        if self.writing.is_none() {
            let event = self.stream.next().await;
            if let Some(text) = self.told(event) {
                return text;
            }
        }
        // Kept until it has ended, so that a wait that is given up loses no frame.
        let Some(Writing { frame, latency, timings, text }) = &mut self.writing else {
            return std::future::pending().await;
        };
        let (frame, latency, timings) = (*frame, *latency, *timings);
        let text = text.await.unwrap_or_else(|_| Err(ApiError::internal()));
        self.writing = None;
        match text {
            Ok(text) => {
                self.teller.answered(frame, (latency, &timings), &text);
                text
            }
            Err(error) => {
                self.teller.stream().meter().failed();
                StreamNotice::Error(error.stream_problem(Some(frame))).text()
            }
        }
    }

    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError> {
        let unreadable = "a control message is an object with `type` \"mode\" and mode, or \"options\" and mask, map, \
            simplify_px or deadline_ms";
        match serde_json::from_str(text).map_err(|_| ApiError::new(Refusal::Control, unreadable))? {
            SegmentControl::Mode { mode } => self.stream.set_mode(&mode).map(|()| None).map_err(ApiError::from),
            SegmentControl::Options { mask, map, simplify_px, deadline_ms } => {
                self.choice = self.choice.changed(mask, map, (simplify_px, deadline_ms))?;
                self.stream.set_options(self.choice.options());
                self.stream.set_deadline(self.choice.deadline);
                let event = SegmentEventBody::Options(shown(&self.choice, &self.stream));
                Ok(Some(StreamText::lasting(&event)))
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.stream.is_idle() && self.writing.is_none()
    }
}

impl SegmentLive {
    fn write(&mut self, frame: u64, mode: Arc<str>, completed: Completed<ClassMap>, latency: Duration) {
        let (mask, timings) = (self.choice.request(self.event_bytes_max), completed.timings);
        let text = tokio::task::spawn_blocking(move || {
            let answer = SegmentAnswer::new(mode, &completed, latency, mask);
            let answer = answer
                .map(|answer| StreamText::replaceable(&SegmentEventBody::Result { frame, answer: Box::new(answer) }))?;
            if answer.len() <= mask.bytes_max { Ok(answer) } else { Err(mask_too_large()) }
        });
        self.writing = Some(Writing { frame, latency, timings, text });
    }

    /// The event as it is sent; none where it has to be written first.
    fn told(&mut self, event: SegmentEvent) -> Option<StreamText> {
        Some(match event {
            SegmentEvent::Result { frame, mode, completed, latency } => {
                self.write(frame, mode, completed, latency);
                return None;
            }
            SegmentEvent::Dropped { frame, count } => self.teller.dropped(frame, count),
            SegmentEvent::Error { frame, error } => self.teller.failed(frame, error),
            SegmentEvent::ModeChanging { mode, from, auto } => {
                StreamText::lasting(&SegmentEventBody::ModeChanging(ModeChange { mode, from, auto }))
            }
            SegmentEvent::ModeChanged(changed) => {
                let mode = self.stream.modes().modes().iter().find(|mode| mode.name == changed.mode);
                let labels = mode.and_then(|mode| labels(&mode.segmenter).ok()).unwrap_or_default();
                StreamText::lasting(&SegmentEventBody::changed(changed, labels))
            }
            SegmentEvent::ModeFailed { mode, error } => refused(&mode, error),
        })
    }
}

fn refused(mode: &str, error: RunError) -> StreamText {
    let mut problem = ApiError::from(error).stream_problem(None);
    problem.mode = Some(mode.to_owned());
    StreamNotice::Error(problem).text()
}

fn shown(choice: &SegmentChoice, stream: &SegmentStream) -> SegmentOptionsBody {
    SegmentOptionsBody::new(choice.mask, choice.map, choice.simplify_px, stream.deadline())
}

/// The names of the classes of the model that serves.
fn labels(segmenter: &Segmenter) -> Result<Vec<String>, RunError> {
    Ok(segmenter.model()?.labels().iter().map(str::to_owned).collect())
}
