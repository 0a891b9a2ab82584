//! The form of errors that a request's address or protocol asks for: whoever refused it, a route or what surrounds it.

use crate::routes::{oip_form, speaks_oip};
use crate::{grpc, openai_form, tei_form};
use axum::extract::Request;
use axum::response::Response;

/// How a request wants to be told of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// RFC 9457, as everywhere where nothing else is asked for.
    Problem,
    OpenAi,
    /// The Open Inference Protocol's.
    Oip,
    /// That of Text Embeddings Inference.
    Tei,
    Grpc,
}

impl ErrorForm {
    pub(crate) fn of(request: &Request) -> Self {
        if openai_form::is_asked_for(request.uri()) {
            Self::OpenAi
        } else if speaks_oip(request.uri()) {
            Self::Oip
        } else if tei_form::is_asked_for(request.uri()) {
            Self::Tei
        } else if grpc::speaks_grpc(request.headers()) {
            Self::Grpc
        } else {
            Self::Problem
        }
    }

    /// The answer with its error, if it is one, in this form.
    pub(crate) fn put_on(self, response: Response) -> Response {
        match self {
            Self::Problem => response,
            Self::OpenAi => openai_form::reshaped(response),
            Self::Oip => oip_form(response),
            Self::Tei => tei_form::reshaped(response),
            Self::Grpc => grpc::reshaped(response),
        }
    }
}
