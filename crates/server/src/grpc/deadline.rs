//! `grpc-timeout`: how long the caller waits. What has not begun by then is never begun.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

/// When the caller stops waiting; none where they did not say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CallDeadline(pub(super) Option<Instant>);

impl CallDeadline {
    /// How long that is from now on.
    pub(super) fn left(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }
}

/// Ends a call that takes longer than its caller waits: dropping it cancels what it has queued. A stream's head is in time; the stream
/// itself looks at the deadline that it finds with its request.
pub(super) async fn hold(mut request: Request, next: Next) -> Response {
    let time = match time_of(request.headers()) {
        Ok(time) => time,
        Err(status) => return status.into_http(),
    };
    let deadline = CallDeadline(time.and_then(|time| Instant::now().checked_add(time)));
    request.extensions_mut().insert(deadline);
    let answer = next.run(request);
    match deadline.0 {
        Some(at) => timeout_at(at, answer).await.unwrap_or_else(|_| late().into_http()),
        None => answer.await,
    }
}

/// What is told to a caller who has stopped waiting.
pub(super) fn late() -> Status {
    Status::deadline_exceeded("the answer was not there within `grpc-timeout`")
}

fn time_of(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let time = value.to_str().ok().and_then(parse);
    time.map(Some)
        .ok_or_else(|| Status::invalid_argument("`grpc-timeout` is up to eight digits and one of H, M, S, m, u, n"))
}

fn parse(text: &str) -> Option<Duration> {
    let (unit_at, unit) = text.char_indices().next_back()?;
    let digits = &text[..unit_at];
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())??;
    if digits.len() > 8 {
        return None;
    }
    match unit {
        'H' => Some(Duration::from_secs(number * 3_600)),
        'M' => Some(Duration::from_secs(number * 60)),
        'S' => Some(Duration::from_secs(number)),
        'm' => Some(Duration::from_millis(number)),
        'u' => Some(Duration::from_micros(number)),
        'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nothing_else() {
        assert_eq!(parse("2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(parse("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parse("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("7u"), Some(Duration::from_micros(7)));
        assert_eq!(parse("1n"), Some(Duration::from_nanos(1)));
        for text in ["", "S", "-1S", "+1S", "1", "1s", "1.5S", "999999999S", "1é"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
