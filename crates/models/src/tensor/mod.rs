//! Any graph: tensors in, tensors out.

mod element_bytes;
mod output_buffers;
mod task;
mod tensor_model;

pub use task::{TensorInput, TensorOutput, TensorSource, TensorTask};
pub use tensor_model::TensorModel;

use crate::FamilyHints;
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family};
use std::sync::Arc;

/// Binds any graph. Never asked unless the configuration says `family = "tensor"`: every graph would fit.
///
/// # Errors
/// A graph without inputs or without outputs.
pub(crate) fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    Ok(Arc::new(TensorModel::bind(signature, hints)?))
}
