//! Whether an address that a client names may be opened: scheme, host, and where that host really is.
//!
//! A name is looked up once. What it stands for must lie on the open internet unless the operator named the network itself, and a
//! camera is then opened by the number that was checked, so that an answer which changes changes nothing. Addresses of `https://`
//! keep their name, which their certificate is for. What is opened so may send the decoder nowhere else: redirects are not followed, and
//! playlists, whose parts may lie anywhere, are not admitted.

use super::SourceAdditions;
use super::network::{Network, is_open_internet};
use samovar_media::UrlScheme;
use samovar_pipelines::{SourceAddress, SourceAddressError, SourceKind};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why an address is not opened. Says nothing that a lookup found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// It is no address.
    Address(SourceAddressError),
    /// Clients may add none of this kind.
    Scheme,
    /// The host, or where it is, is not allowed; or there is no such host.
    Host,
    /// A playlist: it may name any address as its own.
    Playlist,
    /// The file lies outside of the allowed folders, or does not exist.
    Path,
}

/// Longest lookup of a name.
const LOOKUP_MAX: Duration = Duration::from_secs(5);

/// The address to open in place of what a client wrote.
///
/// # Errors
/// Why it is not opened.
pub(crate) async fn admit(text: &str, additions: &SourceAdditions) -> Result<SourceAddress, NotAdmitted> {
    let address = SourceAddress::parse(text).map_err(NotAdmitted::Address)?;
    if let Some(path) = address.path() {
        let real = admit_path(path, additions).await?;
        let text = real.to_str().ok_or(NotAdmitted::Path)?;
        return SourceAddress::parse(text).map_err(NotAdmitted::Address);
    }
    let opened = admit_url(text, additions).await?;
    SourceAddress::parse_as(&opened, address.kind()).map_err(NotAdmitted::Address)
}

/// The text to open in place of the URL that a client wrote.
///
/// # Errors
/// Why it is not opened.
pub(crate) async fn admit_url(text: &str, additions: &SourceAdditions) -> Result<String, NotAdmitted> {
    let address = SourceAddress::parse(text).map_err(NotAdmitted::Address)?;
    let scheme = UrlScheme::of(text).filter(|scheme| additions.schemes.contains(scheme)).ok_or(NotAdmitted::Scheme)?;
    if address.kind() == SourceKind::Hls {
        return Err(NotAdmitted::Playlist);
    }
    let (host, port) = address.remote().ok_or(NotAdmitted::Host)?;
    let ip = admit_host(host, port, &additions.hosts).await.ok_or(NotAdmitted::Host)?;
    if scheme == UrlScheme::Https {
        return Ok(text.to_owned());
    }
    pinned(text, SocketAddr::new(ip, port)).ok_or(NotAdmitted::Host)
}

/// A file below one of the folders, links followed.
///
/// # Errors
/// `Path`, whatever is wrong with it.
pub(crate) async fn admit_path(path: &Path, additions: &SourceAdditions) -> Result<PathBuf, NotAdmitted> {
    let (path, roots) = (path.to_owned(), additions.roots.clone());
    let real = tokio::task::spawn_blocking(move || {
        let real = path.canonicalize().ok().filter(|real| path.is_absolute() && !real.is_dir())?;
        roots.iter().any(|root| root.canonicalize().is_ok_and(|root| real.starts_with(root))).then_some(real)
    });
    real.await.ok().flatten().ok_or(NotAdmitted::Path)
}

/// The address of a host that is allowed, by number.
async fn admit_host(host: &str, port: u16, allowed: &[String]) -> Option<IpAddr> {
    let networks: Vec<_> = allowed.iter().filter_map(|entry| Network::parse(entry)).collect();
    let named = |ip: IpAddr| networks.iter().any(|network| network.contains(ip));
    if let Ok(ip) = host.parse::<IpAddr>() {
        return named(ip).then_some(ip);
    }
    if !allowed.iter().any(|pattern| matches(host, pattern)) {
        return None;
    }
    let found = tokio::time::timeout(LOOKUP_MAX, tokio::net::lookup_host((host, port))).await.ok()?.ok()?;
    let ips: Vec<_> = found.map(|address| address.ip()).collect();
    // One bad answer spoils them all: which of them is taken is up to whoever answers.
    ips.iter().all(|ip| named(*ip) || is_open_internet(*ip)).then_some(*ips.first()?)
}

/// `camera.local` itself, or anything below `*.cameras.example`.
fn matches(host: &str, pattern: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => host == pattern,
    }
}

/// The address with the host's number in place of its name.
fn pinned(text: &str, at: SocketAddr) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let user = authority.rfind('@').map_or("", |at| &authority[..=at]);
    Some(format!("{scheme}://{user}{at}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn additions(hosts: &[&str]) -> SourceAdditions {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        SourceAdditions { schemes: vec![UrlScheme::Rtsp, UrlScheme::Http], hosts, roots: Vec::new() }
    }

    #[tokio::test]
    async fn nothing_is_allowed_unless_it_is_named() {
        let none = SourceAdditions::default();
        for (address, why) in [
            ("rtsp://192.0.2.7/live", NotAdmitted::Scheme),
            ("http://example.com/a.mjpeg", NotAdmitted::Scheme),
            ("/etc/passwd", NotAdmitted::Path),
            ("file:///etc/passwd", NotAdmitted::Path),
            ("/dev/video0", NotAdmitted::Path),
            ("ftp://example.com/", NotAdmitted::Address(SourceAddressError::Scheme)),
            ("https://example.com/a.m3u8", NotAdmitted::Scheme),
        ] {
            assert_eq!(admit(address, &none).await.unwrap_err(), why, "{address}");
        }
    }

    #[tokio::test]
    async fn no_spelling_of_this_machine_or_a_private_network_is_let_through() {
        let open = additions(&["*.example", "localhost", "cameras.example", "203.0.113.0/24", "127.1", "0x7f.1"]);
        for host in [
            "127.0.0.1",
            "127.0.0.2",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0",
            "0.0.0.0",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "198.18.0.1",
            "240.0.0.1",
            "203.0.114.1",
            "example",
            "cameras.example.evil.test",
            "203.0.113.9@127.0.0.1",
            "203.0.113.9#@127.0.0.1",
            "203.0.113.9\\@127.0.0.1",
        ] {
            for scheme in ["rtsp", "http"] {
                let address = format!("{scheme}://{host}/live");
                let refused = admit(&address, &open).await;
                let pinned =
                    refused.as_ref().ok().and_then(|address| address.remote().map(|(host, _)| host.to_owned()));
                // What comes before the # is the whole host, as every reader of addresses has it.
                assert!(refused.is_err() || pinned.as_deref() == Some("203.0.113.9"), "{address}: {pinned:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_playlist_is_not_admitted_from_anywhere() {
        let open = additions(&["203.0.113.0/24"]);
        for path in ["live.m3u8", "LIVE.M3U8", "live.m3u8?x=1", "live.m3u8#.mjpg"] {
            let refused = admit(&format!("http://203.0.113.7/{path}"), &open).await;
            assert_eq!(refused.unwrap_err(), NotAdmitted::Playlist, "{path}");
        }
    }

    #[tokio::test]
    async fn a_network_that_is_named_is_open_and_names_are_pinned_to_their_number() {
        let open = additions(&["203.0.113.0/24", "127.0.0.0/8", "::1", "localhost"]);
        let admitted = admit("rtsp://user:secret@203.0.113.7:8554/live?x=1", &open).await.unwrap();
        assert_eq!(admitted.remote(), Some(("203.0.113.7", 8554)));
        assert!(!format!("{admitted}{admitted:?}").contains("secret"));
        let local = admit("http://localhost:81/cam", &open).await.unwrap();
        let (host, port) = local.remote().unwrap();
        assert!(["127.0.0.1", "::1"].contains(&host) && port == 81, "{host}");
    }

    #[tokio::test]
    async fn files_lie_below_an_allowed_folder_whatever_links_say() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("videos");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("street.mp4"), b"").unwrap();
        std::fs::write(place.path().join("secret.mp4"), b"").unwrap();
        std::os::unix::fs::symlink(place.path().join("secret.mp4"), root.join("link.mp4")).unwrap();
        let additions = SourceAdditions { roots: vec![root.clone()], ..SourceAdditions::default() };
        let ask = async |name: &str| admit(root.join(name).to_str().unwrap(), &additions).await;
        assert!(ask("street.mp4").await.is_ok());
        for name in ["", "link.mp4", "../secret.mp4", "missing.mp4", "../videos2/x"] {
            assert_eq!(ask(name).await.unwrap_err(), NotAdmitted::Path, "{name}");
        }
        assert_eq!(admit("street.mp4", &additions).await.unwrap_err(), NotAdmitted::Path, "a path from nowhere");
    }

    #[test]
    fn patterns_match_hosts_and_nothing_around_them() {
        assert!(
            matches("a.cameras.example", "*.cameras.example") && matches("A.b.Cameras.Example.", "*.cameras.example")
        );
        assert!(matches("camera.local", "Camera.local"));
        for (host, pattern) in [
            ("cameras.example", "*.cameras.example"),
            ("evilcameras.example", "*.cameras.example"),
            (".cameras.example", "*.cameras.example"),
            ("anything", "*"),
            ("camera.local.evil", "camera.local"),
        ] {
            assert!(!matches(host, pattern), "{host} {pattern}");
        }
    }
}
