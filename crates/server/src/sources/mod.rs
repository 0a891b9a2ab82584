//! Sources: cameras and files that the server opens itself, each with one task from its frames to its events.

mod additions;
mod admit;
mod network;
mod settings;

pub use additions::SourceAdditions;
pub use settings::{SourcePipeline, SourceSettings};

pub(crate) use admit::{NotAdmitted, admit};
