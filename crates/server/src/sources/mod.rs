//! Sources: cameras and files that the server opens itself, each with one task from its frames to its events.

mod additions;

pub use additions::SourceAdditions;
