//! Detection over one recorded video: decoder thread → a bounded number of frames in flight → results in order.
//!
//! Backpressure reaches the decoder: it is read no further than the frames in flight allow, so memory does not depend on
//! the length of the video, and nothing is dropped.

use samovar_media::{Frame, MediaError, Picture, VideoDecoder, VideoEnd};
use samovar_models::{DetectOptions, Detections, Detector};
use samovar_runtime::{Call, Class, Completed, Pending, RunError, StreamKey};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

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
    frames: mpsc::Receiver<InFlight>,
    /// The frame whose result [`VideoDetections::next`] waits for: kept here, so that a wait that is given up loses nothing.
    awaited: Option<InFlight>,
    /// Feeds the frames in; joined at the end.
    feeder: Option<JoinHandle<Result<Option<VideoEnd>, MediaError>>>,
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

struct InFlight {
    index: u64,
    frame: Arc<Frame>,
    pending: Result<Pending<Detections>, RunError>,
}

impl DetectVideo {
    /// Starts to read and to detect. Must be called within a tokio runtime.
    pub fn start(self, detector: Detector, decoder: VideoDecoder) -> VideoDetections {
        let (sender, frames) = mpsc::channel(self.in_flight.max(1));
        let runtime = Handle::current();
        let feeder = std::thread::Builder::new()
            .name("video-feeder".to_owned())
            .spawn(move || self.feed(&detector, decoder, &sender, &runtime));
        VideoDetections { frames, awaited: None, feeder: Some(feeder.expect("the system gives a thread for a video")) }
    }

    fn feed(
        &self,
        detector: &Detector,
        mut decoder: VideoDecoder,
        sender: &mpsc::Sender<InFlight>,
        runtime: &Handle,
    ) -> Result<Option<VideoEnd>, MediaError> {
        let mut index = 0;
        while let Some(frame) = decoder.next_frame()? {
            let frame = Arc::new(frame);
            let picture = Picture::decoded(Arc::clone(&frame));
            let call = Call::new(Class::Job, self.stream);
            let pending = runtime.block_on(detector.detect_waiting(picture, self.options.clone(), call));
            let failed = pending.is_err();
            let abandoned = sender.blocking_send(InFlight { index, frame, pending }).is_err();
            if failed || abandoned {
                break;
            }
            index += 1;
        }
        Ok(decoder.end())
    }
}

impl VideoDetections {
    /// The next frame's result, in order; none after the last. A frame that fails ends the video. Safe to cancel.
    ///
    /// # Errors
    /// Why a frame has no result.
    pub async fn next(&mut self) -> Option<Result<VideoOutcome, RunError>> {
        if self.awaited.is_none() {
            self.awaited = Some(self.frames.recv().await?);
        }
        let completed = match &mut self.awaited.as_mut()?.pending {
            Ok(pending) => pending.await,
            Err(error) => Err(error.clone()),
        };
        let InFlight { index, frame, .. } = self.awaited.take()?;
        if completed.is_err() {
            self.give_up();
        }
        Some(completed.map(|completed| VideoOutcome { index, frame, completed }))
    }

    /// Takes no further frames and lets go of those in flight: what has not started is never started.
    fn give_up(&mut self) {
        self.frames.close();
        self.awaited = None;
        while self.frames.try_recv().is_ok() {}
    }

    /// How the video ended; none where it was given up before its end. To be asked when [`VideoDetections::next`] has given none.
    ///
    /// # Errors
    /// What the decoder failed with.
    ///
    /// # Panics
    /// Never: a feeder that panicked counts as a decoder that failed.
    pub fn end(mut self) -> Result<Option<VideoEnd>, MediaError> {
        self.give_up();
        let feeder = self.feeder.take().expect("the feeder is joined only here");
        feeder.join().unwrap_or_else(|_| {
            Err(MediaError::new(samovar_media::MediaErrorKind::DecoderFailed, "reading the video failed"))
        })
    }
}
