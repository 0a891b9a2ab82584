//! Words of a page: what comes from outside made harmless, times and numbers as people read them.

use std::fmt;

/// Text from outside, as it may stand in HTML and SVG, in elements and in quoted attributes. Control characters are shown as such.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            // Not one of them may stand in XML, and the two last are no characters.
            character if character.is_control() || matches!(character, '\u{FFFE}' | '\u{FFFF}') => {
                out.write_str("\u{FFFD}")
            }
            character => write!(out, "{character}"),
        })
    }
}

/// A time from the start of a video: `0:07.5`, `12:34`, `1:02:03`; tenths where they matter.
pub(super) fn clock(ms: f64) -> String {
    let tenths = (ms.max(0.0) / 100.0).round() as u64;
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let tail = if tenth > 0 && hours == 0 { format!(".{tenth}") } else { String::new() };
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}{tail}") }
}

/// A number with thin spaces between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

/// At most one decimal, and none for whole numbers.
pub(super) fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A colour as CSS has it.
pub(super) fn color([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{DetectionRecord, FrameRecord, ImageRecord};

    /// A frame with an object of each of those classes.
    pub(in crate::report) fn record(timestamp_ms: f64, labels: &[&str]) -> FrameRecord {
        let object = |label: &&str| DetectionRecord {
            class_id: label.len() as u32,
            label: (*label).into(),
            score: 0.5,
            corners: [1.0, 1.0, 3.0, 3.0],
            track: None,
        };
        let detections = labels.iter().map(object).collect();
        FrameRecord { frame: 0, timestamp_ms, image: ImageRecord { width: 8, height: 8 }, detections, timings: None }
    }

    #[test]
    fn nothing_from_outside_is_markup() {
        let evil = "<script>alert('1')</script> & \"quoted\"\0\n";
        let text = Text(evil).to_string();
        assert_eq!(text, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;quoted&quot;\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn times_and_numbers_are_easy_to_read() {
        assert_eq!([0.0, 7_540.0, 61_000.0, 3_723_400.0].map(clock), ["0:00", "0:07.5", "1:01", "1:02:03"]);
        assert_eq!([7, 1_234, 1_234_567].map(count), ["7", "1\u{202F}234", "1\u{202F}234\u{202F}567"]);
        assert_eq!([2.0, 2.25, 0.04].map(short), ["2", "2.2", "0"]);
        assert_eq!(color([255, 0, 10]), "#ff000a");
    }
}
