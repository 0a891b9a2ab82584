//! JSON bodies of requests and answers: read with the field that is wrong told by its name, written away from the threads that answer
//! everybody where they are long.

use crate::error::{ApiError, Refusal};
use crate::request_body::read_whole;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request that is read from JSON.
pub(crate) trait JsonForm: DeserializeOwned + Send + 'static {
    /// Its fields, so that an error can say which of them it is about.
    const FIELDS: &'static [&'static str];
    /// What it looks like, for people.
    const LIKE: &'static str;
}

/// The body of a request.
///
/// # Errors
/// A body over the limit or too slow; `invalid_body` with the field that cannot be read.
pub(crate) async fn json_body<T: JsonForm>(request: Request) -> Result<T, ApiError> {
    let bytes = read_whole(request.into_body()).await?;
    if bytes.len() <= QUICK_BYTES {
        return parse(&bytes);
    }
    tokio::task::spawn_blocking(move || parse(&bytes)).await.map_err(|_| ApiError::internal())?
}

/// An answer as JSON. `numbers` says about how many it holds.
pub(crate) async fn json_answer<T: Serialize + Send + 'static>(body: T, numbers: usize) -> Result<Response, ApiError> {
    let bytes = if numbers <= QUICK_NUMBERS {
        write(&body)?
    } else {
        tokio::task::spawn_blocking(move || write(&body)).await.map_err(|_| ApiError::internal())??
    };
    Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}

/// What is read or written within some ten microseconds.
const QUICK_BYTES: usize = 32 << 10;
const QUICK_NUMBERS: usize = 8 << 10;

fn write(body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(body).map_err(|_| ApiError::internal())
}

fn parse<T: JsonForm>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| refused::<T>(bytes, &error))
}

fn refused<T: JsonForm>(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    let place = format!("line {}, column {}", error.line(), error.column());
    if !error.is_data() {
        let why = if std::str::from_utf8(bytes).is_err() { "is no UTF-8" } else { "is no JSON" };
        return ApiError::new(Refusal::Body, format!("the body {why} ({place}); send it like {}", T::LIKE));
    }
    let offset = offset(bytes, error.line(), error.column());
    let key = key_at(&bytes[..offset]);
    match key.map(|key| T::FIELDS.iter().copied().find(|field| field.as_bytes() == key)) {
        Some(Some(field)) => {
            let detail = format!("`{field}` cannot be read ({place}); send it like {}", T::LIKE);
            ApiError::new(Refusal::Body, detail).about(field)
        }
        Some(None) => {
            let known = T::FIELDS.join("`, `");
            let named = key
                .and_then(shown)
                .map_or_else(|| "there is no such field".to_owned(), |key| format!("there is no field `{key}`"));
            ApiError::new(Refusal::Body, format!("{named} ({place}); there are `{known}`"))
        }
        None => lacking::<T>(error, &place),
    }
}

/// A key as it can be told: plain and short, or not at all.
fn shown(key: &[u8]) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let text = std::str::from_utf8(key).ok()?;
    (text.len() <= 64 && text.bytes().all(plain)).then_some(text)
}

/// What the library's sentence quotes is one of our own fields, or it is not told.
fn lacking<T: JsonForm>(error: &serde_json::Error, place: &str) -> ApiError {
    let sentence = error.to_string();
    let quoted = sentence.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match T::FIELDS.iter().copied().find(|field| Some(*field) == quoted) {
        Some(field) => {
            let detail = format!("`{field}` is missing ({place}); send it like {}", T::LIKE);
            ApiError::new(Refusal::Body, detail).about(field)
        }
        None => {
            let detail = format!("the body lacks what it must have ({place}); send it like {}", T::LIKE);
            ApiError::new(Refusal::Body, detail)
        }
    }
}

/// The byte that a line and a column, counted from 1, mean; the end for one beyond.
fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let start = if line <= 1 { 0 } else { ends.nth(line - 2).unwrap_or(bytes.len()) };
    (start + column).min(bytes.len())
}

/// The key of the outermost object whose value is being read where `bytes` end; none behind the end of the object.
fn key_at(bytes: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut string, mut key, mut at) = (0_usize, None, None, 0);
    // The last byte that is neither space nor in a string: a string behind one of these in the outermost object is a key.
    let mut before = b' ';
    while let Some(&byte) = bytes.get(at) {
        match (byte, string) {
            (b'\\', Some(_)) => at += 1,
            (b'"', Some(start)) => {
                string = None;
                if depth == 1 && matches!(before, b'{' | b',') {
                    key = Some(&bytes[start..at]);
                }
            }
            (b'"', None) => string = Some(at + 1),
            (b'{' | b'[', None) => depth += 1,
            (b'}' | b']', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if string.is_none() && !byte.is_ascii_whitespace() {
            before = byte;
        }
        at += 1;
    }
    key.filter(|_| depth > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Form {
        input: Vec<String>,
        user: Option<u32>,
    }

    impl JsonForm for Form {
        const FIELDS: &'static [&'static str] = &["input", "user"];
        const LIKE: &'static str = "{\"input\": […]}";
    }

    fn told(body: &[u8]) -> (Option<&'static str>, String) {
        let error = parse::<Form>(body).unwrap_err();
        (error.field(), error.sentence())
    }

    #[test]
    fn the_field_that_cannot_be_read_is_named() {
        assert!(parse::<Form>(b"{\"input\": [\"a\"], \"more\": {\"input\": 1}}").is_ok());
        for (body, field) in [
            ("{\"input\": [1]}", Some("input")),
            ("{\"user\": 7,\n \"input\": \"a\"}", Some("input")),
            ("{\"input\": [\"\\\"user\\\": \"], \"user\": \"x\"}", Some("user")),
            ("{\"input\": [{\"user\": 1}]}", Some("input")),
            ("{\"user\": 1}", Some("input")),
            ("[]", None),
        ] {
            assert_eq!(told(body.as_bytes()).0, field, "{body}");
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Closed {
        input: Vec<String>,
    }

    impl JsonForm for Closed {
        const FIELDS: &'static [&'static str] = &["input"];
        const LIKE: &'static str = "{\"input\": […]}";
    }

    #[test]
    fn a_field_that_is_not_there_is_named() {
        let told = |body: &str| parse::<Closed>(body.as_bytes()).unwrap_err().sentence();
        assert!(
            told("{\"input\": [\"a\"], \"inptu\": 1}").starts_with("there is no field `inptu` (line 1, column 24)")
        );
        assert!(told("{\"a\\nb\": 1}").starts_with("there is no such field ("), "what is not plain is not told back");
        assert!(told(&format!("{{\"{}\": 1}}", "x".repeat(65))).starts_with("there is no such field ("));
    }

    #[test]
    fn the_field_that_is_missing_is_named() {
        assert_eq!(told(b"{}").1, "`input` is missing (line 1, column 2); send it like {\"input\": […]}; see /docs");
        assert!(told(b"[]").1.starts_with("the body lacks what it must have"));
    }

    #[test]
    fn what_is_no_json_and_what_is_no_utf8_is_told_apart() {
        assert!(told(b"{\"input\": [").1.starts_with("the body is no JSON (line 1, column 11)"));
        assert!(told(b"{\"input\": [\"\xff\"]}").1.starts_with("the body is no UTF-8"));
        assert!(told(&[b'['; 1_000]).1.contains("the body"), "depth has a limit");
    }
}
