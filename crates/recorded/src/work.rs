//! One video worked through: opened where its journal ends, every chosen frame looked at, every result written.

use crate::{FrameChoice, FrameRecord, Journal, JournalEnd, RecordedError, RecordedErrorKind};
use samovar_media::{FfmpegProgram, Frame, VideoInfo, VideoInput, VideoLimits};
use samovar_models::{DetectOptions, Detector};
use samovar_pipelines::VideoBounds;
use samovar_runtime::StreamKey;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

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
}

/// Sees every frame with its result, in order, right after it was written.
pub trait FrameWatch: Send {
    /// The video is open; `frames` may come, where the container tells.
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
    /// through to the disk whenever this returns.
    ///
    /// # Errors
    /// What is wrong with the video, the model or the disk. What was written before stays.
    pub async fn run(
        &self,
        input: VideoInput,
        journal: Journal,
        watch: &mut dyn FrameWatch,
        cancelled: &CancellationToken,
    ) -> Result<WorkEnd, RecordedError> {
        let _ = (input, journal, watch, cancelled);
        Err(RecordedError::new(RecordedErrorKind::Output, "videos cannot be worked through yet"))
    }
}
