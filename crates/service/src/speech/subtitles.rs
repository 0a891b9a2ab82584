//! Subtitles as `openai-whisper` writes them: one cue for each segment, the segments as they are.

use super::Transcript;
use std::fmt::Write;

/// SubRip: numbered cues, `HH:MM:SS,mmm`.
pub fn srt(transcript: &Transcript) -> String {
    let mut out = String::new();
    for (number, segment) in (1..).zip(&transcript.segments) {
        let (start, end) = (time(segment.start_s, true, ','), time(segment.end_s, true, ','));
        put(&mut out, format_args!("{number}\n{start} --> {end}\n{}\n\n", cue(&segment.text)));
    }
    out
}

/// WebVTT: `MM:SS.mmm`, hours where there are any.
pub fn vtt(transcript: &Transcript) -> String {
    let mut out = "WEBVTT\n\n".to_owned();
    for segment in &transcript.segments {
        let (start, end) = (vtt_time(segment.start_s), vtt_time(segment.end_s));
        put(&mut out, format_args!("{start} --> {end}\n{}\n\n", cue(&segment.text)));
    }
    out
}

/// A time as WebVTT writes it: `MM:SS.mmm`, hours where there are any.
pub fn vtt_time(seconds: f64) -> String {
    time(seconds, false, '.')
}

/// An arrow would begin another cue's times, and an empty line would end this one.
fn cue(text: &str) -> String {
    let lines = text.trim().lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n").replace("-->", "->")
}

/// A time as the reference writes it, rounded to the nearest millisecond, halves to even.
fn time(seconds: f64, always_hours: bool, mark: char) -> String {
    let milliseconds = (seconds.max(0.0) * 1_000.0).round_ties_even() as u64;
    let (hours, minutes) = (milliseconds / 3_600_000, milliseconds / 60_000 % 60);
    let (seconds, milliseconds) = (milliseconds / 1_000 % 60, milliseconds % 1_000);
    let hours = if always_hours || hours > 0 { format!("{hours:02}:") } else { String::new() };
    format!("{hours}{minutes:02}:{seconds:02}{mark}{milliseconds:03}")
}

fn put(out: &mut String, cue: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(cue);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::TranscriptSegment;

    fn transcript(segments: &[(f64, f64, &str)]) -> Transcript {
        let segment = |(id, (start_s, end_s, text)): (usize, &(f64, f64, &str))| TranscriptSegment {
            id: id as u64,
            seek: 0,
            start_s: *start_s,
            end_s: *end_s,
            text: (*text).to_owned(),
            tokens: Vec::new(),
            logprobs: Vec::new(),
            words: Vec::new(),
            temperature: 0.0,
            average_logprob: 0.0,
            compression_ratio: 1.0,
            no_speech_prob: 0.0,
        };
        Transcript {
            model: "whisper".into(),
            language: None,
            translated: false,
            duration_s: 0.0,
            segments: segments.iter().enumerate().map(segment).collect(),
            failure: None,
        }
    }

    #[test]
    fn cues_are_numbered_and_timed_as_the_reference_does() {
        let heard =
            transcript(&[(0.0, 2.4, " There is a fire."), (3_599.999_6, 36_061.25, " Come --> quickly.\n\n Now.")]);
        assert_eq!(
            srt(&heard),
            "1\n00:00:00,000 --> 00:00:02,400\nThere is a fire.\n\n\
             2\n01:00:00,000 --> 10:01:01,250\nCome -> quickly.\nNow.\n\n"
        );
        assert_eq!(
            vtt(&heard),
            "WEBVTT\n\n00:00.000 --> 00:02.400\nThere is a fire.\n\n\
             01:00:00.000 --> 10:01:01.250\nCome -> quickly.\nNow.\n\n"
        );
        assert_eq!((srt(&transcript(&[])).as_str(), vtt(&transcript(&[])).as_str()), ("", "WEBVTT\n\n"));
        assert_eq!(heard.text(), "There is a fire. Come --> quickly.\n\n Now.");
    }
}
