//! What a source is asked to give: where it is, how often, how large, and what is kept beside it.

use super::SourceAddress;
use samovar_media::{FfmpegProgram, MotionGateOptions, RingLimits, VideoLimits, VideoSize};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

/// What a source is asked to give.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSpec {
    /// Its name, for people and metrics.
    pub name: Arc<str>,
    /// Where it is.
    pub address: SourceAddress,
    /// Frames a second that are wanted at most; none for all. Kept on the average, whatever the source's own rate.
    pub fps_max: Option<f64>,
    /// Only frames that need no other frame are decoded: cheap, and a frame every few seconds. [`stall`](Self::stall) must be
    /// longer than the time between two.
    pub keyframes_only: bool,
    /// The size of the delivered frames; see [`SourceSpec::SIZE`].
    pub size: VideoSize,
    /// Frames are left out while nothing moves in the picture; none for never. Its `force_after` shows that the source lives.
    pub motion_gate: Option<MotionGateOptions>,
    /// The source's own packets are kept for clips; none for no clips.
    pub clip: Option<ClipSpan>,
    /// Longest silence, before the first frame and between two, until the source counts as lost.
    pub stall: Duration,
    /// The stream's share of the models, against those of other streams.
    pub weight: NonZeroU16,
    /// Whether its host may not send the decoder on to another: for addresses that somebody other than the operator named. A playlist
    /// is not bound by it.
    pub bound: bool,
}

/// How much of a source's own packets is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipSpan {
    /// Time before an event.
    pub before: Duration,
    /// Time after it.
    pub after: Duration,
    /// Bytes that are kept at most, whatever the times ask for.
    pub bytes_max: usize,
}

/// What readers of sources work with; the same for all of them.
#[derive(Clone, Debug)]
pub struct SourceTools {
    /// The program that decodes.
    pub ffmpeg: FfmpegProgram,
    /// Limits on pictures and frame rates.
    pub limits: VideoLimits,
    /// When a lost source is opened again.
    pub reconnect: ReconnectPolicy,
}

/// When a lost source is opened again.
///
/// Two things come together here: a source that stays away must cost next to nothing (waits grow to [`far_max`](Self::far_max)),
/// and one that comes back must be seen within seconds. So a source that was live lately is tried often, and where nothing answers
/// at all, a connection without a single byte is tried each second and ends the wait as soon as the port answers. Only a relay
/// that answers for a camera that has long been away makes a source wait to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// The first wait at most; jitter takes up to half away. Two tries never begin within less than a second.
    pub first: Duration,
    /// The longest wait of a source that was live within [`lately`](Self::lately).
    pub near_max: Duration,
    /// The longest wait of all others.
    pub far_max: Duration,
    /// How long a source counts as live lately.
    pub lately: Duration,
    /// After this time of frames the waits begin at [`first`](Self::first) again.
    pub settled: Duration,
    /// How often the port of a source that does not answer is looked at.
    pub look_every: Duration,
}

/// A specification that makes no sense. The sentence names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceSpecError(pub String);

impl SourceSpec {
    /// 1280 × 1280: what a 1080p or 4K camera is scaled down to before its frames leave the decoder.
    ///
    /// Detectors and pose models look at 640 × 640, so twice that loses them nothing; what is over it serves the crops of a
    /// re-identification model and the pictures kept as evidence. A 4K frame is 12 MB, this is 1.4 MB, and the decoder's child
    /// scales within its own process.
    pub const SIZE: VideoSize = VideoSize::Fit { width: SIDE, height: SIDE };

    /// Every frame of the source within [`SourceSpec::SIZE`], no gate, no clips, 10 s to a stall, weight 1.
    pub fn new(name: impl Into<Arc<str>>, address: SourceAddress) -> Self {
        Self {
            name: name.into(),
            address,
            fps_max: None,
            keyframes_only: false,
            size: Self::SIZE,
            motion_gate: None,
            clip: None,
            stall: Duration::from_secs(10),
            weight: NonZeroU16::MIN,
            bound: false,
        }
    }

    /// Whether every field is within its bounds.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), SourceSpecError> {
        let name_ok = (1..=64).contains(&self.name.len()) && !self.name.contains(char::is_control);
        check(name_ok, "name: give 1 to 64 bytes without control characters")?;
        let fps_ok = self.fps_max.is_none_or(|fps| fps.is_finite() && (0.01..=120.0).contains(&fps));
        check(fps_ok, "fps_max: give a number from 0.01 to 120")?;
        let stall_ok = (Duration::from_millis(500)..=Duration::from_secs(300)).contains(&self.stall);
        check(stall_ok, "stall: give 0.5 to 300 seconds")?;
        let gate_ok = self.motion_gate.is_none_or(|gate| {
            gate.level_min > 0 && (0.0..=1.0).contains(&gate.share_min) && gate.force_after != Some(Duration::ZERO)
        });
        check(gate_ok, "motion_gate: give at least 1 level, a share from 0 to 1, and a time that is not zero")?;
        self.clip.map_or(Ok(()), |clip| clip.validate())
    }

    /// Longest silence that is no stall: a source of one frame a minute may be silent for a minute.
    pub(super) fn silence_max(&self) -> Duration {
        let interval = self.fps_max.map_or(Duration::ZERO, |fps| Duration::from_secs_f64(fps.max(0.001).recip()));
        self.stall + interval
    }
}

impl ClipSpan {
    /// What the ring must hold, so that a clip is still there when its last packet has come and somebody takes it.
    pub(super) fn ring(self) -> RingLimits {
        RingLimits { bytes: self.bytes_max, span: self.before + self.after + TAKING }
    }

    fn validate(self) -> Result<(), SourceSpecError> {
        let span_ok = self.before <= MINUTES && self.after <= MINUTES && !(self.before + self.after).is_zero();
        check(span_ok, "clip: give up to five minutes before and after, and not zero of both")?;
        let bytes_ok = (64 << 10..=1 << 30).contains(&self.bytes_max);
        check(bytes_ok, "clip: give 64 KiB to 1 GiB of packets to keep")
    }
}

impl Default for ClipSpan {
    /// Five seconds before and after, within 16 MiB: ten seconds of a camera of 12 Mbit/s.
    fn default() -> Self {
        Self { before: Duration::from_secs(5), after: Duration::from_secs(5), bytes_max: 16 << 20 }
    }
}

impl Default for ReconnectPolicy {
    /// 1 to 2 s at first, up to 3 s for ten minutes, then up to 30 s; settled after 10 s; a look each second.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            near_max: Duration::from_secs(3),
            far_max: Duration::from_secs(30),
            lately: Duration::from_secs(600),
            settled: Duration::from_secs(10),
            look_every: Duration::from_secs(1),
        }
    }
}

impl SourceTools {
    /// Tools with the default limits and policy.
    pub fn new(ffmpeg: FfmpegProgram) -> Self {
        Self { ffmpeg, limits: VideoLimits::default(), reconnect: ReconnectPolicy::default() }
    }
}

const SIDE: NonZeroU32 = NonZeroU32::new(1280).expect("not zero");
/// Between the end of a clip and its being taken from the ring.
const TAKING: Duration = Duration::from_secs(2);
const MINUTES: Duration = Duration::from_secs(300);

fn check(holds: bool, sentence: &str) -> Result<(), SourceSpecError> {
    if holds { Ok(()) } else { Err(SourceSpecError(sentence.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_the_name_of_its_field() {
        let good = SourceSpec::new("door", SourceAddress::parse("rtsp://cam/x").unwrap());
        assert_eq!(good.validate(), Ok(()));
        let bad_gate = MotionGateOptions { share_min: f32::NAN, ..MotionGateOptions::default() };
        let bad_clip = ClipSpan { bytes_max: 1, ..ClipSpan::default() };
        for (spec, field) in [
            (SourceSpec { name: "".into(), ..good.clone() }, "name"),
            (SourceSpec { fps_max: Some(0.0), ..good.clone() }, "fps_max"),
            (SourceSpec { fps_max: Some(f64::NAN), ..good.clone() }, "fps_max"),
            (SourceSpec { stall: Duration::ZERO, ..good.clone() }, "stall"),
            (SourceSpec { motion_gate: Some(bad_gate), ..good.clone() }, "motion"),
            (SourceSpec { clip: Some(bad_clip), ..good.clone() }, "clip"),
        ] {
            let error = spec.validate().unwrap_err();
            assert!(error.0.starts_with(field), "{error}");
        }
    }

    #[test]
    fn a_slow_source_may_be_silent_for_as_long_as_it_was_asked_to_be() {
        let mut spec = SourceSpec::new("door", SourceAddress::parse("rtsp://cam/x").unwrap());
        assert_eq!(spec.silence_max(), Duration::from_secs(10));
        spec.fps_max = Some(0.1);
        assert_eq!(spec.silence_max(), Duration::from_secs(20));
    }
}
