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

/// Refuses names that somebody else made point here. On a loopback address and without keys a page of any origin could otherwise read
/// what the server tells, under a name of its own that resolves to this machine.
pub(crate) fn check_host(headers: &HeaderMap, uri: &Uri, options: &ServerOptions) -> Result<(), ApiError> {
    if !options.is_local() || options.access.asks() {
        return Ok(());
    }
    let named = host(headers, uri);
    let listed = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is = |known: &str| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(name);
        options.hosts.iter().any(|known| is(known))
            || options.allowed_origins.iter().filter_map(|page| page_host(page)).any(is)
    };
    if named.is_none_or(|host| !is_public(host) || listed(host)) {
        return Ok(());
    }
    Err(ApiError::new(Refusal::Host, "the server is not called by that name"))
}

/// Whether somebody on the internet may decide what that name, with or without a port, resolves to. Nobody does of an address, of a name
/// without a dot, and of one below `localhost`.
fn is_public(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return true };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.contains('.') && name.parse::<IpAddr>().is_err() && !is_below_localhost(name)
}

fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(|host| host.as_str()))
}

fn page_host(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
}

fn refuse() -> Result<(), ApiError> {
    Err(ApiError::new(Refusal::Origin, "pages of that origin may not do this"))
}

/// Whether a page of this very server asks.
fn is_own(origin: &str, headers: &HeaderMap, uri: &Uri, loopback: bool) -> bool {
    page_host(origin)
        .zip(host(headers, uri))
        .is_some_and(|(page, host)| page.eq_ignore_ascii_case(host) && (!loopback || is_local(host)))
}

/// Whether a host, with or without a port, can only be this machine.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || is_below_localhost(name)
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `anything.localhost` is this machine in every browser.
fn is_below_localhost(name: &str) -> bool {
    let suffix = name.len().checked_sub(10).and_then(|start| name.get(start..));
    suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(".localhost"))
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
    fn the_server_answers_to_names_of_this_machine_and_to_listed_ones() {
        let hosts = vec!["proxy.example".to_owned()];
        let allowed_origins = vec!["https://cameras.example".to_owned()];
        let options = ServerOptions { hosts, allowed_origins, ..ServerOptions::default() };
        let answers = |host: &str, options: &ServerOptions| {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            check_host(&headers, &Uri::from_static("/"), options).is_ok()
        };
        let own = [
            "localhost",
            "LocalHost:1",
            "a.localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "samovar:8080",
            "192.0.2.1",
        ];
        for host in own.into_iter().chain(["proxy.example", "proxy.example:80", "cameras.example"]) {
            assert!(answers(host, &options), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "localhost.evil.example", "evil.", "proxy.example.evil", "a b.c"]
        {
            assert!(!answers(host, &options), "{host}");
        }
        let address = "0.0.0.0:8080".parse().unwrap();
        assert!(
            answers("evil.example", &ServerOptions { address, ..ServerOptions::default() }),
            "reachable under any name"
        );
        let second = ServerOptions { grpc_address: Some(address), ..ServerOptions::default() };
        assert!(answers("grpc.example", &second), "so is the address of gRPC beside a local one");
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_not_own() {
        assert!(!allowed("evil.example:8080", "http://evil.example:8080"));
        assert!(!allowed("localhost.evil.example", "http://localhost.evil.example"));
    }
}
