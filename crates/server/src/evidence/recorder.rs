//! What one anomaly stream has kept of its anomalies: from whatever flow, a source's packets or a client's pictures.

use super::keep::keep;
use super::store::Evidence;
use super::{EvidenceTicket, Footage, Occasion};
use crate::app::App;
use crate::streams::OpenStream;
use crate::wire::EvidenceLinks;
use axum::extract::ws::Utf8Bytes;
use samovar_media::{Picture, PictureRing, RingLimits, TimedPicture};
use samovar_pipelines::{SceneEvent, SceneEventKind};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What one anomaly stream has kept of its anomalies.
pub(crate) struct Recorder {
    evidence: Arc<Evidence>,
    stream: Arc<OpenStream>,
    footage: Option<Footage>,
    /// Where the evidence of anomalies that go on is, by track: their later events tell it too. Bounded by the people in view.
    links: HashMap<u64, EvidenceLinks>,
    /// The server's.
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// What a stream of pictures holds for clips.
const PICTURES_BYTES_MAX: usize = 16 << 20;
/// A clip is cut a little after its time.
const CUT: Duration = Duration::from_secs(3);

impl Recorder {
    /// For a stream of this server; none where it keeps no evidence.
    pub(crate) fn new(app: &App, stream: &Arc<OpenStream>, footage: Option<Footage>) -> Option<Self> {
        Some(Self {
            evidence: Arc::clone(app.evidence.as_ref()?),
            stream: Arc::clone(stream),
            footage,
            links: HashMap::new(),
            tasks: app.tasks.clone(),
            closing: app.closing.clone(),
        })
    }

    /// For a stream of single pictures, told of each by [`Recorder::came`].
    pub(crate) fn of_pictures(app: &App, stream: &Arc<OpenStream>) -> Option<Self> {
        let settings = &app.evidence.as_ref()?.settings;
        let limits = RingLimits { bytes: PICTURES_BYTES_MAX, span: settings.before + settings.after + CUT };
        let footage = settings.clips.then(|| Footage::Pictures(PictureRing::new(limits)));
        Self::new(app, stream, footage)
    }

    /// A compressed picture comes. What is decoded already would leave room for a few alone.
    pub(crate) fn came(&self, picture: TimedPicture) {
        if let Some(Footage::Pictures(ring)) = &self.footage {
            ring.push(picture);
        }
    }

    /// Where the evidence of this event's anomaly is; where the anomaly begins, with the ticket for [`Recorder::keep`].
    pub(crate) fn links(&mut self, event: &SceneEvent) -> (Option<EvidenceLinks>, Option<EvidenceTicket>) {
        let track = event.person.track;
        match event.kind {
            SceneEventKind::AnomalyStarted => {
                let ticket = self.evidence.ticket(self.footage.is_some());
                let links = ticket
                    .as_ref()
                    .map(|ticket| EvidenceLinks { snapshot: ticket.snapshot_url(), clip: ticket.clip_url() });
                self.links.extend(links.clone().map(|links| (track, links)));
                (links, ticket)
            }
            SceneEventKind::AnomalyUpdated => (self.links.get(&track).cloned(), None),
            SceneEventKind::AnomalyEnded | SceneEventKind::PersonLeft => (self.links.remove(&track), None),
            SceneEventKind::PersonAppeared => (None, None),
        }
    }

    /// Keeps what the ticket is for: the event as it was told, and the picture that it was told at. Never waits.
    pub(crate) fn keep(
        &self,
        ticket: EvidenceTicket,
        event: (&SceneEvent, &Utf8Bytes),
        (at, picture): (SystemTime, Picture),
    ) {
        let occasion = Occasion {
            stream: self.stream.id().to_string(),
            source: self.stream.facts().source.clone(),
            at,
            event: event.1.clone(),
            picture,
            person: event.0.person.clone(),
            footage: self.footage.clone(),
        };
        self.tasks.spawn(keep(Arc::clone(&self.evidence), ticket, occasion, self.closing.clone()));
    }
}
