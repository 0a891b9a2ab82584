//! What a voice sounds like: pitch, its steadiness, energy, pauses, and a score of distress whose parts are shown.
//!
//! Pure: samples in, figures out; no model, no clock, no wire.
#![forbid(unsafe_code)]
