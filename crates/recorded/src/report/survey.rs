//! All that a report tells of one journal, taken in one pass, in a size that does not depend on its length.

use super::best_frames::BestFrames;
use super::heat_map::HeatMap;
use super::timeline::Timeline;
use crate::{FrameRecord, ImageRecord, JournalEnd, JournalHeader, JournalReader, RecordedError, Summary};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// What a report tells of one journal.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) header: JournalHeader,
    /// None where the journal breaks off.
    pub(super) end: Option<JournalEnd>,
    /// Of the frames that are there, whatever the end says.
    pub(super) summary: Summary,
    /// Of the first frame.
    pub(super) image: Option<ImageRecord>,
    pub(super) timeline: Timeline,
    pub(super) heat_map: HeatMap,
    /// With the most to see, spread over time.
    pub(super) best: Vec<FrameRecord>,
}

impl Survey {
    /// Reads a journal through; `samples` frames of it at most are kept. None where it was cancelled.
    ///
    /// # Errors
    /// `Journal`.
    pub(super) fn of(
        journal: &Path,
        samples: usize,
        cancelled: &CancellationToken,
    ) -> Result<Option<Self>, RecordedError> {
        let mut reader = JournalReader::open(journal)?;
        let mut survey = Self {
            header: reader.header().clone(),
            end: None,
            summary: Summary::default(),
            image: None,
            timeline: Timeline::default(),
            heat_map: HeatMap::default(),
            best: Vec::new(),
        };
        let mut best = BestFrames::new(samples);
        while let Some(record) = reader.next_frame()? {
            if cancelled.is_cancelled() {
                return Ok(None);
            }
            survey.add(&record);
            best.add(record);
        }
        survey.end = reader.end().cloned();
        survey.best = best.into_frames();
        Ok((!cancelled.is_cancelled()).then_some(survey))
    }

    fn add(&mut self, record: &FrameRecord) {
        self.image.get_or_insert(record.image);
        self.summary.add(record);
        self.timeline.add(record);
        self.heat_map.add(record);
    }

    /// The number of a class by its name, which gives it its colour.
    pub(super) fn class_id(&self, label: &str) -> usize {
        self.timeline.classes().iter().find(|class| &*class.label == label).map_or(0, |class| class.id as usize)
    }
}
