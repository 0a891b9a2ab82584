//! Whisper: speech to text. Everything here is pure; what runs the graphs lies in `decoder`.
//!
//! The life of a window of 30 s: [`LogMel`] → encoder → [`SpeechTokenizer::prompt`] → decoder steps, each row's logits through
//! [`LogitRules`] inside a [`RowDecoding`] → [`Fallback`] accepts, tries again hotter, or hears nothing → [`WindowText`] with
//! segments, and words where the graph gives attentions. [`LongForm`] (the reference's seek rule) or [`VadChunks`] say which windows a
//! recording has.

mod adaptation;
mod alignment;
mod beam_search;
mod byte_level;
mod checkpoint;
mod compression;
mod decode_options;
mod decoder;
mod decoder_files;
mod desk;
mod encode_task;
mod expectation;
mod fallback;
mod hearing;
mod job;
mod language;
mod language_guess;
mod language_table;
mod log_mel;
mod log_sum;
mod logit_rules;
mod long_form;
mod mel_filters;
mod random_draws;
mod reader_source;
mod recording;
mod row_decoding;
mod seat;
mod single_row;
mod special_tokens;
mod speech_error;
mod speech_tokenizer;
mod spoken;
mod step_counts;
mod table;
mod timestamp_cut;
mod transcriber;
mod turn;
mod vad_chunks;
mod whisper_model;
mod window_span;
mod window_text;
mod word_merge;
mod word_split;
mod word_times;

pub use alignment::HeadWeights;
pub use checkpoint::Checkpoint;
pub use compression::compression_ratio;
pub use decode_options::{BEAMS_MAX, DecodeOptions, HOTWORDS_MAX, TEMPERATURES_MAX, Timestamps};
pub use decoder::{
    Attentions, BatchLimits, DecoderBatch, DecoderShape, EditError, EncodedWindow, Fed, GraphForm, Graphs, StepGraphs,
    WindowEncoder,
};
pub(crate) use decoder_files::decoder_candidates;
pub use fallback::{Fallback, Quality, Verdict};
pub use language::Language;
pub use language_guess::{language_probabilities, no_speech_probability};
pub use log_mel::{LogMel, LogMelScratch};
pub use logit_rules::LogitRules;
pub use long_form::LongForm;
pub use reader_source::ReaderSource;
pub use recording::{RecordingEnd, SampleSource};
pub use row_decoding::{RowDecoding, RowOptions, Step};
pub use special_tokens::SpecialTokens;
pub use speech_error::SpeechError;
pub use speech_tokenizer::{Prompt, PromptOptions, SpeechTokenizer};
pub use spoken::Voices;
pub use step_counts::StepCounts;
pub use transcriber::{Sound, Transcriber};
pub use vad_chunks::VadChunks;
pub use whisper_model::WhisperModel;
pub use window_span::WindowSpan;
pub use window_text::{Decoded, Heard, Segment, WindowText, Word};
pub use word_split::TokenWord;

use crate::FamilyHints;
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family};
use std::sync::Arc;

/// Whether a graph is the encoder of a Whisper.
pub(crate) fn takes(signature: &Signature) -> bool {
    signature.inputs.iter().any(|port| port.name == "input_features")
        && signature.outputs.iter().any(|port| port.name == "last_hidden_state")
}

/// Binds the family `whisper`.
///
/// # Errors
/// What was found, what is expected, and what to set.
pub(crate) fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    Ok(Arc::new(WhisperModel::bind(signature, hints)?))
}
