//! The analyser at its boundary: held against Praat and librosa, cut into pieces of every length, and fed what nobody should send.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod distress;
mod edges;
mod made;
mod pieces;
mod recordings;
mod reference;
