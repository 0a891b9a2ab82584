//! Whisper: speech to text. Everything here is pure; what runs the graphs lies in `decoder`.
//!
//! The life of a window of 30 s: `LogMel` → encoder → `SpeechTokenizer::prompt` → decoder steps, each row's logits through
//! `LogitRules` inside a `RowDecoding` → `Fallback` accepts, tries again hotter, or hears nothing → [`WindowText`] with
//! segments, and words where the graph gives attentions. `LongForm` (the reference's seek rule) or `VadChunks` say which windows a
//! recording has.

mod beam_search;
mod checkpoint;
mod decode_options;
mod language;
mod language_table;
mod log_sum;
mod logit_rules;
mod random_draws;
mod row_decoding;
mod single_row;
mod special_tokens;
mod speech_error;
mod window_text;

pub use checkpoint::Checkpoint;
pub use decode_options::{BEAMS_MAX, DecodeOptions, HOTWORDS_MAX, TEMPERATURES_MAX, Timestamps};
pub use language::Language;
pub use logit_rules::LogitRules;
pub use row_decoding::{RowDecoding, RowOptions, Step};
pub use special_tokens::SpecialTokens;
pub use speech_error::SpeechError;
pub use window_text::{Decoded, Segment, WindowText, Word};
