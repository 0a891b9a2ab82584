//! Evidence: a picture and a clip of an anomaly, in a folder with limits. No stream waits for it.

mod folder;
mod index;
mod keep;
mod occasion;
mod recorder;
mod settings;
mod sidecar;
mod snapshot;
mod store;

pub use settings::EvidenceSettings;

pub(crate) use folder::EvidencePart;
pub(crate) use index::EvidenceSearch;
pub(crate) use occasion::{EvidenceTicket, Footage, Occasion};
pub(crate) use recorder::Recorder;
pub(crate) use sidecar::EvidenceFacts;
pub(crate) use store::{Evidence, EvidenceLoss, sweep_on};
