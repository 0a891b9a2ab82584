//! Which pages may open a stream or change something: a browser reaches loopback addresses for any page, posts forms for it
//! and lets it speak WebSocket, to anybody who does not look at `Origin`.
//!
//! On a loopback address a page counts as the server's own only under a local name: a page may have its own name resolve to
//! 127.0.0.1 (DNS rebinding). Behind a proxy the public origin belongs into `allowed_origins`.

use crate::ServerOptions;
use crate::error::{ApiError, Refusal};
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};
use std::net::IpAddr;

/// Lets through programs (no `Origin`), the server's own pages and the listed origins.
pub(crate) fn check(headers: &HeaderMap, uri: &Uri, options: &ServerOptions) -> Result<(), ApiError> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return if headers.contains_key(ORIGIN) { refuse() } else { Ok(()) };
    };
    let Ok(origin) = origin.to_str() else { return refuse() };
    let listed = options.allowed_origins.iter().any(|allowed| allowed == origin);
    if listed || is_own(origin, headers, uri, options.address.ip().is_loopback()) { Ok(()) } else { refuse() }
}

fn refuse() -> Result<(), ApiError> {
    Err(ApiError::new(Refusal::Origin, "pages of that origin may not do this"))
}

/// Whether a page of this very server asks.
fn is_own(origin: &str, headers: &HeaderMap, uri: &Uri, loopback: bool) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|host| host.as_str()));
    let page = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    page.zip(host).is_some_and(|(page, host)| page.eq_ignore_ascii_case(host) && (!loopback || is_local(host)))
}

/// Whether a host, with or without a port, can only be this machine.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(host: &str, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        headers.insert(ORIGIN, origin.parse().unwrap());
        let allowed_origins = vec!["https://cameras.example".to_owned()];
        let options = ServerOptions { allowed_origins, ..ServerOptions::default() };
        check(&headers, &Uri::from_static("/"), &options).is_ok()
    }

    #[test]
    fn own_and_listed_pages_may_and_others_may_not() {
        for origin in ["http://localhost:8080", "https://LOCALHOST:8080", "https://cameras.example"] {
            assert!(allowed("localhost:8080", origin), "{origin}");
        }
        for origin in
            ["http://localhost:8081", "http://evil.example", "null", "https://cameras.example.evil", "file://"]
        {
            assert!(!allowed("localhost:8080", origin), "{origin}");
        }
        assert!(allowed("127.0.0.1:8080", "http://127.0.0.1:8080") && allowed("[::1]:8080", "http://[::1]:8080"));
        let none = check(&HeaderMap::new(), &Uri::from_static("/"), &ServerOptions::default());
        assert!(none.is_ok(), "programs send no origin");
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_not_own() {
        assert!(!allowed("evil.example:8080", "http://evil.example:8080"));
        assert!(!allowed("localhost.evil.example", "http://localhost.evil.example"));
    }
}
