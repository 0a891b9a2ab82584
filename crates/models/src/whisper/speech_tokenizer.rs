//! The tokenizer of a Whisper: prompts to tokens, tokens to text and to words.

use super::byte_level::TokenBytes;
use super::word_split::{TokenWord, split_words};
use super::{Checkpoint, Language, SpecialTokens, SpeechError};
use samovar_runtime::ContractError;
use std::path::Path;
use tokenizers::Tokenizer;

/// `tokenizer.json` in memory, held against the checkpoint.
pub struct SpeechTokenizer {
    tokenizer: Tokenizer,
    bytes: TokenBytes,
    checkpoint: Checkpoint,
}

/// What goes before a window's text.
#[derive(Clone, Copy, Debug)]
pub struct PromptOptions<'a> {
    /// What is spoken.
    pub language: Language,
    /// Gives English whatever is spoken.
    pub translate: bool,
    /// Whether timestamps are wanted.
    pub with_timestamps: bool,
    /// Tokens of words to expect; the first count.
    pub hotwords: &'a [u32],
    /// Tokens of what was said before; the last count.
    pub previous: &'a [u32],
}

/// The tokens that a window's decoding begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// All of them.
    pub tokens: Vec<u32>,
    /// Where `<|startoftranscript|>` is: its logits tell how likely it is that nobody speaks.
    pub start: usize,
}

/// Larger files are refused unread.
const FILE_MAX_BYTES: u64 = 256 << 20;

impl SpeechTokenizer {
    /// The tokenizer of the folder.
    ///
    /// # Errors
    /// No `tokenizer.json`, one that cannot be used, and one of another model.
    pub fn load(folder: &Path, checkpoint: &Checkpoint) -> Result<Self, ContractError> {
        let path = folder.join("tokenizer.json");
        let size_bytes = path.metadata().map_err(|_| unusable("is missing"))?.len();
        if size_bytes > FILE_MAX_BYTES {
            return Err(unusable("is too large"));
        }
        let content = std::fs::read(&path).map_err(|error| unusable(&format!("cannot be read ({})", error.kind())))?;
        let mut tokenizer = Tokenizer::from_bytes(&content).map_err(|_| unusable("is not a tokenizer's"))?;
        tokenizer.with_truncation(None).map_err(|_| unusable("is not a tokenizer's"))?.with_padding(None);
        let special = &checkpoint.special;
        for (name, id) in [("<|startoftranscript|>", special.start), ("<|endoftext|>", special.end)] {
            if tokenizer.token_to_id(name) != Some(id) {
                return Err(unusable(&format!("is of another model: it has not `{name}` as {id}")));
            }
        }
        let mut bytes = TokenBytes::default();
        (0..special.end).for_each(|id| bytes.push(&tokenizer.id_to_token(id).unwrap_or_default()));
        Ok(Self { tokenizer, bytes, checkpoint: checkpoint.clone() })
    }

    /// What the checkpoint says.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The tokens that are no text.
    pub const fn special(&self) -> &SpecialTokens {
        &self.checkpoint.special
    }

    /// The tokens of a prompt or of hotwords, with a space before it as the reference has it. Names of special tokens in it are left out:
    /// a caller does not steer the decoder.
    ///
    /// # Errors
    /// A text that the tokenizer cannot read; `name` is the option that it came in.
    pub fn encode(&self, name: &'static str, text: &str) -> Result<Vec<u32>, SpeechError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let encoding =
            self.tokenizer.encode_fast(format!(" {text}"), false).map_err(|_| SpeechError::Unreadable(name))?;
        Ok(encoding.get_ids().iter().copied().filter(|&id| self.special().is_text(id)).collect())
    }

    /// The tokens of words to expect.
    ///
    /// # Errors
    /// Words that the tokenizer cannot read.
    pub fn hotwords(&self, words: &[String]) -> Result<Vec<u32>, SpeechError> {
        self.encode("hotwords", &words.join(", "))
    }

    /// The prompt of a window. Hotwords and previous text together have less than half of the decoder's positions.
    ///
    /// # Errors
    /// A language or a task that the model has not.
    pub fn prompt(&self, options: &PromptOptions<'_>) -> Result<Prompt, SpeechError> {
        let mut tokens = self.before(options);
        let start = tokens.len();
        let special = self.special();
        tokens.push(special.start);
        if self.checkpoint.is_multilingual {
            tokens.push(self.checkpoint.language_token(options.language)?);
            tokens.push(if options.translate { special.translate } else { special.transcribe });
        } else {
            self.check_english(options)?;
        }
        tokens.extend((!options.with_timestamps).then_some(special.no_timestamps));
        Ok(Prompt { tokens, start })
    }

    /// The prompt whose logits tell the language: [`language_probabilities`](super::language_probabilities).
    pub fn language_prompt(&self) -> Prompt {
        Prompt { tokens: vec![self.special().start], start: 0 }
    }

    /// A prompt as long as most are: with nothing before it, and with timestamps.
    pub(super) fn usual_prompt(&self) -> Prompt {
        let special = self.special();
        let language = self.checkpoint.languages.first().map(|(_, token)| [*token, special.transcribe]);
        let tokens = std::iter::once(special.start).chain(language.into_iter().flatten()).collect();
        Prompt { tokens, start: 0 }
    }

    /// What the tokens spell, timestamps and other special tokens left out. Bytes that make no character are U+FFFD.
    pub fn text(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|&token| self.bytes.of(token)).copied().collect();
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The bytes of a token; none of one that is no text. A character may have several tokens, each with a part of its bytes.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.of(token)
    }

    /// The words of a text's tokens, which are tokens of text alone: at spaces and punctuation, and where a language has no spaces at
    /// every character.
    pub fn words(&self, tokens: &[u32], language: Language) -> Vec<TokenWord> {
        split_words(tokens, language, |tokens| self.text(tokens))
    }

    /// Hotwords and the end of the previous text behind their own token; nothing where there are none.
    fn before(&self, options: &PromptOptions<'_>) -> Vec<u32> {
        let most = self.checkpoint.previous_max();
        let hotwords = &options.hotwords[..options.hotwords.len().min(most)];
        let left = most - hotwords.len();
        let previous = &options.previous[options.previous.len().saturating_sub(left)..];
        if hotwords.is_empty() && previous.is_empty() {
            return Vec::new();
        }
        [&[self.special().previous], hotwords, previous].concat()
    }

    fn check_english(&self, options: &PromptOptions<'_>) -> Result<(), SpeechError> {
        if options.translate {
            return Err(SpeechError::Translate);
        }
        if options.language == Language::ENGLISH {
            return Ok(());
        }
        self.checkpoint.language_token(options.language).map(|_| ())
    }
}

impl std::fmt::Debug for SpeechTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "speech tokenizer of {} tokens of text", self.special().end)
    }
}

fn unusable(what: &str) -> ContractError {
    ContractError(format!("`tokenizer.json` {what}; put the one that belongs to the model beside its graphs"))
}
