//! Anomalies in one recorded video: every frame, in order, within bounds.
//!
//! The poses of later frames are looked for while the windows of earlier ones are scored; what is told of a frame depends on the frames
//! up to it alone, so that a recording gives what the live stream would have given had it dropped nothing.

use super::scoring::{ScoredScene, score};
use super::sight_run::SightRun;
use super::{AnomalyModels, AnomalyOptions, AnomalyWatch, SceneEvent, SceneFrame, SceneInput, Sighting};
use crate::VideoBounds;
use crate::video_feed::{Fed, VideoFeed};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use samovar_media::{Frame, MediaError, Picture, VideoDecoder, VideoEnd};
use samovar_runtime::{Call, Class, Completed, Hold, RunError, StreamKey, Timings};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;

/// How to go through a video.
#[derive(Clone, Debug)]
pub struct AnomalyVideo {
    /// What counts as an anomaly: [valid](AnomalyOptions::validate) options.
    pub options: AnomalyOptions,
    /// Whose turn it takes in the queue.
    pub stream: StreamKey,
    /// How much is on its way at once: [valid](VideoBounds::validate) bounds. As many frames again may be between their poses and their
    /// scores.
    pub bounds: VideoBounds,
    /// When the recording began, for the schedule; none: the schedule does not apply.
    pub recorded_at: Option<SystemTime>,
}

/// Scenes and events of one video, frame by frame. Once it is dropped nothing more is read.
pub struct AnomalyScenes {
    feed: VideoFeed<SightRun>,
    models: AnomalyModels,
    watch: AnomalyWatch,
    call: Call,
    /// Frames whose windows are being scored, in order. No more than frames may be in flight.
    scored: FuturesOrdered<Pin<Box<dyn Future<Output = InScoring> + Send>>>,
    /// No further frame comes from the feed.
    exhausted: bool,
    /// Why not, where that is no good reason: told after the frames before it.
    failure: Option<RunError>,
    /// Keep the models in memory while the video is gone through.
    _holds: Vec<Hold>,
}

/// One frame, who was where, and what happened.
#[derive(Debug)]
pub struct AnomalyOutcome {
    /// Number of the frame among those that the decoder gave, from 0.
    pub index: u64,
    /// The picture, for drawing; its buffer goes back to its pool when this and the scene are dropped.
    pub frame: Arc<Frame>,
    /// Who is where.
    pub scene: SceneFrame,
    /// What happened, as known at this frame.
    pub events: Vec<SceneEvent>,
    /// Where the time of the pose model's run went.
    pub timings: Timings,
}

/// A frame whose windows are scored.
struct InScoring {
    index: u64,
    frame: Arc<Frame>,
    timings: Timings,
    scored: ScoredScene,
}

impl AnomalyVideo {
    /// Starts to read and to look. Must be called within a tokio runtime.
    pub fn start(self, models: AnomalyModels, decoder: VideoDecoder) -> AnomalyScenes {
        let Self { mut options, stream, bounds, recorded_at } = self;
        let in_flight = models.pose.handle().generation().map_or(1, |generation| bounds.in_flight_of(&generation));
        options.schedule = options.schedule.filter(|_| recorded_at.is_some());
        let (call, began) = (Call::new(Class::Job, stream), recorded_at.unwrap_or(UNIX_EPOCH));
        let watch = AnomalyWatch::new(options.clone());
        let (seer, runtime) = (models.clone(), Handle::current());
        let feed = VideoFeed::start(decoder, in_flight, move |number, frame| {
            let (time, picture) = (frame.timestamp(), Picture::decoded(Arc::clone(frame)));
            let input = SceneInput { number, time, wall: began + time, picture };
            runtime.block_on(seer.see_waiting(input, &options, call))
        });
        AnomalyScenes {
            _holds: models.handles().into_iter().map(|model| model.hold()).collect(),
            scored: FuturesOrdered::new(),
            exhausted: false,
            failure: None,
            feed,
            models,
            watch,
            call,
        }
    }
}

impl AnomalyScenes {
    /// The next frame's outcome, in order; none after the last. A frame that fails ends the video. Safe to cancel.
    ///
    /// # Errors
    /// Why a frame has no outcome.
    pub async fn next(&mut self) -> Option<Result<AnomalyOutcome, RunError>> {
        loop {
            if self.exhausted && self.scored.is_empty() {
                return self.failure.take().map(Err);
            }
            tokio::select! {
                biased;
                Some(scored) = self.scored.next(), if !self.scored.is_empty() => return self.finish(scored),
                seen = self.feed.next(), if !self.exhausted && self.scored.len() < self.feed.limit() => self.take(seen),
            }
        }
    }

    /// Tells everybody as gone, as of the last frame. To be asked when [`AnomalyScenes::next`] has given none.
    pub fn finish_events(&mut self) -> Vec<SceneEvent> {
        self.watch.end()
    }

    /// How the video ended; none where it was given up before its end. To be asked when [`AnomalyScenes::next`] has given none.
    ///
    /// # Errors
    /// What the decoder failed with; a feeder that panicked counts as that.
    pub fn end(mut self) -> Result<Option<VideoEnd>, MediaError> {
        self.feed.end()
    }

    fn take(&mut self, seen: Option<Result<Fed<Completed<Sighting>>, RunError>>) {
        let taken = match seen {
            Some(Ok(fed)) => self.begin(fed),
            Some(Err(error)) => Err(Some(error)),
            None => Err(None),
        };
        if let Err(failure) = taken {
            (self.exhausted, self.failure) = (true, failure);
        }
    }

    fn begin(&mut self, fed: Fed<Completed<Sighting>>) -> Result<(), Option<RunError>> {
        self.watch.set_window_frames(self.models.sequence.window_frames()?);
        let Fed { index, frame, output: Completed { output, timings, .. } } = fed;
        let run = score(self.models.sequence.clone(), self.watch.look(output), self.call);
        self.scored.push_back(Box::pin(async move { InScoring { index, frame, timings, scored: run.await } }));
        Ok(())
    }

    /// A window that cannot be scored ends the video, like a frame that cannot be looked at.
    fn finish(&mut self, scored: InScoring) -> Option<Result<AnomalyOutcome, RunError>> {
        let InScoring { index, frame, timings, scored: ScoredScene { scene, scores, took } } = scored;
        let scores: Vec<_> = match scores.into_iter().map(|score| score.map(Some)).collect() {
            Ok(scores) => scores,
            Err(error) => return Some(Err(self.give_up(error))),
        };
        let (scene, events) = self.watch.judge(&scene, &scores, took);
        Some(Ok(AnomalyOutcome { index, frame, scene, events, timings }))
    }

    fn give_up(&mut self, error: RunError) -> RunError {
        self.feed.give_up();
        self.scored.clear();
        (self.exhausted, self.failure) = (true, None);
        error
    }
}
