//! The frames of one recorded video on their way: decoder thread → a bounded number of runs in flight → results in order.
//!
//! Backpressure reaches the decoder: it is read no further than the runs in flight allow, so memory does not depend on the length of
//! the video, and nothing is dropped.

use samovar_media::{Frame, MediaError, MediaErrorKind, VideoDecoder, VideoEnd};
use samovar_runtime::RunError;
use std::future::Future;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// The frames of one video, each with its run `R`. Once it is dropped nothing more is read: the feeder ends at its next frame, which the
/// decoder's stall limit bounds.
pub(crate) struct VideoFeed<R> {
    frames: mpsc::Receiver<InFlight<R>>,
    /// The frame whose run [`VideoFeed::next`] waits for: kept here, so that a wait that is given up loses nothing.
    awaited: Option<InFlight<R>>,
    /// Feeds the frames in; joined at the end.
    feeder: JoinHandle<Result<Option<VideoEnd>, MediaError>>,
}

/// A frame whose run has given something.
pub(crate) struct Fed<T> {
    /// Number of the frame among those that the decoder gave, from 0.
    pub(crate) index: u64,
    /// The picture.
    pub(crate) frame: Arc<Frame>,
    /// What the run gave.
    pub(crate) output: T,
}

struct InFlight<R> {
    index: u64,
    frame: Arc<Frame>,
    run: Result<R, RunError>,
}

impl<R: Send + 'static> VideoFeed<R> {
    /// Starts to read. `begin` is called with each frame and its index, on a thread outside any async runtime, and waits for a place in the
    /// queue; a frame that it refuses is the last.
    pub(crate) fn start(
        decoder: VideoDecoder,
        in_flight: usize,
        begin: impl Fn(u64, &Arc<Frame>) -> Result<R, RunError> + Send + 'static,
    ) -> Self {
        let (sender, frames) = mpsc::channel(in_flight.max(1));
        let feeder = std::thread::Builder::new()
            .name("video-feeder".to_owned())
            .spawn(move || feed(decoder, &sender, begin))
            .expect("the system gives a thread for a video");
        Self { frames, awaited: None, feeder }
    }
}

impl<R> VideoFeed<R> {
    /// The next frame with its result, in order; none after the last. A frame that fails is the last. Safe to cancel.
    pub(crate) async fn next<T>(&mut self) -> Option<Result<Fed<T>, RunError>>
    where
        R: Future<Output = Result<T, RunError>> + Unpin,
    {
        if self.awaited.is_none() {
            self.awaited = Some(self.frames.recv().await?);
        }
        let result = match &mut self.awaited.as_mut()?.run {
            Ok(run) => run.await,
            Err(error) => Err(error.clone()),
        };
        let InFlight { index, frame, .. } = self.awaited.take()?;
        if result.is_err() {
            self.give_up();
        }
        Some(result.map(|output| Fed { index, frame, output }))
    }

    /// Takes no further frames and lets go of those in flight: what has not started is never started.
    pub(crate) fn give_up(&mut self) {
        self.frames.close();
        self.awaited = None;
        while self.frames.try_recv().is_ok() {}
    }

    /// How the video ended; none where it was given up before its end. Waits for the feeder's thread.
    pub(crate) fn end(mut self) -> Result<Option<VideoEnd>, MediaError> {
        self.give_up();
        let failed = |_| Err(MediaError::new(MediaErrorKind::DecoderFailed, "reading the video failed"));
        self.feeder.join().unwrap_or_else(failed)
    }
}

fn feed<R>(
    mut decoder: VideoDecoder,
    sender: &mpsc::Sender<InFlight<R>>,
    begin: impl Fn(u64, &Arc<Frame>) -> Result<R, RunError>,
) -> Result<Option<VideoEnd>, MediaError> {
    let mut index = 0;
    while let Some(frame) = decoder.next_frame()? {
        let frame = Arc::new(frame);
        let run = begin(index, &frame);
        let failed = run.is_err();
        let abandoned = sender.blocking_send(InFlight { index, frame, run }).is_err();
        if failed || abandoned {
            break;
        }
        index += 1;
    }
    Ok(decoder.end())
}
