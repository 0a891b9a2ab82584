//! The frames of one recorded video on their way: decoder thread → a bounded number of runs in flight → results in order.
//!
//! Backpressure reaches the decoder: a frame is asked for only when there is a place for its run, so memory does not depend on the length
//! of the video, and nothing is dropped.

use crate::video_figures::{FeedCounts, VideoFigures};
use samovar_media::{Frame, MediaError, MediaErrorKind, VideoDecoder, VideoEnd, VideoStep};
use samovar_runtime::RunError;
use std::future::Future;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// The frames of one video, each with its run `R`. Once it is dropped nothing more is read: the feeder and the decoder's child end within
/// [`GONE_CHECK`] and the time that the child takes to die, whatever the decoder is doing.
pub(crate) struct VideoFeed<R> {
    /// Never holds more than there are places.
    frames: mpsc::UnboundedReceiver<InFlight<R>>,
    /// One permit for each frame in flight; closed when nobody takes results any more.
    places: Arc<Semaphore>,
    counts: Arc<FeedCounts>,
    limit: usize,
    /// The frame whose run [`VideoFeed::next`] waits for: kept here, so that a wait that is given up loses nothing.
    awaited: Option<InFlight<R>>,
    /// Feeds the frames in; joined at the end.
    feeder: Option<JoinHandle<Result<Option<VideoEnd>, MediaError>>>,
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
    _place: Place,
}

/// A frame's place among those in flight, given back on drop.
struct Place {
    _permit: OwnedSemaphorePermit,
    counts: Arc<FeedCounts>,
}

/// How long a feeder waits for a frame before it looks whether anybody still wants one.
const GONE_CHECK: Duration = Duration::from_millis(100);

/// Frames from one look at the child's CPU time to the next: a look opens a file.
const CPU_READ_EVERY: u64 = 32;

impl<R: Send + 'static> VideoFeed<R> {
    /// Starts to read. `begin` is called with each frame and its index, on a thread outside any async runtime, and waits for a place in the
    /// device's queue; a frame that it refuses is the last. Must be called within a tokio runtime.
    pub(crate) fn start(
        decoder: VideoDecoder,
        in_flight: usize,
        begin: impl Fn(u64, &Arc<Frame>) -> Result<R, RunError> + Send + 'static,
    ) -> Self {
        let (sender, frames) = mpsc::unbounded_channel();
        let limit = in_flight.clamp(1, Semaphore::MAX_PERMITS);
        let (places, counts) = (Arc::new(Semaphore::new(limit)), Arc::new(FeedCounts::default()));
        let feeder = Feeder {
            decoder,
            sender,
            places: Arc::clone(&places),
            counts: Arc::clone(&counts),
            runtime: Handle::current(),
        };
        let thread = std::thread::Builder::new()
            .name("video-feeder".to_owned())
            .spawn(move || feeder.feed(begin))
            .expect("the system gives a thread for a video");
        Self { frames, places, counts, limit, awaited: None, feeder: Some(thread) }
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
        self.places.close();
        self.frames.close();
        self.awaited = None;
        while self.frames.try_recv().is_ok() {}
    }

    /// Frames in flight at most.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Writes what the feeder has counted into `figures`.
    pub(crate) fn tell(&self, figures: &mut VideoFigures) {
        figures.in_flight_limit = self.limit;
        self.counts.tell(figures);
    }

    /// How the video ended; none where it was given up before its end. Waits for the feeder's thread.
    pub(crate) fn end(&mut self) -> Result<Option<VideoEnd>, MediaError> {
        self.give_up();
        let joined = self.feeder.take().map(JoinHandle::join);
        let failed = |_| Err(MediaError::new(MediaErrorKind::DecoderFailed, "reading the video failed"));
        joined.map_or(Ok(None), |joined| joined.unwrap_or_else(failed))
    }
}

impl<R> Drop for VideoFeed<R> {
    /// A feeder that waits for a place wakes at once, one that waits for the decoder at its next look.
    fn drop(&mut self) {
        self.places.close();
    }
}

/// What the feeder's thread owns.
struct Feeder<R> {
    decoder: VideoDecoder,
    sender: mpsc::UnboundedSender<InFlight<R>>,
    places: Arc<Semaphore>,
    counts: Arc<FeedCounts>,
    runtime: Handle,
}

impl<R> Feeder<R> {
    fn feed(mut self, begin: impl Fn(u64, &Arc<Frame>) -> Result<R, RunError>) -> Result<Option<VideoEnd>, MediaError> {
        let mut index = 0;
        while let Some(place) = self.place() {
            let Some(frame) = self.frame()? else { break };
            let frame = Arc::new(frame);
            let queued = Instant::now();
            let run = begin(index, &frame);
            self.counts.add_queue_wait(queued.elapsed());
            let failed = run.is_err();
            let abandoned = self.sender.send(InFlight { index, frame, run, _place: place }).is_err();
            if failed || abandoned {
                break;
            }
            index += 1;
            if index % CPU_READ_EVERY == 0 {
                self.counts.set_decode_cpu(self.decoder.child_cpu());
            }
        }
        self.counts.set_decode_cpu(self.decoder.child_cpu());
        Ok(self.decoder.end())
    }

    /// A place for one more frame; none when nobody takes results any more.
    fn place(&self) -> Option<Place> {
        let began = Instant::now();
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.runtime.block_on(Arc::clone(&self.places).acquire_owned()).ok()?,
        };
        self.counts.add_queue_wait(began.elapsed());
        self.counts.enter();
        Some(Place { _permit: permit, counts: Arc::clone(&self.counts) })
    }

    /// The next frame; none after the last, or when nobody wants one.
    fn frame(&mut self) -> Result<Option<Frame>, MediaError> {
        let began = Instant::now();
        let frame = loop {
            match self.decoder.step(GONE_CHECK)? {
                VideoStep::Frame(frame) => break Some(frame),
                VideoStep::Ended => break None,
                VideoStep::Quiet if self.places.is_closed() => break None,
                VideoStep::Quiet | VideoStep::Opened => {}
            }
        };
        self.counts.add_decode_wait(began.elapsed());
        Ok(frame)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counts.leave();
    }
}
