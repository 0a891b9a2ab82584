//! Which frames of videos are looked at, as typed.

use crate::failure::{CliError, Exit};
use clap::Args;
use samovar_recorded::FrameChoice;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;

/// Which part of a video is looked at, and how densely.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Frames of videos")]
pub struct SpanArguments {
    /// Look at every N-th frame only
    #[arg(long, value_name = "N", value_parser = count::<NonZeroU32>)]
    pub every: Option<NonZeroU32>,
    /// Look at no more frames of each video than this
    #[arg(long, value_name = "N", value_parser = count::<NonZeroU64>)]
    pub frames_max: Option<NonZeroU64>,
    /// Begin there: seconds, or minutes and hours before them, 90 or 1:30 or 0:01:30
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub start: Option<f64>,
    /// End there
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub end: Option<f64>,
}

/// Which frames of a video are looked at.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Frames of videos")]
pub struct FrameArguments {
    /// Which part.
    #[command(flatten)]
    pub span: SpanArguments,
    /// Look at no more frames of a second of video than this
    #[arg(long, value_name = "N", value_parser = rate)]
    pub fps: Option<f64>,
    /// Look only at frames that need no other frame: ten times and more faster to decode
    #[arg(long)]
    pub keyframes: bool,
    /// Look only at frames that differ from the one before by more than this share, 0 to 1: changes of scene (cuts come to 0.3)
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub scene_change: Option<f64>,
}

impl SpanArguments {
    /// The frames that are meant, where `every` is the rule unless something else was typed.
    ///
    /// # Errors
    /// An end that is not behind the beginning.
    pub fn choice(&self, every: NonZeroU32) -> Result<FrameChoice, CliError> {
        let start_s = self.start.unwrap_or(0.0);
        if self.end.is_some_and(|end_s| end_s <= start_s) {
            let message = "--end is not behind --start: no frame would be looked at";
            return Err(CliError::new("invalid_option", message).cure("give a later --end").exit(Exit::Usage));
        }
        Ok(FrameChoice {
            every: self.every.unwrap_or(every),
            frames_max: self.frames_max.map(Into::into),
            start_s,
            end_s: self.end,
            ..FrameChoice::default()
        })
    }
}

impl FrameArguments {
    /// As [`SpanArguments::choice`].
    ///
    /// # Errors
    /// The same.
    pub fn choice(&self, every: NonZeroU32) -> Result<FrameChoice, CliError> {
        let Self { span, fps, keyframes, scene_change } = *self;
        Ok(FrameChoice { fps, keyframes, scene_change, ..span.choice(every)? })
    }
}

fn count<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "not a count; write a whole number of 1 or more, such as 5".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0 && *rate <= 1_000.0);
    rate.ok_or_else(|| "not a rate; write frames in a second, above 0 and at most 1000, such as 2 or 0.5".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "not a share; write a number between 0 and 1, such as 0.3".to_owned())
}

/// Seconds of `90`, `90.5`, `1:30` or `0:01:30`.
fn time(text: &str) -> Result<f64, String> {
    seconds(text).ok_or_else(|| "not a time; write seconds, m:ss or h:mm:ss, such as 90, 1:30 or 0:01:30".to_owned())
}

/// The longest recording that anybody has.
const TIME_MAX_S: f64 = 10_000.0 * 3_600.0;

fn seconds(text: &str) -> Option<f64> {
    let (units, last) = text.rsplit_once(':').map_or((None, text), |(units, last)| (Some(units), last));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let last_s: f64 = last.parse().ok().filter(|_| plain(last))?;
    let parts: Vec<&str> = units.into_iter().flat_map(|units| units.split(':')).collect();
    if parts.len() > 2 || (!parts.is_empty() && last_s >= 60.0) {
        return None;
    }
    let minutes = parts.iter().try_fold(0_u64, |sum, part| {
        let value: u32 = part.parse().ok().filter(|_| plain(part))?;
        Some(sum * 60 + u64::from(value))
    })?;
    Some(minutes as f64 * 60.0 + last_s).filter(|seconds| *seconds <= TIME_MAX_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_have_colons() {
        let known = [("90", 90.0), ("90.5", 90.5), ("1:30", 90.0), ("0:01:30", 90.0), ("2:00:00.25", 7_200.25)];
        for (text, expected) in known {
            assert_eq!(time(text), Ok(expected), "{text}");
        }
        for wrong in ["", "-1", "1:90", "1:2:3:4", "1:", ":5", "a", "inf", "NaN", "1e3", "+5", "99999999999"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_count_that_is_none_is_told_in_words() {
        assert_eq!(count::<NonZeroU32>("5").unwrap().get(), 5);
        for wrong in ["0", "-1", "1.5", "many"] {
            assert!(count::<NonZeroU32>(wrong).unwrap_err().starts_with("not a count"), "{wrong}");
        }
    }

    #[test]
    fn what_is_typed_goes_before_what_is_configured() {
        let none = SpanArguments::default();
        let configured = NonZeroU32::new(5).unwrap();
        assert_eq!(none.choice(configured).unwrap().every, configured);
        let typed = SpanArguments { every: NonZeroU32::new(2), start: Some(3.0), end: Some(3.0), ..none };
        assert_eq!(typed.choice(configured).unwrap_err().code, "invalid_option");
        let typed = SpanArguments { end: Some(4.0), ..typed };
        assert_eq!(typed.choice(configured).unwrap().every.get(), 2);
    }
}
