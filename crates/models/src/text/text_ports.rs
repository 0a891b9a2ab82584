//! The inputs of a text encoder: which of them is which, and how a row of tokens is written into them.

use super::Encoding;
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_runtime::{ContractError, InputRow, RowShape, RowShapes, TaskError};

/// `input_ids`, `attention_mask` and, for models that tell two texts apart, `token_type_ids`: each `[batch, sequence]`, i64 or i32.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextPorts {
    /// What each input takes, in the signature's order.
    inputs: Vec<(TextInputKind, ElementType)>,
    /// Tokens of every row, where the graph has just one length.
    sequence: Option<usize>,
    is_batched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextInputKind {
    Ids,
    Mask,
    Types,
}

impl TextInputKind {
    fn of(name: &str) -> Option<Self> {
        match name {
            "input_ids" => Some(Self::Ids),
            "attention_mask" => Some(Self::Mask),
            "token_type_ids" => Some(Self::Types),
            _ => None,
        }
    }
}

impl TextPorts {
    /// Whether a graph takes tokens at all.
    pub(crate) fn are_in(signature: &Signature) -> bool {
        signature.inputs.iter().any(|port| port.name == "input_ids")
    }

    /// The inputs of a text encoder.
    pub(crate) fn find(signature: &Signature) -> Result<Self, ContractError> {
        let inputs: Option<Vec<_>> = signature.inputs.iter().map(input).collect();
        // Without a mask padding could not be told from text.
        let has = |inputs: &[(TextInputKind, ElementType)], wanted| inputs.iter().any(|(kind, _)| *kind == wanted);
        let all = |inputs: &Vec<_>| has(inputs, TextInputKind::Ids) && has(inputs, TextInputKind::Mask);
        let inputs = inputs.filter(all).ok_or_else(|| misfit(signature))?;
        let ids = signature.inputs.iter().find(|port| port.name == "input_ids").ok_or_else(|| misfit(signature))?;
        Ok(Self {
            inputs,
            sequence: ids.dims.get(1).and_then(Dim::fixed),
            is_batched: ids.dims.first().is_some_and(|batch| batch.fixed().is_none()),
        })
    }

    /// Tokens of every row, where the graph has just one length.
    pub(crate) const fn sequence(&self) -> Option<usize> {
        self.sequence
    }

    /// Whether several rows may share a run.
    pub(crate) const fn is_batched(&self) -> bool {
        self.is_batched
    }

    /// Row shapes of `length` tokens.
    pub(crate) fn rows(&self, length: usize) -> RowShapes {
        RowShapes::new(self.inputs.iter().map(|_| RowShape::Batched(vec![length])).collect())
    }

    /// Writes a text into its row; what is left of the row is padding, which the mask tells.
    pub(crate) fn write(&self, encoding: &Encoding, padding: u32, row: &mut InputRow<'_>) -> Result<(), TaskError> {
        for (index, (kind, element)) in self.inputs.iter().enumerate() {
            let ids = encoding.ids.iter();
            match kind {
                TextInputKind::Ids => fill(row, (index, *element), ids.copied(), padding)?,
                TextInputKind::Mask => fill(row, (index, *element), ids.map(|_| 1), 0)?,
                TextInputKind::Types => fill(row, (index, *element), encoding.type_ids.iter().copied(), 0)?,
            }
        }
        Ok(())
    }
}

/// How long the rows of these shapes are.
pub(crate) fn length_of(lane: &RowShapes) -> usize {
    match lane.inputs().first() {
        Some(RowShape::Batched(dims) | RowShape::Whole(dims)) => dims.last().copied().unwrap_or(1),
        None => 1,
    }
}

fn input(port: &Port) -> Option<(TextInputKind, ElementType)> {
    let kind = TextInputKind::of(&port.name)?;
    let fits = port.dims.len() == 2 && matches!(port.element, ElementType::I64 | ElementType::I32);
    fits.then_some((kind, port.element))
}

fn fill(
    row: &mut InputRow<'_>,
    (index, element): (usize, ElementType),
    values: impl Iterator<Item = u32>,
    rest: u32,
) -> Result<(), TaskError> {
    let values = values.chain(std::iter::repeat(rest));
    match element {
        ElementType::I32 => {
            // A token that no i32 holds is in no vocabulary: tokens are checked before.
            let values = values.map(|value| i32::try_from(value).unwrap_or(0));
            row.slice::<i32>(index)?.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        }
        _ => row.slice::<i64>(index)?.iter_mut().zip(values).for_each(|(slot, value)| *slot = i64::from(value)),
    }
    Ok(())
}

fn misfit(signature: &Signature) -> ContractError {
    let inputs: Vec<String> = signature.inputs.iter().map(|port| format!("`{port}`")).collect();
    ContractError(format!(
        "the model takes no texts: found inputs {}; expected `input_ids`, `attention_mask` and perhaps `token_type_ids`, each \
         [batch, sequence] of INT64",
        inputs.join(", ")
    ))
}
