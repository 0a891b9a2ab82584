//! The family `text-embedding`: an encoder with its tokenizer, bound to a signature.

use super::assets::{PoolingFile, TextAssets};
use super::embedding_outputs::{DenseOutput, EmbeddingOutputs};
use super::text_body::TextBody;
use super::text_vectors::{are_finite, lexical_weights, normalize, numbers, pool};
use super::warm_up_text::WarmUpText;
use super::{EmbedOptions, Encoding, Heads, TextEmbedding, TextError, TextInput, TextTokenizer, TokenLimit, Truncate};
use crate::{FamilyHints, FamilyKind, Pooling};
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family, OutputRow, RowShapes, TaskError, WarmUpRow};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An encoder of texts with its tokenizer.
#[derive(Clone, Debug)]
pub struct TextEmbeddingModel {
    pub(crate) body: TextBody,
    outputs: EmbeddingOutputs,
    pooling: Pooling,
    normalizes: bool,
    dimensions: Option<usize>,
    prompts: BTreeMap<String, String>,
    default_prompt: Option<String>,
}

/// What a row's outputs are made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) heads: Heads,
    pub(crate) dimensions: Option<usize>,
    pub(crate) normalize: bool,
}

impl TextEmbeddingModel {
    /// Binds the family to a signature.
    ///
    /// # Errors
    /// What was found in the graph or beside it, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let (body, assets) = TextBody::bind(signature, hints)?;
        let outputs = EmbeddingOutputs::find(signature, hints.text.pooling.is_some())?;
        let pooling = pooling(&outputs, hints, &assets)?;
        let is_m3 = outputs.sparse.is_some() || outputs.multi_vector.is_some();
        let normalizes = hints.text.normalize.or_else(|| assets.normalizes()).unwrap_or(is_m3);
        let prompts = assets.prompts.into_iter().chain(hints.text.prompts.clone()).collect();
        let dimensions = outputs.dimensions(signature).or(match outputs.dense {
            Some(DenseOutput::Tokens(_)) => assets.hidden_size,
            _ => None,
        });
        Ok(Self { body, outputs, pooling, normalizes, dimensions, prompts, default_prompt: assets.default_prompt })
    }

    /// What the model gives.
    pub const fn heads(&self) -> Heads {
        self.outputs.heads()
    }

    /// How long a text's vector is, where the graph or its configuration says it.
    pub const fn dimensions(&self) -> Option<usize> {
        self.dimensions
    }

    /// Tokens of one text at most, special tokens included.
    pub fn tokens_max(&self) -> usize {
        self.body.tokens_max()
    }

    /// Tokens of the row that a text takes in a run, padding included.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn row_tokens(&self, text: &str) -> Result<usize, TextError> {
        let limit = TokenLimit { tokens_max: self.tokens_max(), truncate: Truncate::End };
        Ok(self.body.row_length(&self.body.tokenizer.encode(text, None, limit)?))
    }

    /// How the vectors of the tokens become one.
    pub const fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// Whether vectors are brought to length 1 where nobody says otherwise.
    pub const fn normalizes(&self) -> bool {
        self.normalizes
    }

    /// Names of the prompts that may be asked for.
    pub fn prompts(&self) -> impl Iterator<Item = &str> {
        self.prompts.keys().map(String::as_str)
    }

    /// The tokenizer.
    pub const fn tokenizer(&self) -> &Arc<TextTokenizer> {
        &self.body.tokenizer
    }

    /// What is wanted, where the model can give it.
    ///
    /// # Errors
    /// A head that it has not, and dimensions that it has not.
    pub(crate) fn wanted(&self, options: &EmbedOptions) -> Result<Wanted, TextError> {
        let (asked, given) = (options.heads, self.heads());
        let lacks = (asked.dense && !given.dense)
            || (asked.sparse && !given.sparse)
            || (asked.multi_vector && !given.multi_vector);
        if lacks || asked.names().is_empty() {
            let words =
                |heads: Heads| if heads.names().is_empty() { "nothing".into() } else { heads.names().join(", ") };
            return Err(TextError::Heads { asked: words(asked), given: words(given) });
        }
        if let Some(asked) = options.dimensions
            && (asked == 0 || self.dimensions.is_some_and(|given| asked > given))
        {
            return Err(TextError::Dimensions { asked, given: self.dimensions.unwrap_or(usize::MAX) });
        }
        let normalize = options.normalize.unwrap_or(self.normalizes);
        Ok(Wanted { heads: asked, dimensions: options.dimensions, normalize })
    }

    /// The tokens of one text, its prompt before it.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn encode(&self, text: &TextInput, options: &EmbedOptions) -> Result<Encoding, TextError> {
        let limit = TokenLimit { tokens_max: self.tokens_max(), truncate: options.truncate };
        let prompt = self.prompt(options.prompt.as_deref())?;
        match text {
            TextInput::Tokens(ids) => self.body.tokenizer.encode_tokens(ids, limit),
            TextInput::Text(text) if prompt.is_empty() => self.body.tokenizer.encode(text, None, limit),
            TextInput::Text(text) => self.body.tokenizer.encode(&format!("{prompt}{text}"), None, limit),
        }
    }

    fn prompt(&self, name: Option<&str>) -> Result<&str, TextError> {
        let Some(name) = name.or(self.default_prompt.as_deref()) else { return Ok("") };
        self.prompts.get(name).map(String::as_str).ok_or_else(|| {
            let known: Vec<&str> = self.prompts().collect();
            TextError::UnknownPrompt { known: if known.is_empty() { "none".into() } else { known.join(", ") } }
        })
    }

    /// Reads what is wanted of a row.
    pub(crate) fn read(
        &self,
        encoding: &Encoding,
        wanted: Wanted,
        row: &OutputRow<'_>,
    ) -> Result<TextEmbedding, TaskError> {
        let Wanted { heads, .. } = wanted;
        let dense = self.outputs.dense.filter(|_| heads.dense);
        let sparse = self.outputs.sparse.filter(|_| heads.sparse);
        let multi_vector = self.outputs.multi_vector.filter(|_| heads.multi_vector);
        Ok(TextEmbedding {
            dense: dense.map(|output| self.dense(output, encoding, wanted, row)).transpose()?,
            sparse: sparse.map(|output| self.sparse(output, encoding, row)).transpose()?,
            multi_vector: multi_vector.map(|output| self.multi_vector(output, encoding, row)).transpose()?,
            tokens: encoding.len(),
        })
    }

    fn dense(
        &self,
        output: DenseOutput,
        encoding: &Encoding,
        wanted: Wanted,
        row: &OutputRow<'_>,
    ) -> Result<Vec<f32>, TaskError> {
        let mut vector = match output {
            DenseOutput::Pooled(index) => numbers(&row.tensor(index)?)?.into_owned(),
            DenseOutput::Tokens(index) => {
                let tensor = row.tensor(index)?;
                let width = tensor.shape().last().copied().unwrap_or(0);
                pool(&numbers(&tensor)?, width, encoding.len(), self.pooling).ok_or_else(|| short(encoding))?
            }
        };
        if let Some(dimensions) = wanted.dimensions {
            vector.truncate(dimensions);
        }
        if wanted.normalize {
            normalize(&mut vector);
        }
        finite(&vector).map(|()| vector)
    }

    fn sparse(&self, output: usize, encoding: &Encoding, row: &OutputRow<'_>) -> Result<Vec<(u32, f32)>, TaskError> {
        let tensor = row.tensor(output)?;
        let weights = numbers(&tensor)?;
        let weights = weights.get(..encoding.len()).ok_or_else(|| short(encoding))?;
        finite(weights)?;
        Ok(lexical_weights(&encoding.ids, weights, |id| self.body.tokenizer.is_structural(id)))
    }

    /// The vectors of all tokens but the first, each of length 1: FlagEmbedding's `colbert_vecs`. Some exports leave the first one out
    /// themselves: they give one vector less than the row has tokens.
    fn multi_vector(
        &self,
        output: usize,
        encoding: &Encoding,
        row: &OutputRow<'_>,
    ) -> Result<Vec<Vec<f32>>, TaskError> {
        let tensor = row.tensor(output)?;
        let &[given, width] = tensor.shape() else { return Err(short(encoding)) };
        let all = numbers(&tensor)?;
        let first = usize::from(given >= self.body.row_length(encoding));
        let wanted = encoding.len().saturating_sub(1);
        let rows = all.chunks_exact(width.max(1)).skip(first).take(wanted);
        let mut vectors: Vec<Vec<f32>> = rows.map(<[f32]>::to_vec).collect();
        if vectors.len() != wanted {
            return Err(short(encoding));
        }
        vectors.iter_mut().for_each(|vector| normalize(vector));
        vectors.iter().try_for_each(|vector| finite(vector))?;
        Ok(vectors)
    }
}

impl Family for TextEmbeddingModel {
    fn name(&self) -> &'static str {
        FamilyKind::TextEmbedding.name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        self.body.lanes()
    }

    fn batch_max(&self) -> usize {
        self.body.batch_max()
    }

    fn rows_on_cpu(&self) -> usize {
        self.body.rows_on_cpu()
    }

    fn weight(&self, lane: &RowShapes) -> usize {
        TextBody::weight(lane)
    }

    fn lone_lanes(&self) -> Vec<RowShapes> {
        self.body.lone_lanes()
    }

    fn warm_up_limit(&self) -> Option<Duration> {
        Some(TextBody::WARM_UP_LIMIT)
    }

    fn warm_up(&self, lane: &RowShapes) -> Box<dyn WarmUpRow> {
        let (model, wanted) = (self.clone(), Wanted { heads: self.heads(), dimensions: None, normalize: true });
        let read = move |encoding: &Encoding, row: &OutputRow<'_>| model.read(encoding, wanted, row).map(drop);
        Box::new(WarmUpText::new(&self.body, lane, Box::new(read)))
    }
}

fn pooling(outputs: &EmbeddingOutputs, hints: &FamilyHints, assets: &TextAssets) -> Result<Pooling, ContractError> {
    if !matches!(outputs.dense, Some(DenseOutput::Tokens(_))) {
        return Ok(hints.text.pooling.unwrap_or(Pooling::Mean));
    }
    let layers: Vec<&str> =
        assets.after_pooling.iter().flatten().map(String::as_str).filter(|module| *module != "Normalize").collect();
    if !layers.is_empty() {
        return Err(ContractError(format!(
            "`modules.json` names layers after the pooling ({}) that are not in the graph; export the model with an output \
             `sentence_embedding`",
            layers.join(", ")
        )));
    }
    match (hints.text.pooling, &assets.pooling) {
        (Some(pooling), _) => Ok(pooling),
        (None, Some(PoolingFile::Known(pooling))) => Ok(*pooling),
        (None, None) => Ok(Pooling::Mean),
        (None, Some(PoolingFile::Other(name))) => Err(ContractError(format!(
            "the pooling `{name}` of the model's files is not built in; set `pooling` to mean, cls or last-token, or export the model \
             with an output `sentence_embedding`"
        ))),
    }
}

fn finite(values: &[f32]) -> Result<(), TaskError> {
    if are_finite(values) { Ok(()) } else { Err(TaskError::internal("the model gave a value that is not a number")) }
}

fn short(encoding: &Encoding) -> TaskError {
    TaskError::internal(format!("the model gave fewer vectors than the text has tokens ({})", encoding.len()))
}
