//! What an address names: a model and its version, or a region of shared memory.

use crate::error::ApiError;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use samovar_service::{ServiceError, ServiceErrorKind};

/// What an address names.
#[derive(Debug, Default)]
pub(super) struct Target {
    pub(super) model: Option<String>,
    pub(super) version: Option<String>,
    pub(super) region: Option<String>,
}

impl Target {
    /// The model that is named.
    pub(super) fn model(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = ApiError;

    /// A name that is no text is nobody's.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = RawPathParams::from_request_parts(parts, state).await.map_err(|_| no_text())?;
        let mut target = Self::default();
        for (key, value) in &named {
            match key {
                "model" => target.model = Some(value.to_owned()),
                "version" => target.version = Some(value.to_owned()),
                "region" => target.region = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(target)
    }
}

fn no_text() -> ApiError {
    let kind = ServiceErrorKind::NotFound { code: "model_not_found" };
    ServiceError::new(kind, "the address names a model by what is no text").into()
}
