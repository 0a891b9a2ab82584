//! Detection on one live stream: frames in at any pace, events out in the order of the frames, latest wins.
//!
//! The stream never waits for a model: a frame that cannot be started before the next one comes is dropped, counted and
//! told. What a stream holds is bounded, however fast frames come and however slowly events are taken.

use crate::reopening::Reopening;
use crate::{FrameEvent, FrameQueue};
use samovar_media::Picture;
use samovar_models::{DetectOptions, Detections, Detector};
use samovar_runtime::{Call, Class, Hold, RunError, StreamKey};
use std::num::NonZeroU16;

/// One live stream of pictures.
pub struct DetectStream {
    detector: Detector,
    options: DetectOptions,
    key: StreamKey,
    weight: NonZeroU16,
    frames: FrameQueue<Detections>,
    reopening: Reopening,
    /// Keeps the model in memory while the stream is open.
    _hold: Hold,
}

impl DetectStream {
    /// A stream on a model that was opened.
    pub fn new(detector: Detector, options: DetectOptions, key: StreamKey) -> Self {
        let hold = detector.handle().hold();
        Self {
            detector,
            options,
            key,
            weight: NonZeroU16::MIN,
            frames: FrameQueue::default(),
            reopening: Reopening::default(),
            _hold: hold,
        }
    }

    /// Takes another share among live streams from the next frame on: one of weight 2 gets two turns where one of weight 1 gets one.
    pub const fn set_weight(&mut self, weight: NonZeroU16) {
        self.weight = weight;
    }

    /// Takes other thresholds from the next frame on.
    pub fn set_options(&mut self, options: DetectOptions) {
        self.options = options;
    }

    /// The thresholds that the next frame is looked at with.
    pub const fn options(&self) -> &DetectOptions {
        &self.options
    }

    /// The detector that looks at the frames.
    pub const fn detector(&self) -> &Detector {
        &self.detector
    }

    /// Takes a frame in. Never waits; what becomes of it is told by [`DetectStream::next`].
    pub fn push(&mut self, number: u64, picture: Picture) {
        self.reopening.look(self.detector.handle());
        let call = Call::new(Class::Live, self.key).weighing(self.weight);
        let (detector, options) = (&self.detector, &self.options);
        self.frames.push(number, || detector.detect(picture, options.clone(), call));
    }

    /// Tells of a frame that did not even become a picture.
    pub fn push_error(&mut self, number: u64, error: RunError) {
        self.frames.push_error(number, error);
    }

    /// The next event, in the order of the frames; waits for ever while no frame is on its way. Safe to cancel.
    pub async fn next(&mut self) -> FrameEvent<Detections> {
        loop {
            tokio::select! {
                biased;
                () = self.reopening.ended() => {}
                event = self.frames.next() => return event,
            }
        }
    }

    /// Whether every frame's event was told.
    pub fn is_idle(&self) -> bool {
        self.frames.is_idle()
    }
}
