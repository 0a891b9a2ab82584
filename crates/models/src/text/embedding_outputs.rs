//! The outputs of a text encoder: which of them hold token vectors, the text's vector, lexical weights and multi-vectors.

use super::Heads;
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_runtime::ContractError;

/// Where each head of a text encoder comes out, by the outputs' indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EmbeddingOutputs {
    pub(crate) dense: Option<DenseOutput>,
    /// `[batch, sequence]` or `[batch, sequence, 1]`.
    pub(crate) sparse: Option<usize>,
    /// `[batch, sequence, numbers]`, or without the first token.
    pub(crate) multi_vector: Option<usize>,
}

/// What one vector for the text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DenseOutput {
    /// `[batch, sequence, numbers]`: pooled here.
    Tokens(usize),
    /// `[batch, numbers]`: as the graph gives it.
    Pooled(usize),
}

/// Parts of names, in lower case, the surest first. Exporters and their users name outputs freely.
const SPARSE: [&str; 4] = ["sparse", "lexical", "token_weights", "token_weight"];
const MULTI_VECTOR: [&str; 4] = ["colbert", "multi_vec", "multivec", "multi-vec"];
const POOLED: [&str; 5] = ["sentence_embedding", "dense", "text_embed", "embedding", "pooler"];
const TOKENS: [&str; 4] = ["token_embeddings", "last_hidden_state", "hidden", "output"];

impl EmbeddingOutputs {
    /// The outputs by their names and axes. `pools`: somebody said how tokens are to be pooled, which goes before what the graph pools.
    ///
    /// A `pooler_output` is what BERT was pre-trained with, not what sentences are compared by: token vectors go before it.
    pub(crate) fn find(signature: &Signature, pools: bool) -> Result<Self, ContractError> {
        let outputs = Outputs(signature);
        let sparse = outputs.named(&SPARSE, is_weights, &[]);
        let multi_vector = outputs.named(&MULTI_VECTOR, is_vectors, &[]);
        let heads: Vec<usize> = sparse.into_iter().chain(multi_vector).collect();
        let tokens = outputs.named(&TOKENS, is_vectors, &heads).or_else(|| outputs.only(is_vectors, &heads));
        let pooled = outputs.named(&POOLED, is_vector, &heads).or_else(|| outputs.only(is_vector, &heads));
        let is_pooler = pooled.is_some_and(|index| signature.outputs[index].name.to_lowercase().contains("pooler"));
        let dense = match (tokens, pooled) {
            (Some(tokens), None) => Some(DenseOutput::Tokens(tokens)),
            (Some(tokens), Some(_)) if pools || is_pooler => Some(DenseOutput::Tokens(tokens)),
            (_, Some(pooled)) => Some(DenseOutput::Pooled(pooled)),
            (None, None) => None,
        };
        let found = Self { dense, sparse, multi_vector };
        if found.heads() == (Heads { dense: false, sparse: false, multi_vector: false }) {
            return Err(misfit(signature));
        }
        Ok(found)
    }

    /// What the model gives.
    pub(crate) const fn heads(&self) -> Heads {
        Heads { dense: self.dense.is_some(), sparse: self.sparse.is_some(), multi_vector: self.multi_vector.is_some() }
    }

    /// How long the text's vector is, where the signature says it.
    pub(crate) fn dimensions(&self, signature: &Signature) -> Option<usize> {
        let (DenseOutput::Tokens(index) | DenseOutput::Pooled(index)) = self.dense?;
        signature.outputs.get(index)?.dims.last()?.fixed()
    }
}

struct Outputs<'a>(&'a Signature);

impl Outputs<'_> {
    fn fitting(&self, fits: fn(&Port) -> bool, without: &[usize]) -> Vec<usize> {
        let numbers = self.0.outputs.iter().enumerate().filter(|(_, port)| is_number(port) && fits(port));
        numbers.map(|(index, _)| index).filter(|index| !without.contains(index)).collect()
    }

    fn named(&self, parts: &[&str], fits: fn(&Port) -> bool, without: &[usize]) -> Option<usize> {
        let fitting = self.fitting(fits, without);
        let has = |part: &&str| {
            fitting.iter().copied().find(|&index| self.0.outputs[index].name.to_lowercase().contains(*part))
        };
        parts.iter().find_map(has)
    }

    fn only(&self, fits: fn(&Port) -> bool, without: &[usize]) -> Option<usize> {
        match self.fitting(fits, without).as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }
}

const fn is_number(port: &Port) -> bool {
    matches!(port.element, ElementType::F32 | ElementType::F16)
}

fn is_vector(port: &Port) -> bool {
    port.dims.len() == 2 && port.dims[1].fixed().is_none_or(|numbers| numbers > 1)
}

fn is_vectors(port: &Port) -> bool {
    port.dims.len() == 3 && port.dims[2].fixed().is_none_or(|numbers| numbers > 1)
}

fn is_weights(port: &Port) -> bool {
    match port.dims.as_slice() {
        [_, _] => true,
        [_, _, last] => matches!(last, Dim::Fixed(1) | Dim::Dynamic(_)),
        _ => false,
    }
}

fn misfit(signature: &Signature) -> ContractError {
    let outputs: Vec<String> = signature.outputs.iter().map(|port| format!("`{port}`")).collect();
    ContractError(format!(
        "the model embeds no texts: found outputs {}; expected token vectors [batch, sequence, numbers], a vector [batch, numbers], \
         or the heads of BGE-M3 by their names (dense, sparse, colbert)",
        outputs.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(outputs: &[(&str, &[usize])]) -> Signature {
        let dim = |&size: &usize| if size == 0 { Dim::Dynamic(None) } else { Dim::Fixed(size) };
        let port = |&(name, dims): &(&str, &[usize])| Port {
            name: name.to_owned(),
            element: ElementType::F32,
            dims: dims.iter().map(dim).collect(),
        };
        Signature { outputs: outputs.iter().map(port).collect(), ..Signature::default() }
    }

    fn find(outputs: &[(&str, &[usize])], pools: bool) -> EmbeddingOutputs {
        EmbeddingOutputs::find(&signature(outputs), pools).unwrap()
    }

    #[test]
    fn token_vectors_go_before_the_pooler_and_behind_the_sentence() {
        let bert: &[(&str, &[usize])] = &[("last_hidden_state", &[0, 0, 384]), ("pooler_output", &[0, 384])];
        assert_eq!(find(bert, false).dense, Some(DenseOutput::Tokens(0)));
        let sentence: &[(&str, &[usize])] = &[("token_embeddings", &[0, 0, 384]), ("sentence_embedding", &[0, 384])];
        assert_eq!(find(sentence, false).dense, Some(DenseOutput::Pooled(1)));
        assert_eq!(find(sentence, true).dense, Some(DenseOutput::Tokens(0)));
        assert_eq!(find(&[("whatever", &[0, 64])], false).dense, Some(DenseOutput::Pooled(0)));
    }

    #[test]
    fn the_three_heads_are_found_by_the_names_that_their_exporters_give() {
        let all = EmbeddingOutputs { dense: Some(DenseOutput::Pooled(0)), sparse: Some(1), multi_vector: Some(2) };
        for names in
            [["dense_vecs", "sparse_vecs", "colbert_vecs"], ["dense_embeddings", "sparse_weights", "colbert_vectors"]]
        {
            let [dense, sparse, colbert] = names;
            assert_eq!(find(&[(dense, &[0, 1024]), (sparse, &[0, 0, 1]), (colbert, &[0, 0, 1024])], false), all);
        }
        assert_eq!(
            find(&[("sentence_embedding", &[0, 64]), ("token_weights", &[0, 0]), ("multi_vecs", &[0, 0, 64])], false),
            all
        );
    }

    #[test]
    fn outputs_that_are_no_embedding_are_told() {
        let error = EmbeddingOutputs::find(&signature(&[("scores", &[0, 0, 0, 3])]), false).unwrap_err();
        assert!(error.0.contains("`scores FP32 [?, ?, ?, 3]`"), "{error}");
    }
}
