//! The journal of one video: a header, then one line of JSON for each frame, then its end. It survives: what was interrupted is gone on
//! with after its last whole line.

use crate::journal_lines::{Line, Lines, damage_line, end_line, frame_line, header_line};
use crate::journal_reader::unreadable;
use crate::{FrameChoice, FrameRecord, RecordedError, RecordedErrorKind, Summary};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

/// What is written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// What a journal is of: two runs with the same header may share a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalHeader {
    /// The video as it is shown and recorded.
    pub input: String,
    /// Size of the file in bytes and time of its last change in ms since 1970, where it is a file: another file is another work.
    pub source: Option<(u64, u64)>,
    /// The model's name.
    pub model: String,
    /// SHA-256 of its file, or what else tells it from another.
    pub fingerprint: String,
    /// The engine that ran it.
    pub engine: String,
    /// The arithmetic.
    pub precision: String,
    /// The names of its classes, by number.
    pub labels: Vec<String>,
    /// Thresholds: least score, greatest overlap, classes.
    pub options: serde_json::Value,
    /// Which frames.
    pub choice: FrameChoice,
}

/// How a video ended: the last line of a journal that is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEnd {
    /// Frames that were looked at.
    pub frames: u64,
    /// `complete`, `truncated`, `damaged`.
    pub end: String,
    /// Where the damage begins, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged_at_ms: Option<f64>,
    /// What was found in all.
    pub summary: Summary,
    /// What the work took, as measured: stages, pools, machine.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub performance: serde_json::Value,
}

/// A journal that is being written. It is locked: nobody else writes it meanwhile, and whoever reads it may.
#[derive(Debug)]
pub struct Journal {
    /// None where nothing is kept.
    file: Option<BufWriter<File>>,
    line: Vec<u8>,
    held: Held,
}

/// What a journal holds so far.
#[derive(Debug, Default)]
struct Held {
    last: Option<FrameRecord>,
    end: Option<JournalEnd>,
    damaged_at: Option<Duration>,
    summary: Summary,
}

impl Journal {
    /// One that keeps nothing but what it sums up, for results that nobody asks for afterwards: however long the work goes on, it does not
    /// grow.
    pub fn unkept() -> Self {
        Self { file: None, line: Vec::new(), held: Held::default() }
    }

    /// A new one; an old one of that name is written over.
    ///
    /// # Errors
    /// `Output`, also where somebody else writes it at present; `StorageFull`.
    pub fn create(path: &Path, header: &JournalHeader) -> Result<Self, RecordedError> {
        let line = header_line(header)?;
        let file = open(path, true)?;
        let mut journal = Self::at(file, 0, Held::default())?;
        journal.write(&line)?;
        journal.checkpoint()?;
        sync_folder(path);
        Ok(journal)
    }

    /// Goes on with one that was interrupted: what follows its last whole line is cut off, and so is everything from a damaged line on, to
    /// be done again. None where there is none, or not even its first line is whole.
    ///
    /// # Errors
    /// `OtherWork` where the header differs; `Journal` where the file is no journal; those of writing.
    pub fn resume(path: &Path, header: &JournalHeader) -> Result<Option<Self>, RecordedError> {
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(RecordedError::output(&error)),
        }
        let file = open(path, false)?;
        let mut lines = Lines::new(&file);
        let Some(first) = lines.next().map_err(|error| RecordedError::output(&error))? else { return Ok(None) };
        match Line::parse(first) {
            Some(Line::Header(found)) if *found == as_read(header)? => {}
            Some(Line::Header(_)) => return Err(other_work()),
            _ => return Err(unreadable("the file is no journal of a video; give another name, or remove it")),
        }
        let (held, bytes) = Held::read(&mut lines).map_err(|error| RecordedError::output(&error))?;
        drop(lines);
        Self::at(file, bytes, held).map(Some)
    }

    /// The last frame that it holds; none where it holds none.
    pub const fn last(&self) -> Option<&FrameRecord> {
        self.held.last.as_ref()
    }

    /// How the video ended, where the journal is whole: there is nothing left to do.
    pub const fn end(&self) -> Option<&JournalEnd> {
        self.held.end.as_ref()
    }

    /// What was found in all frames that it holds.
    pub const fn summary(&self) -> &Summary {
        &self.held.summary
    }

    /// Adds a frame. Written through to the system now and then; [`checkpoint`](Self::checkpoint) makes sure.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn add(&mut self, record: &FrameRecord) -> Result<(), RecordedError> {
        if let Some(file) = &mut self.file {
            frame_line(record, &mut self.line)?;
            file.write_all(&self.line).map_err(|error| RecordedError::output(&error))?;
        }
        self.held.summary.add(record);
        self.held.last = Some(record.clone());
        Ok(())
    }

    /// Notes where the video is damaged, so that whoever goes on behind that place knows of it too. Only the first place counts.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn add_damage(&mut self, at: Duration) -> Result<(), RecordedError> {
        if self.held.damaged_at.is_some() {
            return Ok(());
        }
        self.held.damaged_at = Some(at);
        self.write(&damage_line(at)?)
    }

    /// Where the video is damaged, as far as it was read.
    pub const fn damaged_at(&self) -> Option<Duration> {
        self.held.damaged_at
    }

    /// Writes all lines through to the disk.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn checkpoint(&mut self) -> Result<(), RecordedError> {
        let synced = self.flushed().and_then(|file| file.map_or(Ok(()), |file| file.sync_data()));
        synced.map_err(|error| RecordedError::output(&error))
    }

    /// Writes the end and closes.
    ///
    /// # Errors
    /// `Output`, `StorageFull`.
    pub fn finish(mut self, end: &JournalEnd) -> Result<(), RecordedError> {
        self.write(&end_line(end)?)?;
        self.checkpoint()
    }

    /// The file with every line handed to the system, to be written through to the disk by whoever may wait for that; none where nothing
    /// is kept.
    pub(crate) fn flushed(&mut self) -> io::Result<Option<File>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        file.flush()?;
        file.get_ref().try_clone().map(Some)
    }

    fn write(&mut self, line: &[u8]) -> Result<(), RecordedError> {
        let written = self.file.as_mut().map_or(Ok(()), |file| file.write_all(line));
        written.map_err(|error| RecordedError::output(&error))
    }

    /// Goes on behind so many bytes; what follows them is cut off.
    fn at(mut file: File, bytes: u64, held: Held) -> Result<Self, RecordedError> {
        let placed = file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes)));
        placed.map_err(|error| RecordedError::output(&error))?;
        Ok(Self { file: Some(BufWriter::with_capacity(BUFFER_BYTES, file)), line: Vec::new(), held })
    }
}

impl Held {
    /// Reads on behind the header; tells the bytes that count, too.
    fn read(lines: &mut Lines<&File>) -> io::Result<(Self, u64)> {
        let mut held = Self::default();
        let mut bytes = lines.whole_bytes();
        while let Some(line) = lines.next()? {
            match Line::parse(line) {
                Some(Line::Frame(record)) if held.is_before(&record) => {
                    held.summary.add(&record);
                    held.last = Some(record);
                }
                Some(Line::Damage(at)) => {
                    held.damaged_at.get_or_insert(at);
                }
                Some(Line::End(end)) => {
                    held.end = Some(*end);
                    bytes = lines.whole_bytes();
                    break;
                }
                _ => {
                    tracing::warn!("a journal is damaged before its end; what follows is done again");
                    break;
                }
            }
            bytes = lines.whole_bytes();
        }
        Ok((held, bytes))
    }

    fn is_before(&self, record: &FrameRecord) -> bool {
        self.last.as_ref().is_none_or(|last| last.frame < record.frame)
    }
}

/// Opens the file for one writer alone.
fn open(path: &Path, create: bool) -> Result<File, RecordedError> {
    // What is there is cut off only once the lock is held.
    let opened = File::options().read(true).write(true).create(create).truncate(false).open(path);
    let file = opened.map_err(|error| RecordedError::output(&error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(RecordedError::new(
            RecordedErrorKind::Output,
            "the journal is being written by another run; wait for it, or give another name",
        )),
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(RecordedError::output(&error)),
        // Some network file systems know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// The header as a journal gives it back: what JSON cannot hold to the last bit counts as the same.
fn as_read(header: &JournalHeader) -> Result<JournalHeader, RecordedError> {
    match Line::parse(header_line(header)?.trim_ascii_end()) {
        Some(Line::Header(header)) => Ok(*header),
        _ => Err(other_work()),
    }
}

fn other_work() -> RecordedError {
    RecordedError::new(
        RecordedErrorKind::OtherWork,
        "the journal is of another video, model or choice of frames; give another name, or begin anew",
    )
}

/// Makes sure of the file's name, where the file system can.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(%error, "the folder of a journal was not written through");
    }
}
