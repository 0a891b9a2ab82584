//! The family of a generation as the type that it is.

use samovar_runtime::{Family, Generation, RunError, RunErrorKind};
use std::any::Any;
use std::sync::Arc;

/// The family behind `generation`.
///
/// # Errors
/// `Input` with the code `wrong_family`; `lacks` ends the sentence: the model belongs to the family …, which `lacks`.
pub(crate) fn bound_family<F: Family>(generation: &Generation, lacks: &str) -> Result<Arc<F>, RunError> {
    let family: Arc<dyn Family> = Arc::clone(&generation.family);
    let any: Arc<dyn Any + Send + Sync> = family;
    any.downcast().map_err(|_| wrong_family(generation, lacks))
}

/// The error for a model of another family; `lacks` ends the sentence.
pub(crate) fn wrong_family(generation: &Generation, lacks: &str) -> RunError {
    let message = format!("the model belongs to the family `{}`, which {lacks}", generation.family.name());
    RunError::new(RunErrorKind::Input { code: "wrong_family" }, message)
}
