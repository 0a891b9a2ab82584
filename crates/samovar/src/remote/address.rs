//! Where the running server is: as typed, else as configured.

use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The address to ask, without a slash at its end.
///
/// # Errors
/// Text that is no address, a configuration with mistakes or with port 0.
pub fn server_url(typed: Option<&str>, config: Option<&Path>) -> Result<String, CliError> {
    match typed {
        Some(url) => checked(url),
        None => {
            let server = ConfigFile::find(config)?.config.server;
            configured(server.listen, server.tls.certificate.is_some())
        }
    }
}

fn checked(url: &str) -> Result<String, CliError> {
    let url = url.trim_end_matches('/');
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match rest.filter(|host| !host.is_empty()) {
        Some(_) => Ok(url.to_owned()),
        None => Err(CliError::new("url_invalid", format!("`{url}` is not the address of a server"))
            .cure("write it like http://127.0.0.1:8080")
            .exit(Exit::Usage)),
    }
}

/// A server that listens on every address is asked on this machine's own.
fn configured(listen: SocketAddr, encrypted: bool) -> Result<String, CliError> {
    if listen.port() == 0 {
        let message = "the configuration lets the server take any free port, so nobody knows here where it is";
        return Err(CliError::new("url_required", message)
            .cure("name it with --url, as `samovar serve` prints it")
            .exit(Exit::Usage));
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let scheme = if encrypted { "https" } else { "http" };
    Ok(format!("{scheme}://{}", SocketAddr::new(ip, listen.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_where_it_listens() {
        let asked = |listen: &str| configured(listen.parse().unwrap(), false).map_err(|error| error.code);
        assert_eq!(asked("127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
        assert_eq!(asked("0.0.0.0:9000").unwrap(), "http://127.0.0.1:9000");
        assert_eq!(asked("[::]:9000").unwrap(), "http://[::1]:9000");
        assert_eq!(asked("127.0.0.1:0").unwrap_err(), "url_required");
        assert_eq!(configured("127.0.0.1:8080".parse().unwrap(), true).unwrap(), "https://127.0.0.1:8080");
    }

    #[test]
    fn what_is_no_address_is_told() {
        assert_eq!(checked("https://samovar.example/base/").unwrap(), "https://samovar.example/base");
        for wrong in ["", "http://", "127.0.0.1:8080", "ftp://x"] {
            assert_eq!(checked(wrong).unwrap_err().code, "url_invalid", "{wrong}");
        }
    }
}
