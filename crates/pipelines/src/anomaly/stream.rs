//! Anomalies on one live stream: frames in at any pace, scenes and events out in the order of the frames, latest wins.
//!
//! A frame goes through two halves. In the first it is one of many that compete for a turn, and the newest wins. In the second it goes on
//! at once: the windows of its people are few and small, and go before the next frames, so that what was begun is finished. While a
//! frame's windows are scored, the next frame's poses are looked for.

use super::follower::BREAK_MAX;
use super::scoring::{ScoredScene, Scoring, score};
use super::sight_run::SightRun;
use super::{AnomalyModels, AnomalyOptions, AnomalyWatch, SceneEvent, SceneFrame, SceneInput, Sighting};
use crate::reopening::Reopening;
use crate::{FrameEvent, FrameQueue};
use samovar_media::Picture;
use samovar_runtime::{Call, Class, Completed, Generation, Hold, RunError, StreamKey, Timings};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::time;

/// One live stream of pictures, and the watch over its people.
pub struct AnomalyStream {
    models: AnomalyModels,
    call: Call,
    watch: AnomalyWatch,
    frames: Frames,
    /// The frame whose windows are being scored.
    scored: Option<InScoring>,
    /// What of the last frame is still to be told. Bounded by the people of one frame.
    outputs: VecDeque<AnomalyOutput>,
    /// When the last frame was told.
    told_at: time::Instant,
    reopening: Reopening,
    /// Keep the models in memory while the stream is open.
    _holds: Vec<Hold>,
}

/// What an anomaly stream tells.
#[derive(Debug)]
pub enum AnomalyOutput {
    /// What became of a frame, or of several that were dropped. The timings and the generation are those of the pose model's run.
    Frame(FrameEvent<SceneFrame>),
    /// Something happened: told right after the frame at which it is known.
    Event(SceneEvent),
}

/// The frames in their first half.
type Frames = FrameQueue<Sighting, Infallible, SightRun>;

/// A frame in its second half.
struct InScoring {
    run: Scoring,
    timings: Timings,
    generation: Arc<Generation>,
    /// From the frame's arrival to its poses.
    latency: Duration,
    began: Instant,
}

impl AnomalyStream {
    /// A stream on models that were opened, with options that are [valid](AnomalyOptions::validate).
    pub fn new(models: AnomalyModels, options: AnomalyOptions, key: StreamKey, weight: NonZeroU16) -> Self {
        let holds = models.handles().into_iter().map(|model| model.hold()).collect();
        Self {
            call: Call::new(Class::Live, key).weighing(weight),
            watch: AnomalyWatch::new(options),
            frames: FrameQueue::default(),
            scored: None,
            outputs: VecDeque::new(),
            told_at: time::Instant::now(),
            reopening: Reopening::default(),
            models,
            _holds: holds,
        }
    }

    /// Takes other options, which must be [valid](AnomalyOptions::validate), from the next frame on. Everybody stays who they are.
    pub fn set_options(&mut self, options: AnomalyOptions) {
        self.watch.set_options(options);
    }

    /// What the next frame is looked at with.
    pub const fn options(&self) -> &AnomalyOptions {
        self.watch.options()
    }

    /// The models that look at the frames.
    pub const fn models(&self) -> &AnomalyModels {
        &self.models
    }

    /// Takes a frame in. Never waits; what becomes of it is told by [`AnomalyStream::next`]. `number` rises from frame to frame, by more than
    /// one where the source left frames out; `time` is the stream's clock, `wall` the time of day.
    pub fn push(&mut self, number: u64, time: Duration, wall: SystemTime, picture: Picture) {
        self.reopening.look_at_all(self.models.handles());
        let frame = SceneInput { number, time, wall, picture };
        let (models, options, call) = (&self.models, self.watch.options(), self.call);
        self.frames.push(number, || models.see(frame, options, call));
    }

    /// Tells of a frame that did not even become a picture.
    pub fn push_error(&mut self, number: u64, error: RunError) {
        self.frames.push_error(number, error);
    }

    /// The next scene or event, in the order of the frames; waits for ever while no frame is on its way. Where none was told for ten
    /// seconds, because none comes or none can be looked at, everybody is told as gone: what has begun must end for whoever was told of
    /// it, though the camera may be away for a week. Safe to cancel.
    pub async fn next(&mut self) -> AnomalyOutput {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            let (is_free, silent_at) = (self.scored.is_none(), self.told_at + BREAK_MAX);
            tokio::select! {
                biased;
                () = self.reopening.ended() => {}
                scored = scores(&mut self.scored) => self.finish(scored),
                event = seen(&mut self.frames, is_free) => self.take(event),
                () = time::sleep_until(silent_at), if !self.watch.is_empty() => self.tell_all_gone(),
            }
        }
    }

    /// Whether everything about frames was told.
    pub fn is_idle(&self) -> bool {
        self.outputs.is_empty() && self.scored.is_none() && self.frames.is_idle()
    }

    /// The stream is over: tells everybody as gone, as of the last frame that was told.
    pub fn end(&mut self) -> Vec<SceneEvent> {
        self.watch.end()
    }

    /// A frame that was looked at goes on; one that was not is told. That it is missing shows in the number of the next.
    fn take(&mut self, event: FrameEvent<Sighting>) {
        match event {
            FrameEvent::Result { completed, latency, .. } => self.begin(completed, latency),
            FrameEvent::Dropped { frame, count } => self.tell(FrameEvent::Dropped { frame, count }),
            FrameEvent::Error { frame, error } => self.tell(FrameEvent::Error { frame, error }),
        }
    }

    fn begin(&mut self, completed: Completed<Sighting>, latency: Duration) {
        let Completed { output, timings, generation } = completed;
        // While the model is away its last length serves, and what cannot be scored counts as dropped.
        if let Ok(frames) = self.models.sequence.window_frames() {
            self.watch.set_window_frames(frames);
        }
        let scene = self.watch.look(output);
        let run = score(self.models.sequence.clone(), scene, self.call);
        self.scored = Some(InScoring { run, timings, generation, latency, began: Instant::now() });
    }

    fn finish(&mut self, ScoredScene { scene, scores, took }: ScoredScene) {
        let Some(InScoring { timings, generation, latency, began, .. }) = self.scored.take() else { return };
        let scores: Vec<_> = scores.into_iter().map(Result::ok).collect();
        let (output, events) = self.watch.judge(&scene, &scores, took);
        let completed = Completed { output, timings, generation };
        let latency = latency + began.elapsed();
        self.told_at = time::Instant::now();
        self.tell(FrameEvent::Result { frame: scene.frame.number, completed, latency });
        self.outputs.extend(events.into_iter().map(AnomalyOutput::Event));
    }

    fn tell_all_gone(&mut self) {
        self.outputs.extend(self.watch.end().into_iter().map(AnomalyOutput::Event));
    }

    fn tell(&mut self, event: FrameEvent<SceneFrame>) {
        self.outputs.push_back(AnomalyOutput::Frame(event));
    }
}

/// Waits for the frame's scores; for ever where there is none. Safe to cancel: the frame stays where it is.
async fn scores(scored: &mut Option<InScoring>) -> ScoredScene {
    match scored {
        Some(scoring) => scoring.run.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Waits for the next frame that was looked at; for ever where it is not wanted yet, while its runs go on. Safe to cancel.
async fn seen(frames: &mut Frames, wanted: bool) -> FrameEvent<Sighting> {
    if wanted { frames.next().await } else { match frames.drive().await {} }
}
