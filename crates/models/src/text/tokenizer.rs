//! The tokenizer beside a model: texts to tokens, with the special tokens that the model was trained with.

use super::special_frame::SpecialFrame;
use super::{Encoding, TextError, TokenLimit, tokenizer_cache};
use samovar_runtime::ContractError;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokenizers::Tokenizer;

/// A `tokenizer.json` in memory: read once and shared by all models and generations that use the same file.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    single: SpecialFrame,
    pair: SpecialFrame,
    vocabulary_size: usize,
    structural: BTreeSet<u32>,
}

/// Tokens that tell nothing about a text, by their names in the usual vocabularies.
const STRUCTURAL: [&str; 8] = ["<s>", "</s>", "<pad>", "<unk>", "[CLS]", "[SEP]", "[PAD]", "[UNK]"];

impl TextTokenizer {
    /// The tokenizer of the folder with what belongs to a model beside its weights.
    ///
    /// # Errors
    /// No `tokenizer.json` in the folder, or one that cannot be used.
    pub fn load(assets: &Path) -> Result<Arc<Self>, ContractError> {
        tokenizer_cache::load(&assets.join("tokenizer.json"))
    }

    /// A tokenizer from the bytes of its file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ContractError> {
        let unusable = |error: tokenizers::Error| {
            ContractError(format!(
                "`tokenizer.json` cannot be used: {error}; take it anew from where the model is from"
            ))
        };
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(unusable)?;
        // Rows are cut and padded here: what the file says holds for batches of its own making.
        tokenizer.with_truncation(None).map_err(unusable)?.with_padding(None);
        let (single, pair) =
            (SpecialFrame::single(&tokenizer).map_err(unusable)?, SpecialFrame::pair(&tokenizer).map_err(unusable)?);
        let highest = tokenizer.get_vocab(true).values().copied().max();
        let structural =
            STRUCTURAL.iter().filter_map(|token| tokenizer.token_to_id(token)).chain(single.ids()).collect();
        let vocabulary_size = highest.map_or(0, |id| id as usize + 1);
        Ok(Self { tokenizer, single, pair, vocabulary_size, structural })
    }

    /// Tokens of a text, or of two that go in together, special tokens included. A text that is empty gives the special tokens alone,
    /// as sentence-transformers does.
    ///
    /// # Errors
    /// A text that is too long where nothing may be cut off, and one that the tokenizer cannot read.
    pub fn encode(&self, text: &str, pair: Option<&str>, limit: TokenLimit) -> Result<Encoding, TextError> {
        let first = self.plain(text)?;
        match pair {
            None => self.single.around(&first, &[], limit),
            Some(second) => self.pair.around(&first, &self.plain(second)?, limit),
        }
    }

    /// The same of tokens that somebody else made with this tokenizer, with the special tokens or without.
    ///
    /// # Errors
    /// A token that is not in the vocabulary, and too many of them where nothing may be cut off.
    pub fn encode_tokens(&self, ids: &[u32], limit: TokenLimit) -> Result<Encoding, TextError> {
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= self.vocabulary_size) {
            return Err(TextError::UnknownToken { id, size: self.vocabulary_size });
        }
        self.single.around(self.single.strip(ids), &[], limit)
    }

    /// Ids of tokens are below this.
    pub const fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// The id of a token by its own name.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// Tokens that the model puts around one text.
    pub fn special_count(&self) -> usize {
        self.single.len()
    }

    /// Whether a token says nothing about a text: begin, end, padding, unknown.
    pub(crate) fn is_structural(&self, id: u32) -> bool {
        self.structural.contains(&id)
    }

    /// Tokens of a text alone.
    fn plain(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(|_| TextError::Unreadable)?;
        Ok(encoding.get_ids().to_vec())
    }
}

impl std::fmt::Debug for TextTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tokenizer of {} tokens", self.vocabulary_size)
    }
}
