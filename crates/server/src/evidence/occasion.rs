//! What evidence is made of: an event, the picture it was told at, and what was kept of the stream.

use crate::random_id::RandomId;
use axum::extract::ws::Utf8Bytes;
use samovar_media::{PacketRing, Picture, PictureRing};
use samovar_pipelines::ScenePerson;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::OwnedSemaphorePermit;

/// The right to one piece of evidence, and its name: taken when an anomaly begins, so that the event can say where it will be.
#[derive(Debug)]
pub(crate) struct EvidenceTicket {
    pub(super) id: RandomId,
    pub(super) snapshot: bool,
    pub(super) clip: bool,
    /// Held until everything is written.
    pub(super) place: OwnedSemaphorePermit,
}

/// What evidence is made of.
#[derive(Debug)]
pub(crate) struct Occasion {
    /// The stream's name on the board.
    pub(crate) stream: String,
    /// The source; none where a client sends the stream.
    pub(crate) source: Option<Arc<str>>,
    /// When the picture came.
    pub(crate) at: SystemTime,
    /// The event as it is told.
    pub(crate) event: Utf8Bytes,
    /// The picture, and who is unusual in it.
    pub(crate) picture: Picture,
    pub(crate) person: ScenePerson,
    /// What is kept of the stream.
    pub(crate) footage: Option<Footage>,
}

/// The last seconds of a stream.
#[derive(Clone, Debug)]
pub(crate) enum Footage {
    /// As a camera compressed it.
    Packets(PacketRing),
    /// Single pictures, as a client sent them.
    Pictures(PictureRing),
}

impl EvidenceTicket {
    /// Where the annotated picture will be.
    pub(crate) fn snapshot_url(&self) -> Option<String> {
        self.snapshot.then(|| format!("/v1/evidence/{}/snapshot.jpg", self.id))
    }

    /// Where the clip will be, once its time is over.
    pub(crate) fn clip_url(&self) -> Option<String> {
        self.clip.then(|| format!("/v1/evidence/{}/clip.mp4", self.id))
    }
}
