//! Texts as a text tower wants them: canonical, as tokens, padded.

use super::TowerArchitecture;
use super::architecture::tower_config;
use super::caption_task::Caption;
use super::tower_assets::TowerAssets;
use crate::text::{Encoding, TextError, TextTokenizer, TokenLimit, Truncate};
use samovar_runtime::ContractError;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// What makes rows of tokens out of texts.
#[derive(Clone, Debug)]
pub(crate) struct Captions {
    tokenizer: Arc<TextTokenizer>,
    spelling: Spelling,
    padding: u32,
    pads_before: bool,
    /// Lengths of rows, the commonest first; the last is the longest.
    lengths: Vec<usize>,
}

/// What is done to a text before it is cut into tokens, where the tokenizer's file does not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As it is: CLIP, whose file has all that it needs.
    Kept,
    /// In lower case: SigLIP 2, on Gemma's tokenizer.
    Lower,
    /// In lower case, without ASCII's punctuation, with one space between words: SigLIP's `canonicalize_text`, by big_vision.
    Canonical,
}

/// Lengths of CLIP's rows below its longest, where the graph leaves them open: a label in a sentence has 6 to 12 tokens.
const LENGTHS: [usize; 2] = [16, 32];

impl Captions {
    /// By the tokenizer and the settings in the folder beside the graph. `length` is that of the graph's rows where it is fixed.
    ///
    /// # Errors
    /// No tokenizer, one with more tokens than the tower has, or no token for padding.
    pub(crate) fn load(
        assets: &TowerAssets,
        architecture: TowerArchitecture,
        length: Option<usize>,
    ) -> Result<Self, ContractError> {
        let tokenizer = TextTokenizer::load(assets.folder()?)?;
        let settings = assets.json("tokenizer_config.json")?.unwrap_or_default();
        let config = assets.json("config.json")?.unwrap_or_default();
        let config = tower_config(&config, "text_config");
        check_vocabulary(&tokenizer, config)?;
        Ok(Self {
            spelling: Spelling::of(architecture, &settings),
            padding: match architecture {
                TowerArchitecture::Clip => filler(&tokenizer),
                TowerArchitecture::Siglip => padding(&tokenizer, &settings, config)?,
            },
            pads_before: settings["padding_side"] == "left",
            lengths: lengths(architecture, length, config),
            tokenizer,
        })
    }

    /// Lengths of rows, the commonest first.
    pub(crate) fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Tokens of a text at most, special tokens included.
    pub(crate) fn tokens_max(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// The tokens of a text, cut at its end where it is too long.
    ///
    /// # Errors
    /// A text that gives no tokens at all.
    pub(crate) fn encode(&self, text: &str) -> Result<Encoding, TextError> {
        let limit = TokenLimit { tokens_max: self.tokens_max(), truncate: Truncate::End };
        self.tokenizer.encode(&self.spelling.of_text(text), None, limit)
    }

    /// The row of these tokens: padded to the next of the lengths.
    pub(crate) fn caption(&self, encoding: Encoding) -> Caption {
        let count = encoding.len();
        let fits = self.lengths.iter().copied().filter(|length| *length >= count).min();
        self.pad(encoding.ids, fits.unwrap_or(count))
    }

    /// A row of `length` for warm-up; nothing but padding where the tokenizer reads no English.
    pub(crate) fn sample(&self, length: usize) -> Caption {
        let limit = TokenLimit { tokens_max: length, truncate: Truncate::End };
        let encoding = self.tokenizer.encode("a photo of a street with people and a bus", None, limit);
        self.pad(encoding.map(|encoding| encoding.ids).unwrap_or_default(), length)
    }

    fn pad(&self, mut ids: Vec<u32>, length: usize) -> Caption {
        let (count, padding) = (ids.len(), std::iter::repeat_n(self.padding, length - ids.len()));
        if self.pads_before {
            ids.splice(0..0, padding);
            Caption { ids, tokens: length - count..length }
        } else {
            ids.extend(padding);
            Caption { ids, tokens: 0..count }
        }
    }
}

impl Spelling {
    fn of(architecture: TowerArchitecture, settings: &Value) -> Self {
        let class = settings["tokenizer_class"].as_str().unwrap_or_default();
        let keeps_case = settings["do_lower_case"] == false;
        match architecture {
            TowerArchitecture::Clip => Self::Kept,
            TowerArchitecture::Siglip if class.starts_with("Gemma") || class.starts_with("Siglip2") => Self::Lower,
            TowerArchitecture::Siglip if keeps_case => Self::Kept,
            TowerArchitecture::Siglip => Self::Canonical,
        }
    }

    fn of_text(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Kept => Cow::Borrowed(text),
            Self::Lower => Cow::Owned(text.to_lowercase()),
            Self::Canonical => {
                let spelled: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
                Cow::Owned(spelled.split_whitespace().collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// CLIP sees nothing behind a text's end, so that shorter rows give the same. SigLIP sees its padding, and was trained on rows of
/// one length.
fn lengths(architecture: TowerArchitecture, fixed: Option<usize>, config: &Value) -> Vec<usize> {
    let (default, shorter) = match architecture {
        TowerArchitecture::Clip => (77, &LENGTHS[..]),
        TowerArchitecture::Siglip => (64, &[][..]),
    };
    let told = config["max_position_embeddings"].as_u64().and_then(|length| usize::try_from(length).ok());
    match fixed {
        Some(length) => vec![length],
        None => {
            let longest = told.filter(|length| (1..=LENGTH_MAX).contains(length)).unwrap_or(default);
            shorter.iter().copied().filter(|length| *length < longest).chain([longest]).collect()
        }
    }
}

/// More positions than any such tower has.
const LENGTH_MAX: usize = 4_096;

/// Behind the end of CLIP's texts nothing is seen, so that any token will do there but one: its files name the end token itself, of whose
/// places the graph then has to take the first, and not every engine does (rten's `ArgMax` gives the last of equals). OpenAI's own code
/// fills with 0.
fn filler(tokenizer: &TextTokenizer) -> u32 {
    let limit = TokenLimit { tokens_max: usize::MAX, truncate: Truncate::Refuse };
    let empty = tokenizer.encode("", None, limit).unwrap_or_default();
    u32::from(empty.ids.last() == Some(&0))
}

/// The token of padding, by the first file that names it.
fn padding(tokenizer: &TextTokenizer, settings: &Value, config: &Value) -> Result<u32, ContractError> {
    let token = &settings["pad_token"];
    let named = token.as_str().or_else(|| token["content"].as_str()).and_then(|token| tokenizer.token_id(token));
    let numbered = || config["pad_token_id"].as_u64().and_then(|id| u32::try_from(id).ok());
    let usual = || ["<pad>", "<|endoftext|>", "</s>"].iter().find_map(|token| tokenizer.token_id(token));
    named.or_else(numbered).or_else(usual).ok_or_else(|| {
        ContractError(
            "the token of padding is told nowhere; put the checkpoint's `tokenizer_config.json` beside the graph"
                .to_owned(),
        )
    })
}

fn check_vocabulary(tokenizer: &TextTokenizer, config: &Value) -> Result<(), ContractError> {
    let (has, takes) = (tokenizer.vocabulary_size(), config["vocab_size"].as_u64());
    match takes.and_then(|size| usize::try_from(size).ok()) {
        Some(size) if has > size => Err(ContractError(format!(
            "`tokenizer.json` has {has} tokens, but `config.json` says that the tower knows {size}; take both from one checkpoint"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn siglip_spells_as_big_vision_does() {
        let canonical = |text| Spelling::Canonical.of_text(text).into_owned();
        assert_eq!(canonical("  A photo, of a\tDOG's  bowl!  "), "a photo of a dogs bowl");
        assert_eq!(canonical("¡Éclair—ÀLA! {mode}"), "¡éclair—àla mode");
        assert_eq!(Spelling::Lower.of_text("A Dog!"), "a dog!");
        assert_eq!(Spelling::Kept.of_text("A Dog!"), "A Dog!");
    }

    #[test]
    fn the_spelling_is_that_of_the_tokenizers_class() {
        let of = |class: &str| Spelling::of(TowerArchitecture::Siglip, &json!({"tokenizer_class": class}));
        assert_eq!(of("SiglipTokenizer"), Spelling::Canonical);
        assert_eq!(of("GemmaTokenizerFast"), Spelling::Lower);
        assert_eq!(of("Siglip2Tokenizer"), Spelling::Lower);
        assert_eq!(Spelling::of(TowerArchitecture::Clip, &Value::Null), Spelling::Kept);
    }

    #[test]
    fn only_clip_takes_shorter_rows() {
        let clip = |fixed, config| lengths(TowerArchitecture::Clip, fixed, &config);
        assert_eq!(clip(None, Value::Null), [16, 32, 77]);
        assert_eq!(clip(None, json!({"max_position_embeddings": 32})), [16, 32]);
        assert_eq!(clip(Some(77), Value::Null), [77]);
        assert_eq!(lengths(TowerArchitecture::Siglip, None, &Value::Null), [64]);
        assert_eq!(lengths(TowerArchitecture::Siglip, None, &json!({"max_position_embeddings": 16})), [16]);
    }
}
