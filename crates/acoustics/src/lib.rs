//! What a voice sounds like: pitch, its steadiness, energy, pauses, and a score of distress whose parts are shown.
//!
//! Pure: samples in, figures out; no model, no clock, no wire. Everything is measured on 16 kHz mono samples of −1 to 1 and told once a
//! second by a [`VoiceAnalyser`]; [`FIGURES`] lists what is told, with units and sources.
//!
//! These are measures of sound. None of them, the distress score least of all, says what a person feels, means or suffers from: a cheerful
//! shout and a desperate one measure alike, and a calm voice proves no calm. They may order what a person looks at first; they may not
//! decide.
#![forbid(unsafe_code)]

mod analyser;
mod breathing;
mod distress;
mod error;
mod fft;
mod figures;
mod frames;
mod harmonicity;
mod intake;
mod jitter;
mod loudness;
mod pauses;
mod perturbation;
mod pitch;
mod pulses;
mod roughness;
mod scream;
mod second;
mod shimmer;
mod spectrum;
mod summary;
mod syllables;
mod window;

pub use analyser::{VoiceAnalyser, VoiceFigures};
pub use distress::{Distress, DistressPart};
pub use error::{AcousticsError, AcousticsErrorKind};
pub use figures::{FIGURES, Figure};
pub use intake::SAMPLE_RATE;
pub use summary::{FigureSummary, Summary};
