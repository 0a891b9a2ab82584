//! A recording to read: a file or bytes in memory.

use super::{AudioError, AudioErrorKind};
use crate::video::input::{hold_in_memory, open_regular};
use bytes::Bytes;
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

/// A recording.
#[derive(Clone)]
pub enum AudioInput {
    /// A regular file.
    File(PathBuf),
    /// A whole file in memory.
    Bytes(Bytes),
    /// A file that is open and may have no name. It is read from its beginning, by one reader at a time: clones share its place.
    Unnamed(Arc<File>),
}

impl fmt::Debug for AudioInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Bytes(bytes) => write!(formatter, "Bytes({})", bytes.len()),
            Self::Unnamed(_) => formatter.write_str("Unnamed"),
        }
    }
}

/// A recording that is open.
#[derive(Debug)]
pub(super) enum OpenAudio {
    File(File),
    Bytes(Cursor<Bytes>),
}

impl OpenAudio {
    pub(super) fn open(input: AudioInput) -> Result<Self, AudioError> {
        match input {
            AudioInput::File(path) => {
                // The sentence of the video decoder speaks of a video; the kind is all that is taken of it.
                let opened = open_regular(&path).map_err(|error| {
                    tracing::debug!(%error, "an audio file could not be opened");
                    AudioError::unreadable()
                });
                opened.map(Self::File)
            }
            AudioInput::Bytes(bytes) => Ok(Self::Bytes(Cursor::new(bytes))),
            AudioInput::Unnamed(file) => {
                let mut file = file.try_clone().map_err(|_| AudioError::unreadable())?;
                file.rewind().map_err(|_| AudioError::unreadable())?;
                Ok(Self::File(file))
            }
        }
    }

    pub(super) fn byte_count(&self) -> Result<u64, AudioError> {
        match self {
            Self::File(file) => file.metadata().map(|facts| facts.len()).map_err(|_| AudioError::unreadable()),
            Self::Bytes(bytes) => Ok(bytes.get_ref().len() as u64),
        }
    }

    /// As a file from its beginning, for a child.
    pub(super) fn into_file(self) -> Result<File, AudioError> {
        match self {
            Self::File(mut file) => {
                file.rewind().map_err(|_| AudioError::unreadable())?;
                Ok(file)
            }
            Self::Bytes(bytes) => hold_in_memory(bytes.get_ref()).map_err(|_| {
                AudioError::new(AudioErrorKind::DecoderFailed, "the audio does not fit in memory; try again later")
            }),
        }
    }
}

impl Read for OpenAudio {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(into),
            Self::Bytes(bytes) => bytes.read(into),
        }
    }
}

impl Seek for OpenAudio {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Bytes(bytes) => bytes.seek(to),
        }
    }
}
