//! A journal read from its beginning, one frame at a time.

use crate::journal_lines::{Line, Lines};
use crate::{FrameRecord, JournalEnd, JournalHeader, RecordedError, RecordedErrorKind};
use std::fs::File;
use std::io::{Read, Take};
use std::path::Path;

/// A journal that is read from its beginning. What it holds in memory is one frame, however long the journal is.
#[derive(Debug)]
pub struct JournalReader {
    header: JournalHeader,
    bytes: u64,
    lines: Lines<Take<File>>,
    end: Option<Box<JournalEnd>>,
    /// Nothing comes any more.
    done: bool,
}

impl JournalReader {
    /// Opens a journal, also one that is still being written: it then ends where the writer is at present.
    ///
    /// # Errors
    /// `Journal` where the file cannot be opened or does not begin as a journal does.
    pub fn open(path: &Path) -> Result<Self, RecordedError> {
        Self::open_within(path, u64::MAX)
    }

    /// The same for so many bytes of it at most.
    pub(crate) fn open_within(path: &Path, bytes_max: u64) -> Result<Self, RecordedError> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (len, file) = opened.map_err(|_| unreadable("the journal cannot be opened; check that it is there"))?;
        let bytes = len.min(bytes_max);
        let mut lines = Lines::new(file.take(bytes));
        match lines.next().map_err(|_| failed())?.and_then(Line::parse) {
            Some(Line::Header(header)) => Ok(Self { header: *header, bytes, lines, end: None, done: false }),
            _ => {
                Err(unreadable("this is no journal of a video, or one of another version; work the video through anew"))
            }
        }
    }

    /// How long it was when it was opened.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it is of.
    pub const fn header(&self) -> &JournalHeader {
        &self.header
    }

    /// The next frame; none at the end, or where the journal breaks off.
    ///
    /// # Errors
    /// `Journal` where lines follow one that is damaged, or the file cannot be read.
    pub fn next_frame(&mut self) -> Result<Option<FrameRecord>, RecordedError> {
        if self.done {
            return Ok(None);
        }
        while let Some(line) = self.lines.next().map_err(|_| failed())? {
            match Line::parse(line) {
                Some(Line::Frame(record)) => return Ok(Some(record)),
                // The end tells it once more.
                Some(Line::Damage(_)) => continue,
                Some(Line::End(end)) => self.end = Some(end),
                Some(Line::Header(_)) | None => self.expect_no_more()?,
            }
            break;
        }
        self.done = true;
        Ok(None)
    }

    /// How the video ended, once all frames are read and the journal is whole.
    pub fn end(&self) -> Option<&JournalEnd> {
        self.end.as_deref()
    }

    /// What follows a damaged line must be damaged, too, as a power cut leaves it; else something in between is lost.
    fn expect_no_more(&mut self) -> Result<(), RecordedError> {
        self.done = true;
        while let Some(line) = self.lines.next().map_err(|_| failed())? {
            if Line::parse(line).is_some() {
                return Err(unreadable("the journal is damaged before its end; go on with the work to mend it"));
            }
        }
        Ok(())
    }
}

pub(crate) fn unreadable(sentence: &'static str) -> RecordedError {
    RecordedError::new(RecordedErrorKind::Journal, sentence)
}

fn failed() -> RecordedError {
    unreadable("the journal cannot be read; check the disk")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrameChoice, ImageRecord, Journal, Summary};
    use proptest::prelude::*;

    fn header() -> JournalHeader {
        JournalHeader {
            input: "a.mp4".to_owned(),
            source: None,
            model: "m".to_owned(),
            fingerprint: "f".to_owned(),
            engine: "e".to_owned(),
            precision: "f32".to_owned(),
            labels: vec!["cup".to_owned()],
            options: serde_json::Value::Null,
            choice: FrameChoice::default(),
        }
    }

    fn frame(number: u64) -> FrameRecord {
        let image = ImageRecord { width: 4, height: 3 };
        FrameRecord { frame: number, timestamp_ms: number as f64 * 41.708, image, detections: vec![], timings: None }
    }

    /// A whole journal of that many frames.
    fn journal(path: &Path, frames: u64) -> Vec<u8> {
        let mut journal = Journal::create(path, &header()).unwrap();
        (0..frames).for_each(|number| journal.add(&frame(number)).unwrap());
        let summary = Summary { frames, ..Summary::default() };
        let end = JournalEnd {
            frames,
            end: "complete".to_owned(),
            damaged_at_ms: None,
            summary,
            performance: serde_json::Value::Null,
        };
        journal.finish(&end).unwrap();
        std::fs::read(path).unwrap()
    }

    /// Frames up to the end, and whether it breaks off in an error.
    fn read(path: &Path) -> (Vec<u64>, Option<bool>) {
        let Ok(mut reader) = JournalReader::open(path) else { return (Vec::new(), None) };
        let mut frames = Vec::new();
        loop {
            match reader.next_frame() {
                Ok(Some(record)) => frames.push(record.frame),
                Ok(None) => return (frames, Some(reader.end().is_some())),
                Err(_) => return (frames, None),
            }
        }
    }

    #[test]
    fn a_line_that_is_damaged_between_others_is_told_and_mended_by_going_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let text = String::from_utf8(journal(&path, 5)).unwrap();
        assert_eq!(read(&path), ((0..5).collect(), Some(true)));
        std::fs::write(&path, text.replace(r#"{"frame":3"#, r#"{"frame":x"#)).unwrap();
        assert_eq!(read(&path), (vec![0, 1, 2], None));
        let mended = Journal::resume(&path, &header()).unwrap().unwrap();
        assert_eq!((mended.last().unwrap().frame, mended.summary().frames), (2, 3));
        drop(mended);
        assert_eq!(read(&path), (vec![0, 1, 2], Some(false)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn whatever_is_in_the_file_is_read_and_gone_on_with(
            cut in 0_usize..2_000,
            garbage in prop::collection::vec(any::<u8>(), 0..300),
            flips in prop::collection::vec((0_usize..2_000, any::<u8>()), 0..3),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            let mut bytes = journal(&path, 8);
            bytes.truncate(cut);
            bytes.extend(garbage);
            for (at, byte) in flips {
                if let Some(found) = bytes.get_mut(at) {
                    *found ^= byte;
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            let (frames, _) = read(&path);
            prop_assert!(frames.len() <= 9);
            if let Ok(Some(mut journal)) = Journal::resume(&path, &header()) {
                let next = journal.last().map_or(0, |last| last.frame + 1);
                let is_whole = journal.end().is_some();
                if !is_whole {
                    journal.add(&frame(next)).unwrap();
                }
                drop(journal);
                let (frames, end) = read(&path);
                prop_assert_eq!(end, Some(is_whole));
                prop_assert!(is_whole || frames.last() == Some(&next));
            }
        }
    }
}
