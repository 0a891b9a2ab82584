//! Where somebody speaks: Silero's detector.

use crate::FamilyHints;
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family};
use std::sync::Arc;

/// Binds the family that `hints` name, or the one of this folder that `signature` can be nothing else than.
///
/// # Errors
/// What was found, what is expected, and what to set.
pub(crate) fn bind(_signature: &Signature, _hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    Err(ContractError("this family is not here yet".to_owned()))
}
