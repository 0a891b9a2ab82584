//! What is asked of the service, on the models that ship.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod made;
mod recordings;
mod sounds;
mod speech;
mod which_model;
