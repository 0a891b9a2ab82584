//! Recorded videos worked through with a real engine: journals that are gone on with, files of every format, pictures.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod agreement;
mod choices;
mod damaged;
mod long;
mod pictures;
mod report;
mod resumed;
mod support;
