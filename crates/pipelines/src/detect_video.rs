//! Detection over one recorded video: every frame, in order, within bounds.

use crate::video_feed::{Fed, VideoFeed};
use samovar_media::{Frame, MediaError, Picture, VideoDecoder, VideoEnd};
use samovar_models::{DetectOptions, Detections, Detector};
use samovar_runtime::{Call, Class, Completed, Pending, RunError, StreamKey};
use std::sync::Arc;
use tokio::runtime::Handle;

/// How to go through a video.
#[derive(Clone, Debug)]
pub struct DetectVideo {
    /// Thresholds.
    pub options: DetectOptions,
    /// Whose turn it takes in the queue.
    pub stream: StreamKey,
    /// Frames between the decoder and their result at most.
    pub in_flight: usize,
}

/// Results of one video, frame by frame. Once it is dropped nothing more is read: the feeder ends at its next frame, which
/// the decoder's stall limit bounds.
pub struct VideoDetections {
    feed: VideoFeed<Pending<Detections>>,
}

/// One frame and what was found on it.
pub struct VideoOutcome {
    /// Number of the frame among those that the decoder gave, from 0.
    pub index: u64,
    /// The picture, for drawing; its buffer goes back to its pool when this is dropped.
    pub frame: Arc<Frame>,
    /// What was found.
    pub completed: Completed<Detections>,
}

impl DetectVideo {
    /// Starts to read and to detect. Must be called within a tokio runtime.
    pub fn start(self, detector: Detector, decoder: VideoDecoder) -> VideoDetections {
        let runtime = Handle::current();
        let (options, call) = (self.options, Call::new(Class::Job, self.stream));
        let feed = VideoFeed::start(decoder, self.in_flight, move |_, frame| {
            let picture = Picture::decoded(Arc::clone(frame));
            runtime.block_on(detector.detect_waiting(picture, options.clone(), call))
        });
        VideoDetections { feed }
    }
}

impl VideoDetections {
    /// The next frame's result, in order; none after the last. A frame that fails ends the video. Safe to cancel.
    ///
    /// # Errors
    /// Why a frame has no result.
    pub async fn next(&mut self) -> Option<Result<VideoOutcome, RunError>> {
        let fed = self.feed.next().await?;
        Some(fed.map(|Fed { index, frame, output }| VideoOutcome { index, frame, completed: output }))
    }

    /// How the video ended; none where it was given up before its end. To be asked when [`VideoDetections::next`] has given none.
    ///
    /// # Errors
    /// What the decoder failed with; a feeder that panicked counts as that.
    pub fn end(self) -> Result<Option<VideoEnd>, MediaError> {
        self.feed.end()
    }
}
