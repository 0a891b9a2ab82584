//! Bodies of the protocol's smaller requests: JSON that may be left out.

use crate::error::ApiError;
use crate::request_body::read_portion;
use crate::wire::oip::{DEPTH_MAX, is_too_deep, why};
use axum::body::Body;
use bytes::Bytes;
use samovar_service::ServiceError;
use serde::de::DeserializeOwned;

/// Bytes of such a body at most. Models that are sent along are refused, and need not be read for that.
const BYTES_MAX: usize = 1 << 20;

/// The body as `T`; what `T` is by default where there is none.
///
/// # Errors
/// `invalid_body`.
pub(super) async fn read<T: DeserializeOwned + Default>(body: Body) -> Result<T, ApiError> {
    let bytes = read_portion(Bytes::new(), body.into_data_stream(), BYTES_MAX).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    if is_too_deep(&bytes) {
        let message = format!("the JSON is nested deeper than {DEPTH_MAX} levels");
        return Err(ServiceError::invalid("invalid_body", message).into());
    }
    let unreadable = |error| ServiceError::invalid("invalid_body", why(&error)).into();
    serde_json::from_slice(&bytes).map_err(unreadable)
}
