//! The families at their boundary: recognised from signatures, run through the real runtime, held against reference code.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod appearances;
mod class_maps;
mod engines;
mod face_vectors;
mod faces;
mod files;
mod image_text;
mod image_text_refusals;
mod lora;
mod poses;
mod recognition;
mod reference;
mod segmentation;
mod sequences;
mod serving;
mod street;
mod text;
mod text_together;
mod through_runtime;
mod voices;
mod whisper_graphs;
mod whisper_rules;
mod whisper_serving;
