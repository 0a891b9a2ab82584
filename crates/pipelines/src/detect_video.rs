//! Detection over one recorded video: every frame, in order, within bounds.

use crate::video_feed::{Fed, VideoFeed};
use crate::{VideoBounds, VideoFigures};
use samovar_media::{Frame, MediaError, Picture, VideoDecoder, VideoEnd};
use samovar_models::{DetectOptions, DetectionPool, Detections, Detector};
use samovar_runtime::{Call, Class, Completed, Pending, RunError, StreamKey};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

/// How to go through a video.
#[derive(Clone, Debug)]
pub struct DetectVideo {
    /// Thresholds.
    pub options: DetectOptions,
    /// Whose turn it takes in the queue.
    pub stream: StreamKey,
    /// How much is on its way at once: [valid](VideoBounds::validate) bounds.
    pub bounds: VideoBounds,
}

/// Results of one video, frame by frame. Once it is dropped nothing more is read, and the decoder's child is ended within a second
/// whatever it is doing.
pub struct VideoDetections {
    feed: VideoFeed<Pending<Detections>>,
    /// One list for each frame in flight and one for the result in hand.
    lists: DetectionPool,
    figures: VideoFigures,
    began: Instant,
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
    /// Starts to read and to detect. Must be called within a tokio runtime. A model that does not serve fails the first frame.
    pub fn start(self, detector: Detector, decoder: VideoDecoder) -> VideoDetections {
        let generation = detector.handle().generation();
        let in_flight = generation.map_or(1, |generation| self.bounds.in_flight_of(&generation));
        let (runtime, lists) = (Handle::current(), DetectionPool::new(in_flight + 1));
        let detector = detector.with_lists(lists.clone());
        let (options, call) = (self.options, Call::new(Class::Job, self.stream));
        let feed = VideoFeed::start(decoder, in_flight, move |_, frame| {
            let picture = Picture::decoded(Arc::clone(frame));
            runtime.block_on(detector.detect_waiting(picture, options.clone(), call))
        });
        VideoDetections { feed, lists, figures: VideoFigures::default(), began: Instant::now() }
    }
}

impl VideoDetections {
    /// The next frame's result, in order; none after the last. A frame that fails ends the video. Safe to cancel.
    ///
    /// # Errors
    /// Why a frame has no result.
    pub async fn next(&mut self) -> Option<Result<VideoOutcome, RunError>> {
        let fed = self.feed.next().await?;
        if let Ok(fed) = &fed {
            self.figures.add(&fed.output.timings);
            self.figures.elapsed = self.began.elapsed();
        }
        Some(fed.map(|Fed { index, frame, output }| VideoOutcome { index, frame, completed: output }))
    }

    /// Where the time went so far, and how full the queue was.
    pub fn figures(&self) -> VideoFigures {
        let mut figures = VideoFigures { detections: self.lists.stats(), ..self.figures };
        self.feed.tell(&mut figures);
        figures
    }

    /// How the video ended; none where it was given up before its end. To be asked when [`VideoDetections::next`] has given none. Waits for
    /// the decoder's child to end, within a second.
    ///
    /// # Errors
    /// What the decoder failed with; a feeder that panicked counts as that.
    pub fn end(self) -> Result<Option<VideoEnd>, MediaError> {
        self.end_with_figures().0
    }

    /// The same, with the figures of the whole video.
    pub fn end_with_figures(mut self) -> (Result<Option<VideoEnd>, MediaError>, VideoFigures) {
        let end = self.feed.end();
        (end, self.figures())
    }
}
