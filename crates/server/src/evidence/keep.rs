//! Keeping one piece of evidence: the picture at once, the clip when its time is over. One task each, as many as there are tickets.

use super::folder::EvidencePart;
use super::sidecar::Sidecar;
use super::snapshot::snapshot;
use super::store::{Evidence, EvidenceLoss, unix_ms};
use super::{EvidenceTicket, Footage, Occasion};
use crate::random_id::RandomId;
use samovar_media::{ClipOptions, FfmpegProgram, MediaError, MediaErrorKind, Picture, write_clip, write_picture_clip};
use samovar_pipelines::ScenePerson;
use serde_json::value::RawValue;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// What belongs to a clip arrives a little after its time.
const LATE: Duration = Duration::from_millis(500);
/// Longest time that a clip may take to write.
const CLIP_TIME_MAX: Duration = Duration::from_secs(60);
const CLIP_BYTES_MAX: u64 = 1 << 30;

/// Writes everything that the ticket is for. When `closing` is cancelled, the clip ends there.
pub(crate) async fn keep(
    evidence: Arc<Evidence>,
    ticket: EvidenceTicket,
    occasion: Occasion,
    closing: CancellationToken,
) {
    let EvidenceTicket { id, snapshot, clip, place: _place } = ticket;
    let Some(piece) = Piece::new(evidence, id, &occasion) else { return };
    let Occasion { at, picture, person, footage, .. } = occasion;
    let Some(piece) =
        (if snapshot { piece.write(move |piece| piece.snapshot(&picture, &person)).await } else { Some(piece) })
    else {
        return;
    };
    let Some(footage) = footage.filter(|_| clip) else { return };
    let (before, after) = (piece.evidence.settings.before, piece.evidence.settings.after);
    tokio::select! {
        () = tokio::time::sleep(after + LATE) => {}
        () = closing.cancelled() => {}
    }
    let from = at.checked_sub(before).unwrap_or(at);
    drop(piece.write(move |piece| piece.clip(&footage, from, at + after)).await);
}

/// One piece of evidence as far as it is written.
struct Piece {
    evidence: Arc<Evidence>,
    id: RandomId,
    sidecar: Sidecar,
}

/// Why a part was not kept.
enum Fault {
    Media(MediaError),
    Disk(io::Error),
    /// It was removed meanwhile.
    Gone,
}

impl Piece {
    fn new(evidence: Arc<Evidence>, id: RandomId, occasion: &Occasion) -> Option<Self> {
        let sidecar = Sidecar {
            id: id.to_string(),
            time_unix_ms: unix_ms(occasion.at),
            source: occasion.source.as_deref().map(str::to_owned),
            stream: occasion.stream.clone(),
            snapshot_bytes: None,
            clip_bytes: None,
            event: RawValue::from_string(occasion.event.as_str().to_owned()).ok()?,
        };
        Some(Self { evidence, id, sidecar })
    }

    /// Does the work when it is its turn, on a thread that may wait. None where that thread is lost.
    async fn write(mut self, work: impl FnOnce(&mut Self) -> Result<(), Fault> + Send + 'static) -> Option<Self> {
        let evidence = Arc::clone(&self.evidence);
        let _turn = evidence.writing.acquire().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut self);
            if outcome.is_err() {
                self.take_back();
            }
            self.count(outcome);
            self
        });
        done.await.ok()
    }

    fn snapshot(&mut self, picture: &Picture, person: &ScenePerson) -> Result<(), Fault> {
        let bytes = snapshot(picture, person).map_err(Fault::Media)?;
        self.evidence.folder.begin(self.id).map_err(Fault::Disk)?;
        let written = self.evidence.folder.write(self.id, EvidencePart::Snapshot, &bytes).map_err(Fault::Disk)?;
        self.sidecar.snapshot_bytes = Some(written);
        self.enter()?;
        self.evidence.metrics.evidence.written(EvidencePart::Snapshot);
        Ok(())
    }

    fn clip(&mut self, footage: &Footage, from: SystemTime, to: SystemTime) -> Result<(), Fault> {
        self.check_there()?;
        let Some(program) = self.evidence.ffmpeg.clone() else { return Ok(()) };
        self.evidence.folder.begin(self.id).map_err(Fault::Disk)?;
        self.write_clip(footage, (from, to), program).map_err(|error| match error.kind() {
            MediaErrorKind::OutputFailed => Fault::Disk(io::ErrorKind::StorageFull.into()),
            _ => Fault::Media(error),
        })?;
        self.check_there()?;
        let kept = self.evidence.folder.keep(self.id, EvidencePart::Clip).map_err(Fault::Disk)?;
        self.sidecar.clip_bytes = Some(kept);
        self.enter()?;
        self.evidence.metrics.evidence.written(EvidencePart::Clip);
        Ok(())
    }

    fn write_clip(
        &self,
        footage: &Footage,
        (from, to): (SystemTime, SystemTime),
        program: FfmpegProgram,
    ) -> Result<(), MediaError> {
        let draft = self.evidence.folder.draft(self.id, EvidencePart::Clip);
        let bytes_max = CLIP_BYTES_MAX.min(self.evidence.settings.bytes_max);
        let options = ClipOptions { program, bytes_max, time_max: CLIP_TIME_MAX };
        let facts = match footage {
            Footage::Packets(ring) => {
                let none = || MediaError::new(MediaErrorKind::Corrupt, "nothing of the stream is there for a clip");
                write_clip(&ring.clip(from, to).ok_or_else(none)?, &draft, &options)?
            }
            Footage::Pictures(ring) => write_picture_clip(&ring.clip(from, to), &draft, &options)?,
        };
        tracing::debug!(id = %self.id, pictures = facts.pictures, bytes = facts.bytes, "a clip is written");
        Ok(())
    }

    /// What a person or the limits removed does not come back.
    fn check_there(&self) -> Result<(), Fault> {
        let gone = self.sidecar.snapshot_bytes.is_some() && self.evidence.facts(self.id).is_none();
        if gone { Err(Fault::Gone) } else { Ok(()) }
    }

    /// After a fault: what no sidecar tells of would be counted and found by nobody.
    fn take_back(&mut self) {
        let told = self.evidence.facts(self.id);
        self.sidecar.snapshot_bytes = told.as_ref().and_then(|facts| facts.snapshot_bytes);
        self.sidecar.clip_bytes = told.as_ref().and_then(|facts| facts.clip_bytes);
        let lost: &[_] = if told.is_some() { &[EvidencePart::Clip] } else { &EvidencePart::ALL };
        self.evidence.folder.take_back(self.id, lost);
    }

    fn enter(&self) -> Result<(), Fault> {
        self.evidence.enter(self.id, &self.sidecar).map_err(Fault::Disk)
    }

    fn count(&self, outcome: Result<(), Fault>) {
        let loss = match outcome {
            Ok(()) | Err(Fault::Gone) => return,
            Err(Fault::Media(error)) => {
                tracing::warn!(id = %self.id, %error, "evidence cannot be made");
                EvidenceLoss::Media
            }
            Err(Fault::Disk(error)) => {
                tracing::warn!(id = %self.id, %error, "evidence cannot be written");
                EvidenceLoss::Disk
            }
        };
        self.evidence.metrics.evidence.lost(loss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metrics;
    use crate::evidence::EvidenceSettings;
    use samovar_media::{Frame, FramePool, PixelFormat};
    use samovar_models::BoundingBox;
    use std::fs;

    fn picture() -> Picture {
        let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(64, 64));
        Frame::new(64, 64, PixelFormat::Rgb8, Duration::ZERO, pixels).into()
    }

    fn person() -> ScenePerson {
        let bbox = BoundingBox::from([8.0, 8.0, 40.0, 60.0]);
        ScenePerson { track: 1, bbox, score: 0.9, keypoints: [].into(), anomaly_score: Some(5.0), anomalous: true }
    }

    fn piece(evidence: &Arc<Evidence>) -> Piece {
        let occasion = Occasion {
            stream: "s".to_owned(),
            source: None,
            at: SystemTime::now(),
            event: "{}".into(),
            picture: picture(),
            person: person(),
            footage: None,
        };
        Piece::new(Arc::clone(evidence), RandomId::new(), &occasion).unwrap()
    }

    fn names(folder: &std::path::Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[tokio::test]
    async fn a_picture_without_its_event_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let settings = EvidenceSettings::new(folder.path());
        let evidence = Arc::new(Evidence::open(&settings, None, &Arc::new(Metrics::new())).unwrap());
        let whole = piece(&evidence);
        let whole = whole.write(|piece| piece.snapshot(&picture(), &person())).await.unwrap();
        assert_eq!((names(folder.path()), evidence.facts(whole.id).is_some()), (2, true));
        let broken = piece(&evidence);
        // Nothing can be written where a folder is.
        fs::create_dir(evidence.folder.path(broken.id, EvidencePart::Sidecar)).unwrap();
        let broken = broken.write(|piece| piece.snapshot(&picture(), &person())).await.unwrap();
        assert_eq!(broken.sidecar.snapshot_bytes, None, "a clip is still tried");
        assert_eq!(names(folder.path()), 3, "what is whole, and the folder");
    }

    #[test]
    fn what_was_removed_while_its_clip_was_made_stays_away() {
        let folder = tempfile::tempdir().unwrap();
        let settings = EvidenceSettings::new(folder.path());
        let evidence = Arc::new(Evidence::open(&settings, None, &Arc::new(Metrics::new())).unwrap());
        let mut piece = piece(&evidence);
        assert!(piece.snapshot(&picture(), &person()).is_ok() && piece.check_there().is_ok());
        fs::write(evidence.folder.draft(piece.id, EvidencePart::Clip), b"half").unwrap();
        assert!(evidence.remove(piece.id).unwrap());
        assert!(matches!(piece.check_there(), Err(Fault::Gone)));
        piece.take_back();
        assert_eq!(names(folder.path()), 0);
    }

    #[test]
    fn one_that_cannot_go_does_not_keep_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let settings = EvidenceSettings { count_max: 3, ..EvidenceSettings::new(folder.path()) };
        let evidence = Arc::new(Evidence::open(&settings, None, &Arc::new(Metrics::new())).unwrap());
        let mut pieces: Vec<_> = (0..3).map(|_| piece(&evidence)).collect();
        for (time, piece) in (1..).zip(&mut pieces) {
            piece.sidecar.time_unix_ms += time;
            assert!(piece.snapshot(&picture(), &person()).is_ok());
        }
        // Not even root removes a folder as a file.
        let stuck = evidence.folder.path(pieces[0].id, EvidencePart::Clip);
        fs::create_dir(&stuck).unwrap();
        let limits = EvidenceSettings { count_max: 1, ..settings };
        let evidence = Evidence::open(&limits, None, &Arc::new(Metrics::new())).unwrap();
        let there: Vec<_> = pieces.iter().map(|piece| evidence.facts(piece.id).is_some()).collect();
        assert_eq!(there, [true, false, true]);
    }
}
