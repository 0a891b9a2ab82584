//! How a video is decoded: size, frames left out, threads, frames read ahead.

use super::{FfmpegProgram, PacketRing, UrlScheme};
use crate::{MediaError, MediaErrorKind};
use std::num::NonZeroU32;
use std::time::Duration;

/// How a video is decoded. [`new`](Self::new) gives every frame at its own size.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoOptions {
    /// The program that decodes.
    pub program: FfmpegProgram,
    /// The size of the frames that are delivered.
    pub size: VideoSize,
    /// Only frames that need no other frame are decoded: some hundred times faster, for previews and search.
    /// Of H.264 that mixes open and closed groups of pictures FFmpeg does not find all of them.
    pub keyframes_only: bool,
    /// Every N-th frame is delivered, beginning with the first; of those that `keyframes_only` leaves.
    pub every: NonZeroU32,
    /// No more frames of a second than this, of those that `every` leaves. Of a recording the first frame of each stretch of that
    /// length is delivered, so that the rate is met on average; of a live source what comes sooner after the last one is left out.
    pub frames_per_second_max: Option<f64>,
    /// Only the first frame and changes of scene: frames that differ from the one before by more than this, 0 to 1, by
    /// FFmpeg's measure (`scene` of its filter `select`); of those that the three choices above leave. Cuts come to 0.3 and
    /// more. What follows upon a delivered frame is never a change.
    pub scene_change: Option<f64>,
    /// Where to begin. Timestamps still count from the start of the source.
    ///
    /// An interrupted run is gone on with by beginning at the time of its last frame and leaving out frames up to and
    /// with that time: the frames after it are those that it would have had, with the same times and pixels, whatever is
    /// chosen. MP4 and Matroska are sought in; in other containers, which may lead to a place where the picture is not
    /// whole yet, all before is decoded and left out. An address is always sought in, whatever is behind it.
    pub start: Duration,
    /// Where to end: the first frame at that time or later is not delivered, and the end is a complete one.
    pub end: Option<Duration>,
    /// Frames to deliver at most; what is left then is [`VideoEnd::Truncated`](super::VideoEnd::Truncated).
    pub frame_count_max: Option<u64>,
    /// Threads that decode. One gives the most frames per CPU-second, several the most per second.
    pub threads: NonZeroU32,
    /// Frames decoded ahead of the reader; when they wait, the child waits.
    pub frames_ahead: NonZeroU32,
    /// Schemes of addresses that may be opened; none unless the caller says so.
    pub schemes: Vec<UrlScheme>,
    /// Whether an address is a live source: little is read ahead, it lasts as long as it likes, playlists (HLS, told by
    /// a path that ends in `.m3u8`) and multipart JPEG are read besides files, and frames come at their own pace. A loop
    /// and a device are always live.
    pub live: bool,
    /// Whether a live address is a playlist although its path does not say so.
    pub playlist: bool,
    /// The only TCP port that the child may reach for an address, which then may send it nowhere else: a redirect is not followed. What a
    /// playlist names is fetched all the same. None for what an operator trusts.
    pub only_port: Option<u16>,
    /// Where the compressed stream goes beside the frames; only live sources have one.
    pub packets: Option<PacketRing>,
}

/// The size of the frames that are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoSize {
    /// As in the source, turned upright.
    Source,
    /// Scaled down (bilinear) to fit within, keeping the aspect ratio; never scaled up.
    Fit {
        /// Width at most, in pixels.
        width: NonZeroU32,
        /// Height at most, in pixels.
        height: NonZeroU32,
    },
}

impl VideoOptions {
    /// Every frame of the source at its own size, one thread, four frames ahead.
    pub const fn new(program: FfmpegProgram) -> Self {
        Self {
            program,
            size: VideoSize::Source,
            keyframes_only: false,
            every: NonZeroU32::MIN,
            frames_per_second_max: None,
            scene_change: None,
            start: Duration::ZERO,
            end: None,
            frame_count_max: None,
            threads: NonZeroU32::MIN,
            frames_ahead: NonZeroU32::MIN.saturating_add(3),
            schemes: Vec::new(),
            live: false,
            playlist: false,
            only_port: None,
            packets: None,
        }
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<(), MediaError> {
        let refuse = |sentence: &str| Err(MediaError::new(MediaErrorKind::Choice, sentence));
        if self.scene_change.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
            return refuse("the least change of a scene is not in 0 to 1; 0.3 finds cuts");
        }
        if self.end.is_some_and(|end| end <= self.start) {
            return refuse("the end is not after the start; begin earlier or end later");
        }
        Ok(())
    }

    /// Whether long stretches may be decoded without a frame that is delivered.
    pub(super) const fn may_be_silent(&self) -> bool {
        self.every.get() > 1
            || self.keyframes_only
            || self.frames_per_second_max.is_some()
            || self.scene_change.is_some()
            || !self.start.is_zero()
    }

    /// The rate that frames are held to, where there is one.
    pub(super) fn rate_max(&self) -> Option<f64> {
        self.frames_per_second_max.filter(|rate| rate.is_finite() && *rate > 0.0)
    }
}
