//! The lines of a journal's file, one by one within bounded memory, and what each of them says.
//!
//! The first line is `{"journal":1,"header":{…}}`, every frame is a line of its own as [`FrameRecord`] has it, and the last line is
//! `{"end":{…}}`. Where the video turns out to be damaged a line `{"damaged_at_ms":…}` stands among the frames. A line counts only with the
//! line feed behind it.

use crate::record::{from_ms, ms};
use crate::{FrameRecord, JournalEnd, JournalHeader, RecordedError, RecordedErrorKind};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

/// The longest line that is read. The most objects that a frame may have take some 400 kB.
const LINE_BYTES_MAX: usize = 16 << 20;
/// How journals are written at present.
const VERSION: u32 = 1;

/// What one line of a journal says.
#[derive(Debug)]
pub(crate) enum Line {
    Header(Box<JournalHeader>),
    Frame(FrameRecord),
    Damage(Duration),
    End(Box<JournalEnd>),
}

#[derive(Serialize, Deserialize)]
struct HeaderLine<'a> {
    journal: u32,
    header: Cow<'a, JournalHeader>,
}

#[derive(Serialize, Deserialize)]
struct DamageLine {
    damaged_at_ms: f64,
}

#[derive(Serialize, Deserialize)]
struct EndLine<'a> {
    end: Cow<'a, JournalEnd>,
}

/// Lines of a file, with the place where each ends.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: BufReader<R>,
    line: Vec<u8>,
    /// Bytes up to and with the last whole line.
    whole_bytes: u64,
}

impl Line {
    /// What that line says, without its line feed; none where it says nothing that a journal may hold.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        // Frames are what there are most of, and nothing else begins so.
        if line.starts_with(br#"{"frame""#) {
            return serde_json::from_slice(line).ok().filter(is_sound).map(Self::Frame);
        }
        if line.starts_with(br#"{"end""#) {
            let end: EndLine<'_> = serde_json::from_slice(line).ok()?;
            return Some(Self::End(Box::new(end.end.into_owned())));
        }
        if line.starts_with(br#"{"damaged_at_ms""#) {
            let damage: DamageLine = serde_json::from_slice(line).ok()?;
            return is_time(damage.damaged_at_ms).then(|| Self::Damage(from_ms(damage.damaged_at_ms)));
        }
        let header: HeaderLine<'_> = serde_json::from_slice(line).ok()?;
        (header.journal == VERSION).then(|| Self::Header(Box::new(header.header.into_owned())))
    }
}

/// Whether a frame's time can be one.
fn is_sound(record: &FrameRecord) -> bool {
    is_time(record.timestamp_ms)
}

fn is_time(ms: f64) -> bool {
    (0.0..1e12).contains(&ms)
}

/// The first line of a journal.
pub(crate) fn header_line(header: &JournalHeader) -> Result<Vec<u8>, RecordedError> {
    let line = HeaderLine { journal: VERSION, header: Cow::Borrowed(header) };
    let mut bytes = serde_json::to_vec(&line).map_err(not_written)?;
    check_length(&bytes)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The line that tells where the video is damaged.
pub(crate) fn damage_line(at: Duration) -> Result<Vec<u8>, RecordedError> {
    let mut bytes = serde_json::to_vec(&DamageLine { damaged_at_ms: ms(at) }).map_err(not_written)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The last line of a journal.
pub(crate) fn end_line(end: &JournalEnd) -> Result<Vec<u8>, RecordedError> {
    let mut bytes = serde_json::to_vec(&EndLine { end: Cow::Borrowed(end) }).map_err(not_written)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Puts the line of a frame in `bytes`, in place of what is there.
pub(crate) fn frame_line(record: &FrameRecord, bytes: &mut Vec<u8>) -> Result<(), RecordedError> {
    bytes.clear();
    serde_json::to_writer(&mut *bytes, record).map_err(not_written)?;
    check_length(bytes)?;
    bytes.push(b'\n');
    Ok(())
}

/// What could not be read back is not written: all behind it would be lost with it.
fn check_length(line: &[u8]) -> Result<(), RecordedError> {
    if line.len() <= LINE_BYTES_MAX {
        return Ok(());
    }
    let sentence = "the results of one frame take more than 16 MiB; give the model's classes shorter names";
    Err(RecordedError::new(RecordedErrorKind::Invalid, sentence))
}

fn not_written(_: serde_json::Error) -> RecordedError {
    RecordedError::new(RecordedErrorKind::Output, "a result cannot be written as JSON; this is a fault of the program")
}

impl<R: Read> Lines<R> {
    /// The lines of that source from its beginning.
    pub(crate) fn new(source: R) -> Self {
        Self { source: BufReader::with_capacity(64 << 10, source), line: Vec::new(), whole_bytes: 0 }
    }

    /// The next whole line without its line feed; none at the end, and from a line on that has no line feed or is too long.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = self.source.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if self.line.pop_if(|last| *last == b'\n').is_none() {
            return Ok(None);
        }
        self.whole_bytes += read as u64;
        Ok(Some(&self.line))
    }

    /// Bytes up to and with the line that came last.
    pub(crate) const fn whole_bytes(&self) -> u64 {
        self.whole_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn lines_come_whole_or_not_at_all() {
        let mut lines = Lines::new(&b"one\n\ntwo\nthr"[..]);
        assert_eq!(lines.next().unwrap(), Some(&b"one"[..]));
        assert_eq!(lines.next().unwrap(), Some(&b""[..]));
        assert_eq!(lines.next().unwrap(), Some(&b"two"[..]));
        assert_eq!(lines.whole_bytes(), 9);
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!(lines.whole_bytes(), 9);
    }

    #[test]
    fn a_line_without_an_end_is_read_no_further_than_the_bound() {
        let mut lines = Lines::new(io::repeat(b'x'));
        assert_eq!(lines.next().unwrap(), None);
        assert!(lines.line.len() <= LINE_BYTES_MAX + 1);
    }

    #[test]
    fn a_line_that_could_not_be_read_back_is_not_written() {
        let record = |bytes: usize| {
            let label = "x".repeat(bytes);
            let found = json!({ "class_id": 0, "label": label, "score": 0.5, "box": [0.0, 0.0, 1.0, 1.0] });
            let image = json!({ "width": 4, "height": 3 });
            let frame = json!({ "frame": 0, "timestamp_ms": 0.0, "image": image, "detections": [found] });
            serde_json::from_value::<FrameRecord>(frame).unwrap()
        };
        let mut line = Vec::new();
        assert!(frame_line(&record(LINE_BYTES_MAX), &mut line).is_err());
        frame_line(&record(LINE_BYTES_MAX - 1_000), &mut line).unwrap();
        assert!(Lines::new(&line[..]).next().unwrap().is_some_and(|line| Line::parse(line).is_some()));
    }

    proptest! {
        #[test]
        fn anything_may_be_parsed(bytes in prop::collection::vec(any::<u8>(), 0..200), head in 0_usize..4) {
            let heads = ["", r#"{"frame""#, r#"{"end""#, r#"{"journal":1"#];
            drop(Line::parse(&[heads[head].as_bytes(), &bytes].concat()));
        }
    }
}
