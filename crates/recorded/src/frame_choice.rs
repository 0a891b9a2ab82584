//! Which frames of a video are looked at.

use crate::{RecordedError, RecordedErrorKind};
use samovar_media::{FfmpegProgram, UrlScheme, VideoInfo, VideoOptions};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

/// The fastest rate that may be asked for, in frames per second.
const FPS_MAX: f64 = 1_000.0;
/// The latest time that may be named, in seconds: a year.
const TIME_S_MAX: f64 = 366.0 * 86_400.0;

/// What an address may begin with: whoever hands it over has allowed it.
pub(crate) const SCHEMES: [UrlScheme; 4] = [UrlScheme::Http, UrlScheme::Https, UrlScheme::Rtsp, UrlScheme::Rtsps];

/// Which frames of a video are looked at. By default all of them. Part of a job's payload and of a journal's header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrameChoice {
    /// Every N-th frame, beginning with the first.
    pub every: NonZeroU32,
    /// No more frames of a second of video than this: the first of each stretch of that length.
    pub fps: Option<f64>,
    /// Only frames that need no other frame: some hundred times faster to decode.
    pub keyframes: bool,
    /// Only frames that differ from the one before by more than this, 0 to 1, and the first: changes of scene.
    pub scene_change: Option<f64>,
    /// No more frames than this.
    pub frames_max: Option<u64>,
    /// Where to begin, in seconds from the start.
    pub start_s: f64,
    /// Where to end, in seconds from the start.
    pub end_s: Option<f64>,
}

impl Default for FrameChoice {
    fn default() -> Self {
        Self {
            every: NonZeroU32::MIN,
            fps: None,
            keyframes: false,
            scene_change: None,
            frames_max: None,
            start_s: 0.0,
            end_s: None,
        }
    }
}

impl FrameChoice {
    /// Whether every value is within its bounds.
    ///
    /// # Errors
    /// `Invalid`: the first value that is not, by its name, with what it may be.
    pub fn validate(&self) -> Result<(), RecordedError> {
        let is_time = |time: f64| (0.0..=TIME_S_MAX).contains(&time);
        let rate = self.fps.is_none_or(|fps| fps > 0.0 && fps <= FPS_MAX);
        within(rate, "`fps` must be a number above 0, at most 1000")?;
        let scene = self.scene_change.is_none_or(|share| (0.0..=1.0).contains(&share));
        within(scene, "`scene_change` must be a number from 0 to 1")?;
        within(self.frames_max != Some(0), "`frames_max` must be at least 1")?;
        within(is_time(self.start_s), "`start_s` must be a number of seconds from 0 on, within a year")?;
        let end = self.end_s.is_none_or(|end| is_time(end) && end > self.start_s);
        within(end, "`end_s` must be a number of seconds after `start_s`, within a year")
    }

    /// How such frames are decoded. An address that is opened with it was allowed by the caller: all kinds of addresses are.
    pub fn video_options(&self, program: FfmpegProgram) -> VideoOptions {
        let mut options = VideoOptions::new(program);
        options.every = self.every;
        options.frames_per_second_max = self.fps;
        options.keyframes_only = self.keyframes;
        options.scene_change = self.scene_change;
        options.frame_count_max = self.frames_max;
        options.start = seconds(self.start_s);
        options.end = self.end_s.map(seconds);
        options.schemes = SCHEMES.to_vec();
        options
    }

    /// Frames to come, as far as the container tells: none where it does not, or where the pictures decide.
    pub fn frames_expected(&self, info: &VideoInfo) -> Option<u64> {
        if self.keyframes || self.scene_change.is_some() {
            return None;
        }
        let end_s = self.end_s.unwrap_or(f64::INFINITY).min(info.declared_duration?.as_secs_f64());
        let duration_s = (end_s - self.start_s).max(0.0);
        let every = f64::from(self.every.get());
        let rate = self.fps.unwrap_or(f64::INFINITY).min(info.declared_frames_per_second? / every);
        // To the millisecond: a duration is rarely a whole number of frames to the last bit.
        let frames = (duration_s * rate - 1e-3).ceil().max(0.0) as u64;
        Some(frames.min(self.frames_max.unwrap_or(u64::MAX)))
    }

    /// Whether frames are left out otherwise than by `every`, so that only their times tell their numbers.
    pub(crate) const fn leaves_out_by_content(&self) -> bool {
        self.fps.is_some() || self.keyframes || self.scene_change.is_some()
    }
}

/// What does not hold is told by `sentence`.
pub(crate) fn within(holds: bool, sentence: &'static str) -> Result<(), RecordedError> {
    if holds { Ok(()) } else { Err(RecordedError::new(RecordedErrorKind::Invalid, sentence)) }
}

/// What cannot be a time counts as the start.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        let fine = FrameChoice::default();
        assert!(fine.validate().is_ok());
        let named =
            |choice: FrameChoice| choice.validate().unwrap_err().to_string().split('`').nth(1).unwrap().to_owned();
        let nan = f64::NAN;
        for fps in [0.0, -1.0, nan, f64::INFINITY, 1_000.1] {
            assert_eq!(named(FrameChoice { fps: Some(fps), ..fine.clone() }), "fps");
        }
        for share in [-0.1, 1.1, nan] {
            assert_eq!(named(FrameChoice { scene_change: Some(share), ..fine.clone() }), "scene_change");
        }
        assert_eq!(named(FrameChoice { frames_max: Some(0), ..fine.clone() }), "frames_max");
        for start_s in [-1.0, nan, 1e300] {
            assert_eq!(named(FrameChoice { start_s, ..fine.clone() }), "start_s");
        }
        for end_s in [2.0, 1.0, nan, f64::INFINITY] {
            assert_eq!(named(FrameChoice { start_s: 2.0, end_s: Some(end_s), ..fine.clone() }), "end_s");
        }
        let all = FrameChoice { fps: Some(1_000.0), scene_change: Some(1.0), end_s: Some(0.1), ..fine };
        assert!(all.validate().is_ok());
    }

    #[test]
    fn the_words_of_a_choice_are_fixed() {
        assert!(serde_json::from_str::<FrameChoice>(r#"{"every":0}"#).is_err());
        assert!(serde_json::from_str::<FrameChoice>(r#"{"fsp":2}"#).is_err());
        let choice: FrameChoice = serde_json::from_str(r#"{"every":5,"fps":2.5,"start_s":1}"#).unwrap();
        assert_eq!((choice.every.get(), choice.fps, choice.start_s), (5, Some(2.5), 1.0));
    }
}
