//! All evidence of a server: what there is, what may still be written, what must go.

use super::folder::{EvidencePart, Folder};
use super::index::{EvidenceIndex, EvidenceSearch};
use super::sidecar::Sidecar;
use super::{EvidenceFacts, EvidenceSettings, EvidenceTicket};
use crate::random_id::RandomId;
use crate::{Metrics, ServerError};
use parking_lot::Mutex;
use samovar_media::FfmpegProgram;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// All evidence of a server. Reads and writes files: its methods are for threads that may wait, except where they say so.
pub(crate) struct Evidence {
    pub(crate) settings: EvidenceSettings,
    pub(super) folder: Folder,
    index: Mutex<EvidenceIndex>,
    /// Anomalies whose files are not all written.
    places: Arc<Semaphore>,
    /// One picture or clip is written at a time.
    pub(super) writing: Semaphore,
    /// Writes clips; without it there are none.
    pub(super) ffmpeg: Option<FfmpegProgram>,
    pub(super) metrics: Arc<Metrics>,
}

/// Why a picture or a clip was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EvidenceLoss {
    /// Too many wait to be written.
    Busy,
    /// The disk is full or fails.
    Disk,
    /// The picture cannot be read, or the clip has no frames.
    Media,
}

impl EvidenceLoss {
    pub(crate) const ALL: [Self; 3] = [Self::Busy, Self::Disk, Self::Media];

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Disk => "disk",
            Self::Media => "media",
        }
    }
}

impl Evidence {
    /// Opens the folder, reads what is there and removes what must go.
    ///
    /// # Errors
    /// The folder cannot be made, read or written.
    pub(crate) fn open(
        settings: &EvidenceSettings,
        ffmpeg: Option<FfmpegProgram>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        let unusable = |error: io::Error| ServerError::Evidence(error.to_string());
        let folder = Folder::open(&settings.folder).map_err(unusable)?;
        let mut index = EvidenceIndex::default();
        folder.read().map_err(unusable)?.into_iter().for_each(|facts| index.put(facts));
        metrics.evidence.know();
        let evidence = Self {
            settings: settings.clone(),
            folder,
            index: Mutex::new(index),
            places: Arc::new(Semaphore::new(settings.waiting_max.max(1))),
            writing: Semaphore::new(1),
            ffmpeg,
            metrics: Arc::clone(metrics),
        };
        evidence.sweep();
        Ok(evidence)
    }

    /// A place and a name for the evidence of an anomaly that begins; none where nothing would be kept, or too many are being written.
    /// Never waits.
    pub(crate) fn ticket(&self, has_footage: bool) -> Option<EvidenceTicket> {
        let clip = self.settings.clips && has_footage && self.ffmpeg.is_some();
        let snapshot = self.settings.snapshots;
        if !clip && !snapshot {
            return None;
        }
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Some(EvidenceTicket { id: RandomId::new(), snapshot, clip, place }),
            Err(_) => {
                self.metrics.evidence.lost(EvidenceLoss::Busy);
                None
            }
        }
    }

    /// What is asked for, newest first. Never waits for a file.
    pub(crate) fn find(&self, search: &EvidenceSearch) -> Vec<EvidenceFacts> {
        self.index.lock().find(search)
    }

    /// What is known of one piece. Never waits for a file.
    pub(crate) fn facts(&self, id: RandomId) -> Option<EvidenceFacts> {
        self.index.lock().get(id).cloned()
    }

    /// Where a part lies; none where there is none. Never waits for a file.
    pub(crate) fn path(&self, id: RandomId, part: EvidencePart) -> Option<PathBuf> {
        let facts = self.facts(id)?;
        let there = match part {
            EvidencePart::Snapshot => facts.snapshot_bytes.is_some(),
            EvidencePart::Clip => facts.clip_bytes.is_some(),
            EvidencePart::Sidecar => true,
        };
        there.then(|| self.folder.path(id, part))
    }

    /// The event that a piece shows, as it was told.
    pub(crate) fn event(&self, id: RandomId) -> Option<Box<serde_json::value::RawValue>> {
        self.folder.sidecar(id).ok().map(|sidecar| sidecar.event)
    }

    /// Removes a piece. Tells whether it was there.
    ///
    /// # Errors
    /// A file cannot be removed; the piece stays.
    pub(crate) fn remove(&self, id: RandomId) -> io::Result<bool> {
        if self.facts(id).is_none() {
            return Ok(false);
        }
        self.folder.remove(id)?;
        let was_there = self.index.lock().remove(id).is_some();
        self.show();
        Ok(was_there)
    }

    /// Writes the sidecar, after which the piece is there, and makes room.
    pub(super) fn enter(&self, id: RandomId, sidecar: &Sidecar) -> io::Result<()> {
        let bytes = self.folder.write(id, EvidencePart::Sidecar, &serde_json::to_vec(sidecar)?)?;
        if let Some(facts) = sidecar.facts(bytes) {
            self.index.lock().put(facts);
        }
        self.sweep();
        Ok(())
    }

    /// Removes what the limits no longer allow, oldest first.
    pub(crate) fn sweep(&self) {
        let now = unix_ms(SystemTime::now());
        let surplus = self.index.lock().surplus(&self.settings, now);
        let mut stuck = None;
        for id in surplus {
            match self.folder.remove(id) {
                Ok(()) => {
                    self.index.lock().remove(id);
                    self.metrics.evidence.removed();
                }
                // One that cannot go must not keep the others.
                Err(error) => stuck = Some((id, error)),
            }
        }
        if let Some((id, error)) = stuck {
            tracing::warn!(%id, %error, "evidence that is too old or too much cannot be removed");
        }
        self.show();
    }

    fn show(&self) {
        let index = self.index.lock();
        self.metrics.evidence.held(index.len(), index.bytes());
    }
}

/// Removes what grows too old while nothing new comes, for ever.
pub(crate) async fn sweep_on(evidence: Arc<Evidence>) {
    const EVERY: Duration = Duration::from_secs(600);
    loop {
        tokio::time::sleep(EVERY).await;
        let evidence = Arc::clone(&evidence);
        drop(tokio::task::spawn_blocking(move || evidence.sweep()).await);
    }
}

/// Milliseconds of Unix time; 0 before it began.
pub(super) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
