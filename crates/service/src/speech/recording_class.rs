//! Which class of work the windows of a recording are.

use samovar_media::AudioInfo;
use samovar_runtime::Class;

/// From this length on a recording is a job.
const LONG_S: f64 = 300.0;

/// A recording for which somebody waits is work of the class `interactive`, as any request: live calls go before it. A long one is a job
/// whoever asks: its hundreds of windows then leave those who wait for a short one alone, and wait for a place at the decoder where a
/// request's would be refused, so that a crowded minute does not end the work of an hour. What does not say how long it is counts as short.
pub fn class_of(asked: Class, info: &AudioInfo) -> Class {
    let is_long = info.duration_s.is_some_and(|duration_s| duration_s > LONG_S);
    if is_long && asked == Class::Interactive { Class::Job } else { asked }
}
