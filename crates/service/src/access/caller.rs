//! Who asks, once that is known.

use super::{Scope, Scopes};
use crate::{ServiceError, ServiceErrorKind};
use samovar_runtime::StreamKey;
use std::sync::Arc;

/// Who asks: a key's name, or where they ask from where no keys are configured.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What their jobs and streams are filed under.
    pub name: Arc<str>,
    /// What they may.
    pub scopes: Scopes,
    /// Whose turn their work takes: one for each key, so that many connections of one key have one share.
    pub turn: StreamKey,
    /// Whether they ask from this machine: only such callers may name its shared memory.
    pub local: bool,
}

impl Caller {
    /// Lets through who may do `scope`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require(&self, scope: Scope) -> Result<(), ServiceError> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        let message = format!("this needs a key with the scope `{}`", scope.name());
        Err(ServiceError::new(ServiceErrorKind::Forbidden, message))
    }
}
