//! The name of a request: the client's own where it is a sane one, else a new one. It stands in the answer and in every line of the log.

use crate::random_id::random_bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where it stands in requests and answers.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The name of a request: letters, digits, `-`, `_` and `.` alone, so that it can stand anywhere.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The request's own, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let own = headers.get(HEADER).filter(|value| is_sane(value.as_bytes()));
        own.cloned().map_or_else(Self::new, Self)
    }

    /// Different from all others of this server, and very likely from those of others.
    fn new() -> Self {
        static SERVER: LazyLock<u64> = LazyLock::new(|| u64::from_le_bytes(random_bytes()));
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let text = format!("{:016x}-{:x}", *SERVER, NEXT.fetch_add(1, Ordering::Relaxed));
        Self(HeaderValue::try_from(text).expect("hexadecimal digits may stand in a header"))
    }

    /// As it stands in a header.
    pub(crate) const fn value(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.to_str().unwrap_or_default())
    }
}

const BYTES_MAX: usize = 128;

fn is_sane(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=BYTES_MAX).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(own: &[u8]) -> String {
        RequestId::of(&HeaderMap::from_iter([(HEADER, HeaderValue::from_bytes(own).unwrap())])).to_string()
    }

    #[test]
    fn sane_names_are_kept_and_others_are_replaced() {
        assert_eq!(id(b"7f3a-Ab_9.1"), "7f3a-Ab_9.1");
        for bad in [&b""[..], b"a b", b"a\"b", b"\xff", b"a\tb", &[b'a'; 129]] {
            assert_ne!(id(bad).as_bytes(), bad);
        }
        assert_ne!(id(b""), id(b""));
    }
}
