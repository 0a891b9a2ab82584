//! What a gRPC caller is told instead of an answer: the one table of errors, in gRPC's words.

use crate::error::ApiError;
use samovar_service::ServiceError;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// The service's error as a status.
pub(super) fn refused(error: ServiceError) -> Status {
    ApiError::from(error).into()
}

/// The stable machine code of an error, beside gRPC's coarse one.
const ERROR_CODE: &str = "error-code";
/// gRPC's own word for `Retry-After`, in milliseconds: its clients obey it.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let mut metadata = MetadataMap::new();
        metadata.insert(ERROR_CODE, MetadataValue::from_static(error.code()));
        if let Some(wait) = error.retry_after() {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            metadata.insert(PUSHBACK, MetadataValue::from(wait_ms));
        }
        Self::with_metadata(code_of(&error), error.sentence(), metadata)
    }
}

fn code_of(error: &ApiError) -> Code {
    match error.status().as_u16() {
        // An address without a route is a method that is not there; other things that are not there have codes of their own.
        404 if error.code() == "not_found" => Code::Unimplemented,
        400 | 415 | 422 | 426 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 | 501 => Code::Unimplemented,
        408 | 504 => Code::DeadlineExceeded,
        409 => Code::FailedPrecondition,
        413 | 429 => Code::ResourceExhausted,
        503 => Code::Unavailable,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;
    use samovar_runtime::{RunError, RunErrorKind};
    use samovar_service::ServiceErrorKind;
    use std::time::Duration;

    fn code(kind: ServiceErrorKind) -> Code {
        refused(ServiceError::new(kind, "no")).code()
    }

    #[test]
    fn every_kind_has_its_code() {
        let second = Duration::from_secs(1);
        let run = |kind| code(ServiceErrorKind::Run(kind));
        assert_eq!(code(ServiceErrorKind::Invalid { code: "x" }), Code::InvalidArgument);
        assert_eq!(code(ServiceErrorKind::NotFound { code: "x" }), Code::NotFound);
        assert_eq!(code(ServiceErrorKind::TooLarge { code: "x" }), Code::ResourceExhausted);
        assert_eq!(code(ServiceErrorKind::Unsupported { code: "x" }), Code::Unimplemented);
        assert_eq!(code(ServiceErrorKind::Unauthenticated), Code::Unauthenticated);
        assert_eq!(code(ServiceErrorKind::Forbidden), Code::PermissionDenied);
        assert_eq!(code(ServiceErrorKind::RateLimited { retry_after: second }), Code::ResourceExhausted);
        assert_eq!(run(RunErrorKind::UnknownModel), Code::NotFound);
        assert_eq!(run(RunErrorKind::NotReady { retry_after: second }), Code::Unavailable);
        assert_eq!(run(RunErrorKind::QueueFull { retry_after: second }), Code::ResourceExhausted);
        assert_eq!(run(RunErrorKind::DeadlineExceeded), Code::DeadlineExceeded);
        assert_eq!(run(RunErrorKind::Input { code: "x" }), Code::InvalidArgument);
        assert_eq!(run(RunErrorKind::Internal), Code::Internal);
        assert_eq!(run(RunErrorKind::ShuttingDown), Code::Unavailable);
        assert_eq!(Status::from(ApiError::new(Refusal::Route, "no")).code(), Code::Unimplemented);
    }

    #[test]
    fn when_to_ask_again_is_told() {
        let kind = RunErrorKind::QueueFull { retry_after: Duration::from_millis(1_500) };
        let status = refused(RunError::new(kind, "full").into());
        assert_eq!(status.metadata().get(PUSHBACK).unwrap(), "1500");
        assert_eq!(status.metadata().get(ERROR_CODE).unwrap(), "queue_full");
    }
}
