//! Integration tests of the media crate.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod audio;
mod motion;
mod picture;
mod video;
