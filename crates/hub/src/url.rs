//! Addresses: which server one belongs to, where a redirect leads, and paths written for the wire.

use crate::error::{HubError, HubErrorKind};
use std::net::IpAddr;
use ureq::http::Uri;

/// An `http` or `https` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    text: String,
    uri: Uri,
}

impl Url {
    /// Reads one.
    ///
    /// # Errors
    /// `Protocol`, where it is none.
    pub(crate) fn new(text: &str) -> Result<Self, HubError> {
        let bad = || HubError::new(HubErrorKind::Protocol, "the server names an address that cannot be used");
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let is_web =
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
        // Names and passwords in an address would go to whomever it is shown to.
        let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if is_web && is_plain { Ok(Self { text: text.to_owned(), uri }) } else { Err(bad()) }
    }

    /// Where a `Location` of an answer from here leads.
    ///
    /// # Errors
    /// `Protocol`, where it cannot be used.
    pub(crate) fn join(&self, location: &str) -> Result<Self, HubError> {
        match location {
            rooted if rooted.starts_with('/') && !rooted.starts_with("//") => {
                Self::new(&format!("{}://{}{rooted}", self.scheme(), self.authority()))
            }
            absolute => Self::new(absolute),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    /// Whether it leads to this machine and nowhere else.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host().trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether both lead to one server: the same scheme, host and port.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        let server = |url: &Self| (url.is_https(), url.host().to_ascii_lowercase(), url.port());
        server(self) == server(other)
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    fn scheme(&self) -> &str {
        self.uri.scheme_str().unwrap_or_default()
    }

    fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }
}

/// `text` as it stands in a path: everything but unreserved characters and, where `keep_slashes`, slashes is escaped.
pub(crate) fn escaped(text: &str, keep_slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        if plain || (keep_slashes && byte == b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_followed_and_servers_told_apart() {
        let hub = Url::new("https://hub.example/a/resolve/main/b?c=d").unwrap();
        assert_eq!(hub.join("/x/y?z").unwrap().as_str(), "https://hub.example/x/y?z");
        assert!(hub.is_same_server(&Url::new("https://HUB.example:443/other").unwrap()));
        for other in
            ["http://hub.example/", "https://hub.example:8443/", "https://cdn.example/", "https://hub.example.evil/"]
        {
            assert!(!hub.is_same_server(&hub.join(other).unwrap()), "{other}");
        }
        for bad in ["ftp://a/b", "//cdn.example/x", "x/y", "", "https://", "https://name:word@hub.example/"] {
            assert!(hub.join(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        for (address, is_loopback) in [
            ("http://127.0.0.1:9/", true),
            ("http://localhost/", true),
            ("http://[::1]:80/", true),
            ("http://127.0.0.1.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(Url::new(address).unwrap().is_loopback(), is_loopback, "{address}");
        }
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(escaped("onnx/größe 2%.onnx", true), "onnx/gr%C3%B6%C3%9Fe%202%25.onnx");
        assert_eq!(escaped("refs/pr/1", false), "refs%2Fpr%2F1");
    }
}
