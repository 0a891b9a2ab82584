//! Which family a model belongs to, from its signature and from what the configuration says.

use crate::FamilyKind;
use crate::detection_model::DetectionModel;
use samovar_engine_api::Signature;
use samovar_runtime::{Binder, ContractError, Family};
use std::sync::Arc;

/// What the configuration says about a model; everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyHints {
    /// The family, where it cannot be recognised or is to be another one.
    pub family: Option<FamilyKind>,
    /// Class names in order, from a labels file. Goes before what the model says.
    pub labels: Option<Vec<String>>,
    /// (width, height) in pixels to run at, for models with dynamic height and width: then this size alone is used.
    pub input_size: Option<(u32, u32)>,
}

/// Binds the family that fits `signature`: the contract check of every load.
///
/// # Errors
/// What was found, what each family expects, and what to set.
pub fn recognise(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    Ok(Arc::new(DetectionModel::bind(signature, hints)?))
}

/// [`recognise`] with these hints, in the form that the runtime takes.
pub fn binder(hints: FamilyHints) -> Binder {
    Arc::new(move |signature| recognise(signature, &hints))
}
