//! The frames of journals, one after the other, with who is who where objects are followed.

use super::following::Following;
use crate::{FrameRecord, JournalHeader, JournalReader, RecordedError};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// The frames of journals. May be gone through several times, and gives the same each time: what is written meanwhile is not seen.
#[derive(Clone)]
pub(super) struct Frames<'a> {
    journals: Vec<(&'a Path, u64)>,
    pub(super) track: bool,
    cancelled: &'a CancellationToken,
}

impl<'a> Frames<'a> {
    /// The frames of those journals as they are now.
    pub(super) fn new(
        journals: &'a [PathBuf],
        track: bool,
        cancelled: &'a CancellationToken,
    ) -> Result<Self, RecordedError> {
        let sized = |path: &'a PathBuf| Ok((path.as_path(), JournalReader::open(path)?.bytes()));
        Ok(Self { journals: journals.iter().map(sized).collect::<Result<_, RecordedError>>()?, track, cancelled })
    }

    /// The same without anybody being followed.
    pub(super) fn untracked(&self) -> Self {
        Self { track: false, ..self.clone() }
    }

    /// Hands over every frame in turn, until it is cancelled.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(&JournalHeader, &FrameRecord) -> Result<(), RecordedError>,
    ) -> Result<(), RecordedError> {
        for (path, bytes) in &self.journals {
            let mut reader = JournalReader::open_within(path, *bytes)?;
            let mut following = self.track.then(Following::default);
            while let Some(mut record) = reader.next_frame()? {
                if self.cancelled.is_cancelled() {
                    return Ok(());
                }
                if let Some(following) = &mut following {
                    following.follow(&mut record);
                }
                take(reader.header(), &record)?;
            }
        }
        Ok(())
    }

    /// What the journals are of.
    pub(super) fn headers(&self) -> impl Iterator<Item = Result<JournalHeader, RecordedError>> {
        self.journals.iter().map(|(path, _)| JournalReader::open(path).map(|reader| reader.header().clone()))
    }
}
