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
        let Some(line) = self.lines.next().map_err(|_| failed())? else {
            self.done = true;
            return Ok(None);
        };
        match Line::parse(line) {
            Some(Line::Frame(record)) => return Ok(Some(record)),
            Some(Line::End(end)) => self.end = Some(end),
            Some(Line::Header(_)) | None => self.expect_no_more()?,
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
