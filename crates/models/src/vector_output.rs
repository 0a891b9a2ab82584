//! The output that holds one vector for each row: how it is found, and how it is read as a direction.

use crate::Appearance;
use crate::floats::floats;
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_runtime::{OutputRow, TaskError};

/// The output with one vector for each row, `[batch, numbers]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VectorOutput {
    /// Its index in the signature.
    pub(crate) output: usize,
    /// How long the vector is.
    pub(crate) numbers: usize,
}

/// Numbers of a vector: fewer tell nobody apart, more come from no such network.
pub(crate) const NUMBERS: std::ops::RangeInclusive<usize> = 16..=8_192;

/// What names of vectors contain, where a training head is beside them; the likeliest first.
const NAMES: [&str; 3] = ["feat", "embed", "output"];

impl VectorOutput {
    /// The only one, or the one that is named so.
    ///
    /// # Errors
    /// What is missing or not clear.
    pub(crate) fn find(signature: &Signature) -> Result<Self, &'static str> {
        let length = |port: &Port| match port.dims.as_slice() {
            [_, Dim::Fixed(numbers)] if NUMBERS.contains(numbers) && is_number(port) => Some(*numbers),
            _ => None,
        };
        let outputs = signature.outputs.iter().enumerate();
        let vectors: Vec<_> = outputs.filter_map(|(index, port)| Some((index, length(port)?, port))).collect();
        let named = |name: &&str| vectors.iter().find(|(_, _, port)| port.name.to_lowercase().contains(*name));
        match (vectors.as_slice(), NAMES.iter().find_map(named)) {
            ([(output, numbers, _)], _) | (_, Some((output, numbers, _))) => {
                Ok(Self { output: *output, numbers: *numbers })
            }
            ([], _) => Err("no output has one vector for each row"),
            _ => Err("which output holds the vector is not clear; name it `features`"),
        }
    }

    /// Whether it is all that the model gives and no scores of classes: those have names, and any number of them.
    pub(crate) fn is_plain(&self, signature: &Signature) -> bool {
        let named = ["names", "classes", "task"].iter().any(|key| signature.metadata.contains_key(*key));
        !named && signature.outputs.len() == 1 && self.numbers >= 128 && self.numbers.is_multiple_of(64)
    }

    /// The vector of one row, brought to length 1.
    ///
    /// # Errors
    /// A vector of another length than the file says, and one without a direction.
    pub(crate) fn read(&self, row: &OutputRow<'_>) -> Result<Appearance, TaskError> {
        let vector = floats(&row.tensor(self.output)?)?.into_owned();
        if vector.len() != self.numbers {
            return Err(TaskError::internal("the model gave a vector of another length than its file says"));
        }
        Appearance::unit(vector).ok_or_else(|| TaskError::internal("the model gave a vector without a direction"))
    }
}

const fn is_number(port: &Port) -> bool {
    matches!(port.element, ElementType::F32 | ElementType::F16)
}
