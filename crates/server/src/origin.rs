//! Which pages may open a stream: browsers send cookies and reach loopback addresses for any page, and let it speak WebSocket
//! to anybody who does not look at `Origin`.

use crate::error::{ApiError, Refusal};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};

/// Lets through programs (no `Origin`), the server's own pages and the listed origins.
pub(crate) fn check(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Result<(), ApiError> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return if headers.contains_key(ORIGIN) { refuse() } else { Ok(()) };
    };
    let Ok(origin) = origin.to_str() else { return refuse() };
    if allowed.iter().any(|allowed| allowed == origin) || is_own(origin, headers, uri) { Ok(()) } else { refuse() }
}

fn refuse() -> Result<(), ApiError> {
    Err(ApiError::new(Refusal::Origin, "pages of that origin may not open streams"))
}

/// Whether a page of this very server asks.
fn is_own(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    let host =
        headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.authority().map(|host| host.as_str()));
    let page = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    page.zip(host).is_some_and(|(page, host)| page.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost:8080".parse().unwrap());
        headers.insert(ORIGIN, origin.parse().unwrap());
        check(&headers, &Uri::from_static("/"), &["https://cameras.example".to_owned()]).is_ok()
    }

    #[test]
    fn own_and_listed_pages_may_and_others_may_not() {
        for origin in ["http://localhost:8080", "https://LOCALHOST:8080", "https://cameras.example"] {
            assert!(allowed(origin), "{origin}");
        }
        for origin in
            ["http://localhost:8081", "http://evil.example", "null", "https://cameras.example.evil", "file://"]
        {
            assert!(!allowed(origin), "{origin}");
        }
        assert!(check(&HeaderMap::new(), &Uri::from_static("/"), &[]).is_ok(), "programs send no origin");
    }
}
