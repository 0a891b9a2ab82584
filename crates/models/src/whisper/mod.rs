//! Whisper: speech to text. Everything here is pure; what runs the graphs lies in `decoder`.
//!
//! The life of a window of 30 s: [`LogMel`] → encoder → [`SpeechTokenizer::prompt`] → decoder steps, each row's logits through
//! [`LogitRules`] inside a [`RowDecoding`] → [`Fallback`] accepts, tries again hotter, or hears nothing → [`WindowText`] with
//! segments, and words where the graph gives attentions. [`LongForm`] (the reference's seek rule) or [`VadChunks`] say which windows a
//! recording has.

mod alignment;
mod beam_search;
mod byte_level;
mod checkpoint;
mod compression;
mod decode_options;
mod decoder;
mod fallback;
mod language;
mod language_guess;
mod language_table;
mod log_mel;
mod log_sum;
mod logit_rules;
mod long_form;
mod mel_filters;
mod random_draws;
mod row_decoding;
mod single_row;
mod special_tokens;
mod speech_error;
mod speech_tokenizer;
mod timestamp_cut;
mod vad_chunks;
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
pub use fallback::{Fallback, Quality, Verdict};
pub use language::Language;
pub use language_guess::{language_probabilities, no_speech_probability};
pub use log_mel::{LogMel, LogMelScratch};
pub use logit_rules::LogitRules;
pub use long_form::LongForm;
pub use row_decoding::{RowDecoding, RowOptions, Step};
pub use special_tokens::SpecialTokens;
pub use speech_error::SpeechError;
pub use speech_tokenizer::{Prompt, PromptOptions, SpeechTokenizer};
pub use vad_chunks::VadChunks;
pub use window_span::WindowSpan;
pub use window_text::{Decoded, Heard, Segment, WindowText, Word};
pub use word_split::TokenWord;
