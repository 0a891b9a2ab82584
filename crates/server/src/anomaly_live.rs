//! Live anomalies: what the anomaly stream adds to a session, and how its frames and events are told.

use crate::anomaly_query::{AnomalyQuery, changed};
use crate::error::{ApiError, Refusal};
use crate::evidence::Recorder;
use crate::stream_intake::{IntakePlace, StreamIntake, Taken};
use crate::stream_kind::{FrameFormat, LiveStream, Readiness, StreamOpening};
use crate::stream_link::StreamText;
use crate::stream_teller::StreamTeller;
use crate::streams::{StreamFacts, StreamKind};
use crate::wire::{
    AnomalyControl, AnomalyControlOptions, AnomalyMessageBody, AnomalyOptionsBody, AnomalyReadyBody, EvidenceLinks,
    SceneEventBody, SceneFrameBody, StreamModelBody, ms,
};
use bytes::Bytes;
use samovar_media::{Picture, TimedPicture};
use samovar_pipelines::{
    AnomalyModels, AnomalyOptions, AnomalyOutput, AnomalyStream, FrameEvent, SceneEvent, SceneFrame,
};
use samovar_runtime::ModelHandle;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// An anomaly stream that has been asked for.
pub(crate) struct AnomalyOpening {
    pub(crate) query: AnomalyQuery,
    pub(crate) models: AnomalyModels,
    pub(crate) options: AnomalyOptions,
    pub(crate) place: IntakePlace,
}

/// An anomaly stream whose models are warm.
pub(crate) struct AnomalyLive {
    stream: AnomalyStream,
    intake: StreamIntake,
    teller: StreamTeller,
    /// The stream's clock begins here.
    began: Began,
    /// None where nothing is kept of its anomalies.
    recorder: Option<Recorder>,
    /// The last picture that was told of, while anything is kept.
    last: Option<Picture>,
}

/// The same moment by both clocks.
#[derive(Clone, Copy)]
struct Began {
    clock: Instant,
    wall: SystemTime,
}

impl StreamOpening for AnomalyOpening {
    type Live = AnomalyLive;

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            kind: StreamKind::Anomaly,
            models: self.handles().into_iter().map(|model| model.name().to_owned()).collect(),
            source: None,
            weight: self.query.weight().unwrap_or(NonZeroU16::MIN),
        }
    }

    fn handles(&self) -> Vec<&ModelHandle> {
        self.models.handles()
    }

    fn open_time(&self, limit: Duration) -> Duration {
        self.query.timeout(limit)
    }

    fn ready(&self, readiness: &Readiness<'_>) -> Result<(AnomalyLive, StreamText), ApiError> {
        check(&self.models)?;
        let event = AnomalyMessageBody::Ready(AnomalyReadyBody {
            stream: readiness.stream.id().to_string(),
            models: readiness.opened.iter().map(|opened| StreamModelBody::from(&**opened.generation())).collect(),
            warm: readiness.is_warm(),
            open_ms: ms(readiness.took),
            keypoint_names: AnomalyReadyBody::NAMES,
            options: AnomalyOptionsBody::from(&self.options),
        });
        let recorder = match (self.query.keeps_evidence(), self.query.format()) {
            (false, _) => None,
            (true, FrameFormat::Pictures) => Recorder::of_pictures(readiness.app, readiness.stream),
            (true, FrameFormat::H264) => Recorder::new(readiness.app, readiness.stream, None),
        };
        let live = AnomalyLive {
            stream: AnomalyStream::new(self.models.clone(), self.options.clone(), readiness.key, self.query.weight()?),
            intake: StreamIntake::new(&self.place, readiness.app),
            teller: StreamTeller::new(Arc::clone(readiness.stream)),
            began: Began { clock: Instant::now(), wall: SystemTime::now() },
            recorder,
            last: None,
        };
        Ok((live, StreamText::lasting(&event)))
    }
}

/// Whether every model is what it is to be: told when a stream opens, not at each of its frames.
///
/// # Errors
/// `wrong_family`, `model_not_ready`.
pub(crate) fn check(models: &AnomalyModels) -> Result<(), ApiError> {
    if let Some(detector) = &models.detector {
        detector.model()?;
    }
    models.pose.model()?;
    models.sequence.window_frames()?;
    if let Some(appearance) = &models.appearance {
        appearance.model()?;
    }
    Ok(())
}

impl LiveStream for AnomalyLive {
    fn push(&mut self, number: u64, bytes: Bytes) {
        if let Some(taken) = self.intake.push(number, bytes) {
            self.take(taken);
        }
    }

    async fn next(&mut self) -> StreamText {
        loop {
            tokio::select! {
                taken = self.intake.next() => self.take(taken),
                output = self.stream.next() => return self.told(output),
            }
        }
    }

    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError> {
        let fields = AnomalyControlOptions::FIELDS;
        let unreadable = || format!("a control message is an object with `type` \"options\" and {fields}");
        let control = serde_json::from_str(text).map_err(|_| ApiError::new(Refusal::Control, unreadable()))?;
        let AnomalyControl::Options(asked) = control;
        let options = changed(self.stream.options(), asked)?;
        let shown = AnomalyOptionsBody::from(&options);
        self.stream.set_options(options);
        Ok(Some(StreamText::lasting(&AnomalyMessageBody::Options(shown))))
    }

    fn is_idle(&self) -> bool {
        self.intake.is_idle() && self.stream.is_idle()
    }

    fn end(&mut self) -> Vec<StreamText> {
        let events = self.stream.end();
        events.iter().map(|event| self.event_told(event)).collect()
    }
}

impl AnomalyLive {
    fn take(&mut self, (number, picture): Taken) {
        match picture {
            Ok(picture) => {
                let (time, wall) = (self.began.clock.elapsed(), SystemTime::now());
                if let Some(recorder) = &self.recorder {
                    recorder.came(TimedPicture { time, wall, picture: picture.clone() });
                }
                self.stream.push(number, time, wall, picture);
            }
            Err(error) => self.stream.push_error(number, error),
        }
    }

    fn told(&mut self, output: AnomalyOutput) -> StreamText {
        match output {
            AnomalyOutput::Frame(frame) => {
                if let (Some(_), FrameEvent::Result { completed, .. }) = (&self.recorder, &frame) {
                    self.last = Some(completed.output.picture.clone());
                }
                frame_told(&self.teller, frame)
            }
            AnomalyOutput::Event(event) => self.event_told(&event),
        }
    }

    /// Tells an event, and keeps what it is about where that is asked for.
    fn event_told(&mut self, event: &SceneEvent) -> StreamText {
        let (links, ticket) = self.recorder.as_mut().map(|recorder| recorder.links(event)).unwrap_or_default();
        let wall = self.wall(event.time);
        let text = event_told(&self.teller, event, wall, links);
        if let (Some(recorder), Some(ticket), Some(picture)) = (&self.recorder, ticket, self.last.clone()) {
            recorder.keep(ticket, (event, text.text()), (wall, picture));
        }
        text
    }

    /// The time of day of a moment on the stream's clock.
    fn wall(&self, time: Duration) -> SystemTime {
        self.began.wall + time
    }
}

/// What became of a frame, as it is sent; counted, told to readers and shown to viewers.
pub(crate) fn frame_told(teller: &StreamTeller, event: FrameEvent<SceneFrame>) -> StreamText {
    match event {
        FrameEvent::Result { frame, completed, latency } => {
            let body = SceneFrameBody::new(frame, &completed, latency);
            let text = StreamText::replaceable(&AnomalyMessageBody::Result(body));
            teller.answered_about(Some(&completed.output.picture), (latency, &completed.timings), &text);
            text
        }
        FrameEvent::Dropped { frame, count } => teller.dropped(frame, count),
        FrameEvent::Error { frame, error } => teller.failed(frame, error),
    }
}

/// An event, as it is sent, with what is kept of it; told to readers. `wall` is the time of its frame by the wall clock.
pub(crate) fn event_told(
    teller: &StreamTeller,
    event: &SceneEvent,
    wall: SystemTime,
    evidence: Option<EvidenceLinks>,
) -> StreamText {
    let mut body = SceneEventBody::new(event, wall, teller.stream());
    body.evidence = evidence;
    let text = StreamText::lasting(&AnomalyMessageBody::Event(body));
    teller.happened(event.kind.name(), &text);
    text
}
