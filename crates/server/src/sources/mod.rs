//! Sources: cameras and files that the server opens itself, each with one task from its frames to its events.

mod additions;
mod admit;
mod anomaly_player;
mod counts;
mod network;
mod play;
mod player;
mod running;
mod set;
mod settings;

pub use additions::SourceAdditions;
pub use settings::{SourcePipeline, SourceSettings};

pub(crate) use admit::{NotAdmitted, admit, admit_path, admit_url};
pub(crate) use running::{RunningSource, SourceModels, SourceOptions};
pub(crate) use set::{SourceError, Sources, add, check, start};
