//! What every model of texts has: tokenizer, inputs, lengths of rows, and how many tokens share a run.

use super::assets::TextAssets;
use super::text_ports::{TextPorts, length_of};
use super::{Buckets, Encoding, TextTokenizer};
use crate::FamilyHints;
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, InputRow, RowShapes, TaskError};
use std::sync::Arc;
use std::time::Duration;

/// What every model of texts has.
#[derive(Clone, Debug)]
pub(crate) struct TextBody {
    pub(crate) tokenizer: Arc<TextTokenizer>,
    ports: TextPorts,
    buckets: Buckets,
    padding: u32,
    /// Tokens of one run on a CPU, padding included.
    batch_tokens: usize,
}

/// Where nothing says how many tokens a model takes: what BERT was trained with.
const TOKENS_MAX: usize = 512;
/// Tokens of one run on a CPU where nothing is configured or measured. On one thread of a Zen 5 core MiniLM gives half its most at 16
/// tokens, all of it from about 256 on, on every engine; longer runs only make others wait.
const BATCH_TOKENS: usize = 512;
/// Rows of one run at most, whatever their length.
const ROWS_MAX: usize = 256;
/// The longest rows that are worth all cores when they come alone.
const LONE_TOKENS: usize = 128;
/// The lengths that are warmed, the commonest first: a sentence, a query, a paragraph. OpenVINO spends 3 to 15 ms on the first run of
/// each other shape, whatever the model; ONNX Runtime and rten nothing that can be seen.
const WARM_LENGTHS: [usize; 3] = [32, 16, 128];

impl TextBody {
    /// Binds inputs and tokenizer; gives what the files say beside.
    pub(crate) fn bind(signature: &Signature, hints: &FamilyHints) -> Result<(Self, TextAssets), ContractError> {
        let ports = TextPorts::find(signature)?;
        let folder = hints.assets.as_deref().ok_or_else(|| {
            ContractError(
                "a model of texts needs its `tokenizer.json`; name the folder where it lies as `assets`".into(),
            )
        })?;
        let assets = TextAssets::read(folder)?;
        let tokenizer = TextTokenizer::load(folder)?;
        check_vocabulary(&tokenizer, &assets)?;
        let tokens_max = tokens_max(&ports, hints, &assets, &tokenizer)?;
        let padding = assets.padding.or_else(|| padding_token(&tokenizer)).unwrap_or(0);
        let buckets = match ports.sequence() {
            Some(length) => Buckets::only(length),
            None => Buckets::up_to(tokens_max),
        };
        let batch_tokens = hints.text.batch_tokens_max.unwrap_or(BATCH_TOKENS);
        Ok((Self { tokenizer, ports, buckets, padding, batch_tokens }, assets))
    }

    /// Tokens of one text at most, special tokens included.
    pub(crate) fn tokens_max(&self) -> usize {
        self.buckets.longest()
    }

    /// Row shapes of a text.
    pub(crate) fn rows(&self, encoding: &Encoding) -> RowShapes {
        self.ports.rows(self.row_length(encoding))
    }

    /// Tokens of the row that a text takes, padding included.
    pub(crate) fn row_length(&self, encoding: &Encoding) -> usize {
        self.buckets.of(encoding.len())
    }

    /// Writes a text into its row.
    pub(crate) fn write(&self, encoding: &Encoding, row: &mut InputRow<'_>) -> Result<(), TaskError> {
        self.ports.write(encoding, self.padding, row)
    }

    /// The lengths that are warmed: few, since engines run any other as well.
    pub(crate) fn lanes(&self) -> Vec<RowShapes> {
        let mut lengths: Vec<usize> = Vec::new();
        for length in WARM_LENGTHS.map(|length| self.buckets.of(length)) {
            if !lengths.contains(&length) {
                lengths.push(length);
            }
        }
        lengths.into_iter().map(|length| self.ports.rows(length)).collect()
    }

    /// Long enough for every size of a small model, and for a few of a large one, whose runs take so long that what a shape costs once is
    /// lost in them.
    pub(crate) const WARM_UP_LIMIT: Duration = Duration::from_secs(2);

    pub(crate) fn batch_max(&self) -> usize {
        if self.ports.is_batched() { ROWS_MAX } else { 1 }
    }

    pub(crate) fn rows_on_cpu(&self) -> usize {
        (self.batch_tokens / self.buckets.of(WARM_LENGTHS[0])).max(1)
    }

    /// Rows that come alone: sentences, queries, short paragraphs.
    pub(crate) fn lone_lanes(&self) -> Vec<RowShapes> {
        self.buckets.up_to_length(LONE_TOKENS).map(|length| self.ports.rows(length)).collect()
    }

    pub(crate) fn weight(lane: &RowShapes) -> usize {
        length_of(lane)
    }
}

fn check_vocabulary(tokenizer: &TextTokenizer, assets: &TextAssets) -> Result<(), ContractError> {
    match (tokenizer.vocabulary_size(), assets.vocabulary_size) {
        (found, Some(table)) if found > table => Err(ContractError(format!(
            "`tokenizer.json` has tokens up to {}, and the model's table has {table} rows (`vocab_size` in `config.json`): they belong \
             to different models",
            found - 1
        ))),
        _ => Ok(()),
    }
}

fn tokens_max(
    ports: &TextPorts,
    hints: &FamilyHints,
    assets: &TextAssets,
    tokenizer: &TextTokenizer,
) -> Result<usize, ContractError> {
    let possible = [ports.sequence(), assets.positions].into_iter().flatten().min();
    let wanted = hints.text.tokens_max.or(assets.tokens_max).unwrap_or(TOKENS_MAX);
    if let (Some(asked), Some(possible)) = (hints.text.tokens_max, possible)
        && asked > possible
    {
        return Err(ContractError(format!(
            "`tokens_max` is {asked}, and the model takes texts of {possible} tokens at most"
        )));
    }
    let tokens = wanted.min(possible.unwrap_or(usize::MAX));
    let special = tokenizer.special_count();
    if tokens <= special {
        return Err(ContractError(format!("{tokens} tokens leave no room for a text beside {special} special ones")));
    }
    Ok(tokens)
}

fn padding_token(tokenizer: &TextTokenizer) -> Option<u32> {
    ["<pad>", "[PAD]"].iter().find_map(|token| tokenizer.token_id(token))
}
