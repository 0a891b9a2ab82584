//! What the child says on its standard error: facts about the source, signs of damage, the last lines for our log.
//!
//! The lines carry text of untrusted files. Facts are therefore hints that are checked again or only shown, lines and
//! their number are bounded, and no line ever reaches a client.

use crate::{MediaError, MediaErrorKind, YuvMatrix, YuvRange};
use std::collections::VecDeque;
use std::time::Duration;

/// Longest line that is kept; what is beyond is dropped.
const LINE_BYTES_MAX: usize = 1024;
/// Lines kept for our log.
const TAIL_LINES: usize = 8;

/// A reader of the child's lines.
#[derive(Debug, Default)]
pub(crate) struct ChildLog {
    line: Vec<u8>,
    /// The last warnings and errors, without addresses: passwords may stand in them.
    tail: VecDeque<String>,
    section: Section,
    /// Size of the pictures that are being filtered.
    filtered: Option<(u32, u32)>,
    pub(crate) facts: SourceFacts,
    pub(crate) trouble: Trouble,
}

/// Which dump the child is printing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Opening,
    Input,
    Output,
}

/// What the child says of the source and of what it delivers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SourceFacts {
    pub(crate) duration: Option<Duration>,
    pub(crate) frames_per_second: Option<f64>,
    pub(crate) codec: Option<String>,
    /// FFmpeg's names of the container, such as `matroska,webm`.
    pub(crate) container: Option<String>,
    /// FFmpeg's name of the first sound's codec.
    pub(crate) audio_codec: Option<String>,
    pub(crate) size: Option<(u32, u32)>,
    /// Of the delivered frames, not of the source.
    pub(crate) color: Option<(YuvMatrix, YuvRange)>,
}

/// What went wrong, as far as the child says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The container was recognised and opened.
    pub(crate) opened: bool,
    /// A container or codec is not on its list.
    pub(crate) not_listed: bool,
    /// A bound of ours was hit.
    pub(crate) too_large: bool,
    /// There is no video stream.
    pub(crate) no_video: bool,
    /// Something is damaged: an error of a container or codec.
    pub(crate) damaged: bool,
    /// A network source was not reached.
    pub(crate) unreachable: bool,
    /// The pictures have another size than those before.
    pub(crate) resized: bool,
    /// An RTSP server has sent it on to another address.
    pub(crate) redirected: bool,
}

impl Trouble {
    /// Whether not all of an opened video was decoded as it was meant: a picture over the limit is left out too.
    pub(crate) const fn is_damage(&self) -> bool {
        self.damaged || self.too_large
    }
}

/// What ffmpeg says of an address that gives nothing.
const UNREACHABLE: [&str; 5] =
    ["Connection refused", "timed out", "Network is unreachable", "resolve host", "Server returned"];

impl ChildLog {
    /// Takes bytes as they come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' || byte == b'\r' {
                let line = std::mem::take(&mut self.line);
                self.push_line(&String::from_utf8_lossy(&line));
            } else if self.line.len() < LINE_BYTES_MAX {
                self.line.push(byte);
            }
        }
    }

    /// The last warnings and errors, for our log only.
    pub(crate) fn tail(&self) -> String {
        self.tail.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }

    /// Why not one frame came out of a child that ended by itself.
    pub(crate) fn failure(&self) -> MediaError {
        let Trouble { opened, not_listed, too_large, no_video, damaged, unreachable, .. } = self.trouble;
        let (kind, sentence) = if too_large {
            (MediaErrorKind::TooLarge, "the video's size or number of streams is over the limit; scale it down first")
        } else if unreachable {
            (
                MediaErrorKind::Unreadable,
                "the video's address could not be reached, or has no video; check it and the network",
            )
        } else if no_video {
            (MediaErrorKind::UnsupportedFormat, "there is no video stream in it; send a file that has one")
        } else if not_listed && !(opened && damaged) {
            (MediaErrorKind::UnsupportedFormat, "this container or codec is not read here; send MP4 with H.264")
        } else if damaged || opened {
            (MediaErrorKind::Corrupt, "the video is damaged or cut off before its first picture; send it again, whole")
        } else if self.tail.is_empty() {
            (MediaErrorKind::DecoderFailed, "the video program ended without a word; run `samovar doctor`")
        } else {
            (MediaErrorKind::UnsupportedFormat, "it is no video in a container that is read here; send MP4 or Matroska")
        };
        MediaError::new(kind, sentence)
    }

    fn push_line(&mut self, line: &str) {
        let Some(line) = split_line(line) else { return };
        match line.level {
            "info" if line.has_context && line.text.contains(": Redirecting to ") => self.trouble.redirected = true,
            "info" => self.take_fact(line.text),
            "verbose" if line.has_context => self.take_size(line.text),
            "warning" => self.keep(line.text),
            "error" | "fatal" | "panic" => {
                self.keep(line.text);
                self.take_trouble(&line);
            }
            _ => {}
        }
    }

    fn keep(&mut self, text: &str) {
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(without_addresses(text));
    }

    /// Takes over the size that a filter graph is set up for, which happens anew when the pictures change.
    fn take_size(&mut self, text: &str) {
        let Some(size) = parse_graph_size(text) else { return };
        self.trouble.resized |= self.filtered.is_some_and(|before| before != size);
        self.filtered = Some(size);
    }

    fn take_fact(&mut self, text: &str) {
        if let Some(rest) = text.strip_prefix("Input #0") {
            (self.section, self.trouble.opened) = (Section::Input, true);
            self.facts.container = rest.split(", from ").next().map(|names| names.trim_start_matches(", ").to_owned());
        } else if text.starts_with("Output #0") {
            self.section = Section::Output;
        } else if let Some(rest) = text.strip_prefix("  Duration: ") {
            self.facts.duration = parse_clock(rest.split(',').next().unwrap_or_default());
        } else if let Some((_, stream)) =
            text.strip_prefix("  Stream #0:").and_then(|rest| rest.split_once(": Video: "))
        {
            self.take_stream(stream);
        } else if let Some((_, stream)) =
            text.strip_prefix("  Stream #0:").and_then(|rest| rest.split_once(": Audio: "))
            && self.section == Section::Input
            && self.facts.audio_codec.is_none()
        {
            self.facts.audio_codec = Some(codec_name(stream));
        }
    }

    fn take_stream(&mut self, stream: &str) {
        if self.section == Section::Output {
            self.facts.color = Some(parse_color(stream));
        } else if self.facts.codec.is_none() && !stream.ends_with("(attached pic)") {
            self.facts.codec = Some(codec_name(stream));
            self.facts.size = stream.split(", ").find_map(parse_size);
            self.facts.frames_per_second = stream.split(", ").find_map(parse_rate);
        }
    }

    fn take_trouble(&mut self, line: &Line<'_>) {
        let has = |part: &str| line.text.contains(part);
        let trouble = &mut self.trouble;
        if has("not on whitelist") || has("AVCodecContext was allocated for") {
            // Codecs of streams that are not read are refused too, in good files; those that share a name (mp2, mp3) one for the other.
            trouble.not_listed = true;
        } else if has("max pixel count") || has("max_streams") || has("Cannot allocate memory") {
            trouble.too_large = true;
        } else if has("matches no streams") || has("does not contain any stream") {
            trouble.no_video = true;
        } else if UNREACHABLE.iter().any(|words| has(words)) {
            trouble.unreachable = true;
        } else if trouble.opened || (line.has_context && !has("Error opening input")) {
            // Before it is opened, only what a recognised container says is more than "that is no video".
            trouble.damaged = true;
        }
    }
}

/// The first word of a stream's line.
fn codec_name(stream: &str) -> String {
    stream.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}

/// A line without its marks.
struct Line<'a> {
    /// Whether a container or codec said it; the program's own words name none.
    has_context: bool,
    level: &'a str,
    text: &'a str,
}

/// The parts of `[context @ 0x…] [level] text`, with any number of contexts.
fn split_line(line: &str) -> Option<Line<'_>> {
    let (mut mark, mut text) = line.strip_prefix('[')?.split_once("] ")?;
    let mut has_context = false;
    while mark.contains('@') {
        has_context = true;
        (mark, text) = text.strip_prefix('[')?.split_once("] ")?;
    }
    Some(Line { has_context, level: mark, text })
}

/// The text with every address cut down to its scheme. An address ends with a space: a password may hold any other sign, quotes and
/// commas too. Signs that stand behind it are kept.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (address, rest) = part.split_at(part.find(char::is_whitespace).unwrap_or(part.len()));
        let bare = address.trim_end_matches(['\'', '"', ',', ':', '|']);
        clean.push_str("://…");
        clean.push_str(&address[bare.len()..]);
        clean.push_str(rest);
    }
    clean
}

/// `w:320 h:240 pixfmt:yuv420p tb:1/90000`
fn parse_graph_size(text: &str) -> Option<(u32, u32)> {
    let mut words = text.split(' ');
    let mut next = |mark: &str| words.next()?.strip_prefix(mark)?.parse().ok();
    let size = (next("w:")?, next("h:")?);
    words.next()?.starts_with("pixfmt:").then_some(size)
}

/// `00:01:19.51`
fn parse_clock(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// `480x360`, or `480x360 [SAR 1:1 DAR 4:3]`
fn parse_size(token: &str) -> Option<(u32, u32)> {
    let (width, height) = token.split(' ').next()?.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// `29.97 fps` or `1000k fps`
fn parse_rate(token: &str) -> Option<f64> {
    let rate = token.strip_suffix(" fps")?;
    match rate.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok().map(|rate| rate * 1000.0),
        None => rate.parse().ok().map(unrounded),
    }
}

/// The rate of television that was rounded to that: 23.98 is 24000/1001. In an hour this is 15 frames.
fn unrounded(rate: f64) -> f64 {
    let exact = (rate * 1.001).round() * 1_000.0 / 1_001.0;
    let is_whole = rate.fract() == 0.0;
    if !is_whole && (exact - rate).abs() < 0.005_001 { exact } else { rate }
}

/// The matrix and range in `… yuv420p(tv, bt709/unknown/unknown, progressive), …`. What is not said is BT.601 and
/// limited, as FFmpeg's own scaler takes it; BT.2020 is shown by BT.709, whose weights lie nearest.
fn parse_color(stream: &str) -> (YuvMatrix, YuvRange) {
    let inside =
        stream.split_once("yuv420p(").and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside);
    let words = || inside.split(", ").map(|item| item.split('/').next().unwrap_or_default());
    let is_709 = words().any(|word| matches!(word, "bt709" | "bt2020nc" | "bt2020c" | "smpte240m"));
    let is_full = words().any(|word| word == "pc");
    (if is_709 { YuvMatrix::Bt709 } else { YuvMatrix::Bt601 }, if is_full { YuvRange::Full } else { YuvRange::Limited })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
[aac @ 0x55] [error] Codec (aac) not on whitelist 'h264'
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/proc/self/fd/0':
[info]     title           : Stream #0:0: Video: evil, 9x9, 1 fps
[info]   Duration: 00:01:19.51, start: 0.000000, bitrate: 341 kb/s
[info]   Stream #0:0[0x1](und): Video: h264 (Main) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 480x360 [SAR 1:1 DAR 4:3], 211 kb/s, 10 fps, 10 tbr, 10240 tbn (default)
[info]   Stream #0:1[0x2](und): Audio: aac (mp4a / 0x6134706D), 44100 Hz, stereo, 127 kb/s (default)
[info] Output #0, nut, to 'pipe:1':
[info]   Stream #0:0: Video: rawvideo (I420 / 0x30323449), yuv420p(pc, bt709/unknown/unknown, progressive), 480x360 [SAR 1:1 DAR 4:3], q=2-31, 20736 kb/s, 10 fps, 1000k tbn (default)
";

    fn read(text: &str) -> ChildLog {
        let mut log = ChildLog::default();
        text.as_bytes().chunks(7).for_each(|chunk| log.push(chunk));
        log
    }

    #[test]
    fn an_address_that_has_nothing_is_unreachable() {
        let log = read("[in#0 @ 0x55] [error] Error opening input: Server returned 404 Not Found\n");
        assert_eq!(log.failure().kind(), MediaErrorKind::Unreadable);
    }

    #[test]
    fn facts_are_read_from_the_dumps_and_not_from_metadata() {
        let log = read(DUMP);
        let expected = SourceFacts {
            duration: Some(Duration::from_millis(79_510)),
            frames_per_second: Some(10.0),
            codec: Some("h264".into()),
            container: Some("mov,mp4,m4a,3gp,3g2,mj2".into()),
            audio_codec: Some("aac".into()),
            size: Some((480, 360)),
            color: Some((YuvMatrix::Bt709, YuvRange::Full)),
        };
        assert_eq!(log.facts, expected);
        assert!(!log.trouble.damaged);
    }

    #[test]
    fn no_address_is_kept() {
        let log =
            read("[rtsp @ 0x5] [error] rtsp://me:secret@camera/x?token=1: refused by 'http://a:b@c/d', http://e\n");
        assert_eq!(log.tail(), "rtsp://…: refused by 'http://…', http://…");
        let odd =
            read("[error] Error opening input file rtsp://me:s'ec,r\"e|t@camera/x.\n[error] 'http://a:b','c@d': no\n");
        assert_eq!(odd.tail(), "Error opening input file rtsp://… | 'http://…': no");
    }

    #[test]
    fn a_change_of_size_is_noticed() {
        let graph =
            |size: &str| format!("[graph 0 input from stream 0:0 @ 0x55] [verbose] {size} pixfmt:yuv420p tb:1/9\n");
        assert!(!read(&graph("w:320 h:240").repeat(2)).trouble.resized);
        assert!(read(&(graph("w:320 h:240") + &graph("w:240 h:320"))).trouble.resized);
    }

    #[test]
    fn failures_are_told_apart() {
        let kind = |text: &str| read(text).failure().kind();
        let text = "[error] file:/proc/self/fd/0: Invalid data found when processing input\n";
        let new_text = "[in#0 @ 0x56] [error] Error opening input: Invalid data found when processing input\n";
        let cut = format!("[mov,mp4 @ 0x56] [error] moov atom not found\n{text}");
        let playlist = format!("[hls @ 0x55] [error] Format not on whitelist 'mov,mp4'\n{text}");
        assert_eq!(kind(text), MediaErrorKind::UnsupportedFormat);
        assert_eq!(kind(new_text), MediaErrorKind::UnsupportedFormat);
        assert_eq!(kind(&cut), MediaErrorKind::Corrupt);
        assert_eq!(kind(&playlist), MediaErrorKind::UnsupportedFormat);
        assert_eq!(kind(""), MediaErrorKind::DecoderFailed);
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut log = ChildLog::default();
        (0..1000).for_each(|_| log.push(&[b'x'; 1000]));
        assert_eq!(log.line.len(), LINE_BYTES_MAX);
    }

    #[test]
    fn rates_of_television_are_exact() {
        for (text, rate) in [
            ("23.98 fps", 24_000.0 / 1_001.0),
            ("29.97 fps", 30_000.0 / 1_001.0),
            ("24.98 fps", 25_000.0 / 1_001.0),
            ("119.88 fps", 120_000.0 / 1_001.0),
            ("12.50 fps", 12.5),
            ("30 fps", 30.0),
            ("1k fps", 1_000.0),
        ] {
            assert_eq!(parse_rate(text), Some(rate), "{text}");
        }
        assert_eq!(parse_rate("30 tbr"), None);
    }
}
