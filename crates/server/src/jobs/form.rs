//! A form with a video in it, read piece by piece. What is not the content of a field is bounded: a part whose head never ends would
//! otherwise be kept in memory for as long as a video may be.

use crate::error::{ApiError, Refusal};
use crate::request_body::{BodyFault, body_error};
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use futures_util::StreamExt;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A form that is being read.
pub(crate) struct Form {
    parts: Multipart,
    unclaimed: Arc<AtomicU64>,
}

/// A field of a form.
pub(crate) struct FormField<'a> {
    field: Field<'a>,
    unclaimed: Arc<AtomicU64>,
}

/// Bytes that may have come without having been given out as content: heads of parts, and what has just come.
const UNCLAIMED_MAX: u64 = 1 << 20;

impl Form {
    /// # Errors
    /// `invalid_body` where it has no boundary.
    pub(crate) async fn read(request: Request) -> Result<Self, ApiError> {
        let unclaimed = Arc::<AtomicU64>::default();
        let request = request.map(|body| counted(body, Arc::clone(&unclaimed)));
        let parts = Multipart::from_request(request, &()).await;
        let parts = parts.map_err(|_| ApiError::new(Refusal::Body, "the form has no boundary"))?;
        Ok(Self { parts, unclaimed })
    }

    /// The next field; none at the end.
    ///
    /// # Errors
    /// Why the body cannot be read.
    pub(crate) async fn next_field(&mut self) -> Result<Option<FormField<'_>>, ApiError> {
        let unclaimed = Arc::clone(&self.unclaimed);
        let field = self.parts.next_field().await.map_err(unreadable)?;
        Ok(field.map(|field| FormField { field, unclaimed }))
    }
}

impl FormField<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.field.name()
    }

    /// What the client calls the file.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// More of its content; none at the end.
    ///
    /// # Errors
    /// Why the body cannot be read.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        let chunk = self.field.chunk().await.map_err(unreadable)?;
        let claimed = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.unclaimed.fetch_sub(claimed, Ordering::Relaxed);
        Ok(chunk)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

fn counted(body: Body, unclaimed: Arc<AtomicU64>) -> Body {
    Body::from_stream(body.into_data_stream().map(move |chunk| {
        let chunk = chunk.map_err(BoxError::from)?;
        let bytes = chunk.len() as u64;
        let fits = unclaimed.fetch_add(bytes, Ordering::Relaxed) + bytes <= UNCLAIMED_MAX;
        fits.then_some(chunk).ok_or_else(|| BoxError::from(BodyFault::TooLarge))
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands the error over")]
fn unreadable(error: MultipartError) -> ApiError {
    body_error(&error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    /// A form of these bytes in pieces of 16 KiB.
    async fn form(bytes: Vec<u8>) -> Form {
        let pieces: Vec<_> =
            bytes.chunks(16 << 10).map(|piece| Ok::<_, BodyFault>(Bytes::copy_from_slice(piece))).collect();
        let body = Body::from_stream(stream::iter(pieces));
        let head = http::Request::post("/").header("content-type", "multipart/form-data; boundary=b");
        Form::read(head.body(body).unwrap()).await.unwrap()
    }

    const HEAD: &[u8] = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n";

    #[tokio::test]
    async fn a_head_without_an_end_is_cut() {
        let mut form = form([HEAD, b"x: ", &vec![b'a'; 8 << 20]].concat()).await;
        assert_eq!(form.next_field().await.err().unwrap().code(), "body_too_large");
    }

    #[tokio::test]
    async fn whatever_comes_before_the_first_part_is_cut() {
        let mut form = form(vec![b'a'; 8 << 20]).await;
        assert_eq!(form.next_field().await.err().unwrap().code(), "body_too_large");
    }
}
