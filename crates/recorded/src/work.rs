//! One video worked through: opened where its journal ends, every chosen frame looked at, every result written.

use crate::numbering::Numbering;
use crate::opening::open;
use crate::performance::performance;
use crate::{FrameChoice, FrameRecord, Journal, JournalEnd, RecordedError, RecordedErrorKind};
use samovar_media::{DamageNote, FfmpegProgram, Frame, FramePool, PoolPurpose, VideoDecoder, VideoEnd};
use samovar_media::{VideoInfo, VideoInput, VideoLimits, VideoOptions};
use samovar_models::{DetectOptions, Detector};
use samovar_pipelines::{DetectVideo, VideoBounds, VideoDetections, VideoFigures, VideoOutcome};
use samovar_runtime::StreamKey;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Frames that whoever watches may hold besides those in flight.
const FRAMES_WATCHED: usize = 2;
/// After so long, or so many frames, the journal is written through to the disk.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(2);
const CHECKPOINT_FRAMES: u64 = 1_000;

/// How a video is worked through.
#[derive(Clone)]
pub struct VideoWork {
    /// The model.
    pub detector: Detector,
    /// Thresholds.
    pub options: DetectOptions,
    /// Which frames.
    pub choice: FrameChoice,
    /// Batches, queue, pools.
    pub bounds: VideoBounds,
    /// Whose turn it takes in the queue: one key for each video.
    pub stream: StreamKey,
    /// The program that decodes.
    pub program: FfmpegProgram,
    /// What a video may be.
    pub limits: VideoLimits,
    /// The only TCP port that the decoder may reach for an address that a client named: no redirect is followed then. None for what an
    /// operator trusts.
    pub only_port: Option<u16>,
}

/// Sees every frame with its result, in order, right after it was written.
pub trait FrameWatch: Send {
    /// The video is open; `frames` may come in all, earlier runs' among them, where the container tells.
    fn opened(&mut self, info: &VideoInfo, frames: Option<u64>);

    /// One more frame.
    ///
    /// # Errors
    /// What ends the work.
    fn frame(&mut self, frame: &Arc<Frame>, record: &FrameRecord) -> Result<(), RecordedError>;
}

/// How the work ended.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkEnd {
    /// At the end of the video, which the journal tells too.
    Finished(Box<JournalEnd>),
    /// It was cancelled: the journal holds what was done, and can be gone on with.
    Cancelled,
}

impl VideoWork {
    /// Works the video through, beginning behind what the journal holds. `journal` is finished at the end of the video, and written
    /// through to the disk whenever this returns. An address must have been allowed by the caller. Must be called within a tokio runtime;
    /// cancelling ends it within a second.
    ///
    /// # Errors
    /// What is wrong with the choice of frames, the video, the model or the disk. What was written before stays.
    pub async fn run(
        &self,
        input: VideoInput,
        journal: Journal,
        watch: &mut dyn FrameWatch,
        cancelled: &CancellationToken,
    ) -> Result<WorkEnd, RecordedError> {
        self.choice.validate()?;
        if let Some(end) = journal.end() {
            return Ok(WorkEnd::Finished(Box::new(end.clone())));
        }
        let generation = self.detector.handle().generation()?;
        let buffers = self.bounds.buffers(self.bounds.in_flight_of(&generation), FRAMES_WATCHED);
        let pool = FramePool::bounded(PoolPurpose::Video, buffers);
        let Some(decoder) = open(input, self.decoding(&journal), self.limits, &pool, cancelled).await? else {
            return Ok(WorkEnd::Cancelled);
        };
        watch.opened(decoder.info(), self.choice.frames_expected(decoder.info()));
        let numbering = Numbering::new(&self.choice, decoder.info().declared_frames_per_second, &journal);
        let writing = Writing::new(journal, numbering, self.choice.frames_max, decoder.damage());
        self.frames(decoder, writing, watch, cancelled).await?.conclude(&pool).await
    }

    /// The decoder begins at the last frame that is written: it comes once more and is left out.
    fn decoding(&self, journal: &Journal) -> VideoOptions {
        let mut options = self.choice.video_options(self.program.clone());
        options.only_port = self.only_port;
        if let Some(last) = journal.last() {
            options.start = last.timestamp();
            // Frames that are written count too: how many come again is for the decoder to know.
            options.frame_count_max = None;
        }
        options
    }

    async fn frames(
        &self,
        decoder: VideoDecoder,
        mut writing: Writing,
        watch: &mut dyn FrameWatch,
        cancelled: &CancellationToken,
    ) -> Result<Worked, RecordedError> {
        let video = DetectVideo { options: self.options.clone(), stream: self.stream, bounds: self.bounds };
        let mut detections = video.start(self.detector.clone(), decoder);
        let stopped = loop {
            let next = tokio::select! {
                biased;
                () = cancelled.cancelled() => break Ok(Stopped::Cancelled),
                next = detections.next() => next,
            };
            let taken = match next {
                None => break Ok(Stopped::Ended),
                Some(Err(error)) => Err(error.into()),
                Some(Ok(outcome)) => writing.take(outcome, watch).await,
            };
            match taken {
                Ok(true) => {}
                Ok(false) => break Ok(Stopped::Enough),
                Err(error) => break Err(error),
            }
        };
        // What was done is kept whatever the reason.
        let kept = writing.checkpoint_now().await;
        let stopped = stopped?;
        kept.map(|()| Worked { writing, detections, stopped })
    }
}

/// Why no further frame is taken.
enum Stopped {
    Ended,
    /// There is more, but as many as were asked for are written.
    Enough,
    Cancelled,
}

/// A video of which no further frame is taken.
struct Worked {
    writing: Writing,
    detections: VideoDetections,
    stopped: Stopped,
}

impl Worked {
    /// Judges the end, and writes it.
    async fn conclude(self, pool: &FramePool) -> Result<WorkEnd, RecordedError> {
        let Self { writing, detections, stopped } = self;
        // Waits for the decoder's child.
        let ending = tokio::task::spawn_blocking(move || detections.end_with_figures()).await;
        let (end, figures) = ending.map_err(|_| broken())?;
        let end = match stopped {
            Stopped::Cancelled => return Ok(WorkEnd::Cancelled),
            Stopped::Enough => ("truncated", None),
            Stopped::Ended => match (end?.ok_or_else(broken)?, writing.journal.damaged_at()) {
                (VideoEnd::Truncated(_) | VideoEnd::Changed, _) => ("truncated", None),
                // An earlier run may have seen it, and come further.
                (VideoEnd::Complete, None) => ("complete", None),
                (_, Some(at)) | (VideoEnd::Damaged { at }, None) => ("damaged", Some(at)),
            },
        };
        writing.finish(end, &figures, pool).await.map(|end| WorkEnd::Finished(Box::new(end)))
    }
}

/// Results on their way into the journal.
struct Writing {
    journal: Journal,
    numbering: Numbering,
    frames_max: Option<u64>,
    /// Where the decoder has seen damage.
    damage: DamageNote,
    /// Frames up to and with that time are written already.
    written: Option<Duration>,
    /// Writes through to the disk in the background, so that a slow disk does not hold the model up.
    syncing: Option<JoinHandle<std::io::Result<()>>>,
    checkpointed: Instant,
    frames_since: u64,
}

impl Writing {
    fn new(journal: Journal, numbering: Numbering, frames_max: Option<u64>, damage: DamageNote) -> Self {
        let written = journal.last().map(FrameRecord::timestamp);
        let checkpointed = Instant::now();
        Self { journal, numbering, frames_max, damage, written, syncing: None, checkpointed, frames_since: 0 }
    }

    /// Writes a result; false where it is one more than was asked for.
    async fn take(&mut self, outcome: VideoOutcome, watch: &mut dyn FrameWatch) -> Result<bool, RecordedError> {
        let VideoOutcome { frame, completed, .. } = outcome;
        let time = frame.timestamp();
        if self.written.is_some_and(|written| time <= written) {
            return Ok(true);
        }
        if self.frames_max.is_some_and(|most| self.journal.summary().frames >= most) {
            return Ok(false);
        }
        let record = FrameRecord::new(self.numbering.next(time), time, &completed.output, Some(&completed.timings));
        self.journal.add(&record)?;
        self.note_damage()?;
        watch.frame(&frame, &record)?;
        self.frames_since += 1;
        if self.frames_since >= CHECKPOINT_FRAMES || self.checkpointed.elapsed() >= CHECKPOINT_INTERVAL {
            self.checkpoint().await?;
        }
        Ok(true)
    }

    /// Whoever goes on later may begin behind the damage, and would not see it.
    fn note_damage(&mut self) -> Result<(), RecordedError> {
        self.damage.at().map_or(Ok(()), |at| self.journal.add_damage(at))
    }

    /// Begins to write through what is there, once the last time has ended.
    async fn checkpoint(&mut self) -> Result<(), RecordedError> {
        self.synced().await?;
        let file = self.journal.flushed().map_err(|error| RecordedError::output(&error))?;
        self.syncing = file.map(|file| tokio::task::spawn_blocking(move || file.sync_data()));
        (self.checkpointed, self.frames_since) = (Instant::now(), 0);
        Ok(())
    }

    async fn checkpoint_now(&mut self) -> Result<(), RecordedError> {
        self.note_damage()?;
        self.checkpoint().await?;
        self.synced().await
    }

    async fn synced(&mut self) -> Result<(), RecordedError> {
        let Some(syncing) = self.syncing.take() else { return Ok(()) };
        syncing.await.map_err(|_| broken())?.map_err(|error| RecordedError::output(&error))
    }

    async fn finish(
        self,
        (end, damaged_at): (&str, Option<Duration>),
        figures: &VideoFigures,
        pool: &FramePool,
    ) -> Result<JournalEnd, RecordedError> {
        let summary = self.journal.summary().clone();
        let end = JournalEnd {
            frames: summary.frames,
            end: end.to_owned(),
            damaged_at_ms: damaged_at.map(|at| at.as_micros() as f64 / 1_000.0),
            summary,
            performance: performance(figures, &pool.stats()),
        };
        let (journal, written) = (self.journal, end.clone());
        let finishing = tokio::task::spawn_blocking(move || journal.finish(&written));
        finishing.await.map_err(|_| broken())??;
        Ok(end)
    }
}

fn broken() -> RecordedError {
    RecordedError::new(RecordedErrorKind::Run("internal"), "working the video through failed; go on with it")
}
