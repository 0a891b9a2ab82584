//! Where a source is: read from what a person wrote, kept whole for the decoder, shown without anything secret.
//!
//! Cameras carry passwords in every part of an address, so what is shown leaves out the user, the query and any part of
//! the path that names a password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The address of a source. [`Display`](fmt::Display) and [`Debug`](fmt::Debug) never show a user, a password or a query; they may
/// show a file's path and a host, so they are for operators.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceAddress {
    kind: SourceKind,
    /// As it was written, secrets included.
    text: String,
    /// The same without secrets.
    shown: String,
    /// Host and port; none for what lies on this machine.
    remote: Option<(String, u16)>,
}

/// How a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// `rtsp://` over TCP, or `rtsps://` over TLS: what cameras speak.
    Rtsp,
    /// `http://` or `https://`: motion JPEG, or a video file, which ends.
    Http,
    /// An HTTP playlist of segments.
    Hls,
    /// A video file that is played again and again, at its own pace.
    File,
    /// `/dev/videoN`, a camera of this machine.
    Device,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rtsp, Self::Http, Self::Hls, Self::File, Self::Device];

    /// The name in configuration, answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rtsp => "rtsp",
            Self::Http => "http",
            Self::Hls => "hls",
            Self::File => "file",
            Self::Device => "device",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An address that is none. The sentence names the cure and never repeats the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceAddressError {
    /// Nothing, or more than 2,048 bytes.
    #[error("the address is empty or over 2,048 bytes; write rtsp://, http://, https://, a file or /dev/videoN")]
    Length,
    /// Spaces, control characters, or a password whose end cannot be told.
    #[error("the address holds spaces, or a password with / or ?; write them as %20, %2F and %3F")]
    Character,
    /// `ftp://` and the like.
    #[error("addresses of this scheme are not read; use rtsp://, http://, https://, a file or /dev/videoN")]
    Scheme,
    /// `rtsp:///path`.
    #[error("the address names no host; write it as rtsp://host/path")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port of the address is not a number from 1 to 65535; correct it or leave it out")]
    Port,
    /// A kind that this address cannot have, such as `device` for a URL.
    #[error("an address of this form cannot be read as that kind; leave the kind out, or use hls for http addresses")]
    Kind,
}

impl SourceAddressError {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length => "address_length",
            Self::Character => "address_character",
            Self::Scheme => "address_scheme",
            Self::Host => "address_host",
            Self::Port => "address_port",
            Self::Kind => "address_kind",
        }
    }
}

/// Longest address, in bytes.
const LENGTH_MAX: usize = 2_048;
/// What stands in place of a secret.
const HIDDEN: &str = "…";
/// Words that give away a secret in a path; some cameras take their password there.
const SECRET_WORDS: [&str; 5] = ["password", "passwd", "pwd", "token", "secret"];

impl SourceAddress {
    /// Reads an address: `rtsp://`, `rtsps://`, `http://` and `https://` (a playlist where its path ends in `.m3u8`), `/dev/videoN`, and else a
    /// file, with or without `file://`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, SourceAddressError> {
        if text.is_empty() || text.len() > LENGTH_MAX {
            return Err(SourceAddressError::Length);
        }
        if text.contains(char::is_control) {
            return Err(SourceAddressError::Character);
        }
        match text.split_once("://") {
            Some((scheme, rest)) => Self::parse_url(text, &scheme.to_ascii_lowercase(), rest),
            None => Ok(Self::local(text)),
        }
    }

    /// The same, to be read as `kind`: for playlists whose address does not end in `.m3u8`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and where an address of this form cannot be of that kind.
    pub fn parse_as(text: &str, kind: SourceKind) -> Result<Self, SourceAddressError> {
        let address = Self::parse(text)?;
        let http = [SourceKind::Http, SourceKind::Hls];
        if address.kind == kind || (http.contains(&address.kind) && http.contains(&kind)) {
            return Ok(Self { kind, ..address });
        }
        Err(SourceAddressError::Kind)
    }

    /// How it is read.
    pub const fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The whole address, secrets included: for the decoder alone.
    pub(super) fn secret(&self) -> &str {
        &self.text
    }

    /// The file or device; none for what is fetched.
    pub fn path(&self) -> Option<&Path> {
        matches!(self.kind, SourceKind::File | SourceKind::Device).then(|| Path::new(&self.text))
    }

    /// Host (a name, or a literal without brackets) and port; none for what lies on this machine.
    pub fn remote(&self) -> Option<(&str, u16)> {
        self.remote.as_ref().map(|(host, port)| (host.as_str(), *port))
    }

    fn parse_url(text: &str, scheme: &str, rest: &str) -> Result<Self, SourceAddressError> {
        let (kind, port) = match scheme {
            "rtsp" => (SourceKind::Rtsp, 554),
            "rtsps" => (SourceKind::Rtsp, 322),
            "http" => (SourceKind::Http, 80),
            "https" => (SourceKind::Http, 443),
            "file" => return Self::local_url(rest),
            _ => return Err(SourceAddressError::Scheme),
        };
        if rest.contains(char::is_whitespace) {
            return Err(SourceAddressError::Character);
        }
        let parts = UrlParts::split(rest);
        if UrlParts::is_torn(rest) {
            return Err(SourceAddressError::Character);
        }
        let (host, port) = parts.remote(port)?;
        let playlist = kind == SourceKind::Http && parts.path.to_ascii_lowercase().ends_with(".m3u8");
        Ok(Self {
            kind: if playlist { SourceKind::Hls } else { kind },
            shown: format!("{scheme}://{}", parts.shown()),
            text: text.to_owned(),
            remote: Some((host, port)),
        })
    }

    /// `file:///path`: two slashes of the scheme, and a path from the root.
    fn local_url(path: &str) -> Result<Self, SourceAddressError> {
        if path.starts_with('/') { Ok(Self::local(path)) } else { Err(SourceAddressError::Host) }
    }

    fn local(path: &str) -> Self {
        let number = path.strip_prefix("/dev/video");
        let device =
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let kind = if device { SourceKind::Device } else { SourceKind::File };
        Self { kind, text: path.to_owned(), shown: path.to_owned(), remote: None }
    }
}

impl FromStr for SourceAddress {
    type Err = SourceAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl From<PathBuf> for SourceAddress {
    /// A file or device of this machine.
    fn from(path: PathBuf) -> Self {
        Self::local(&path.to_string_lossy())
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for SourceAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SourceAddress({}: {})", self.kind.name(), self.shown)
    }
}

/// What follows the scheme.
struct UrlParts<'a> {
    /// `host` or `host:port`, without the user.
    authority: &'a str,
    /// With its leading slash; empty where there is none.
    path: &'a str,
    has_query: bool,
}

impl<'a> UrlParts<'a> {
    /// A password may hold an `@` of its own, so the host follows the last one.
    fn split(rest: &'a str) -> Self {
        let (before, query) = match rest.find(['?', '#']) {
            Some(at) => (&rest[..at], &rest[at..]),
            None => (rest, ""),
        };
        let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self { authority, path, has_query: !query.is_empty() }
    }

    /// Whether an `@` follows a path although none came before it: then it is a password with a slash that was cut in two.
    fn is_torn(rest: &str) -> bool {
        let before = rest.split(['/', '?', '#']).next().unwrap_or_default();
        rest.contains('@') && !before.contains('@')
    }

    fn remote(&self, port_default: u16) -> Result<(String, u16), SourceAddressError> {
        let (host, port) = match self.authority.strip_prefix('[') {
            Some(literal) => literal.split_once(']').ok_or(SourceAddressError::Host)?,
            None => self.authority.split_at(self.authority.find(':').unwrap_or(self.authority.len())),
        };
        if host.is_empty() {
            return Err(SourceAddressError::Host);
        }
        let port = match port.strip_prefix(':') {
            Some(digits) => digits.parse().ok().filter(|port| *port != 0).ok_or(SourceAddressError::Port)?,
            None if port.is_empty() => port_default,
            None => return Err(SourceAddressError::Host),
        };
        Ok((host.to_owned(), port))
    }

    fn shown(&self) -> String {
        let path = if self.is_path_secret() { format!("/{HIDDEN}") } else { self.path.to_owned() };
        let query = if self.has_query { format!("?{HIDDEN}") } else { String::new() };
        format!("{}{path}{query}", self.authority)
    }

    fn is_path_secret(&self) -> bool {
        let path = self.path.to_ascii_lowercase();
        path.contains('@') || SECRET_WORDS.iter().any(|word| path.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SourceAddress {
        SourceAddress::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_kind_is_known_by_its_form() {
        for (text, kind, remote) in [
            ("rtsp://cam/stream1", SourceKind::Rtsp, Some(("cam", 554))),
            ("RTSP://u:p@10.0.0.7:8554/a?b=c", SourceKind::Rtsp, Some(("10.0.0.7", 8554))),
            ("rtsp://[fe80::1]:554/x", SourceKind::Rtsp, Some(("fe80::1", 554))),
            ("http://cam/video.mjpg", SourceKind::Http, Some(("cam", 80))),
            ("https://host/live/index.M3U8?token=x", SourceKind::Hls, Some(("host", 443))),
            ("file:///videos/street.mp4", SourceKind::File, None),
            ("street.mp4", SourceKind::File, None),
            ("/dev/video12", SourceKind::Device, None),
            ("/dev/video", SourceKind::File, None),
        ] {
            let address = read(text);
            assert_eq!((address.kind(), address.remote()), (kind, remote), "{text}");
        }
        assert_eq!(read("file:///a b.mp4").path(), Some(Path::new("/a b.mp4")));
        let playlist = SourceAddress::parse_as("http://host/live", SourceKind::Hls).unwrap();
        assert_eq!(playlist.kind(), SourceKind::Hls);
    }

    #[test]
    fn nothing_secret_is_shown() {
        for text in [
            "rtsp://admin:s3cr3t@cam:554/live",
            "rtsp://admin:s3c@r3t@cam/s3cr3t@x",
            "http://cam/video?user=admin&pass=s3cr3t",
            "rtsp://cam/user=admin_password=s3cr3t_channel=1",
            "https://host/s3cr3t/token/live.m3u8#s3cr3t",
        ] {
            let shown = format!("{0} {0:?}", read(text));
            assert!(!shown.contains("r3t") && !shown.contains("admin"), "{shown}");
        }
        assert_eq!(read("rtsp://admin:pw@cam:8554/live?x=1").to_string(), "rtsp://cam:8554/live?…");
        assert_eq!(read("rtsp://admin:pw@cam:8554/live?x=1").secret(), "rtsp://admin:pw@cam:8554/live?x=1");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_address() {
        for (text, error) in [
            ("", SourceAddressError::Length),
            (&"a".repeat(2_049), SourceAddressError::Length),
            ("rtsp://cam/a b", SourceAddressError::Character),
            ("rtsp://cam/\u{7}", SourceAddressError::Character),
            ("ftp://cam/x", SourceAddressError::Scheme),
            ("rtsp://admin:a/s3cr3t@cam/live", SourceAddressError::Character),
            ("rtsp://admin:1?s3cr3t@cam/live", SourceAddressError::Character),
            ("rtsp:///x", SourceAddressError::Host),
            ("rtsp://user@/x", SourceAddressError::Host),
            ("rtsp://[::1/x", SourceAddressError::Host),
            ("rtsp://[::1]x/x", SourceAddressError::Host),
            ("rtsp://cam:0/x", SourceAddressError::Port),
            ("rtsp://cam:99999/x", SourceAddressError::Port),
            ("rtsp://cam:/x", SourceAddressError::Port),
            ("file://host/x", SourceAddressError::Host),
        ] {
            assert_eq!(SourceAddress::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("cam:"));
        }
        assert_eq!(SourceAddress::parse_as("rtsp://cam/x", SourceKind::Hls), Err(SourceAddressError::Kind));
    }
}
