//! Encrypted connections: which protocols, what a change of the certificate does, and clients that never finish a handshake.

use crate::client::{PATIENCE, read_to_end};
use crate::house::{House, options, repository};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use samovar_server::{ServerLimits, ServerOptions, Tls, TlsFiles};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Puts the certificate of that name where the server reads it.
fn lay(folder: &Path, name: &str) {
    std::fs::copy(fixture(&format!("{name}.pem")), folder.join("certificate.pem")).unwrap();
    std::fs::copy(fixture(&format!("{name}.key")), folder.join("key.pem")).unwrap();
}

fn load(folder: &Path) -> Arc<Tls> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    Arc::new(Tls::load(TlsFiles { certificate, key, client_ca: None }).unwrap())
}

fn trusting(roots: RootCertStore) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(roots)
}

/// A connection of a client that trusts the certificate of that name alone.
async fn connect(address: SocketAddr, trusted: &str, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture(&format!("{trusted}.pem"))).unwrap()).unwrap();
    let mut config = trusting(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let socket = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), socket).await
}

/// Asks over a kept connection; the first bytes of the answer.
async fn ask(socket: &mut TlsStream<TcpStream>) -> String {
    socket.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 2_048];
    let count = timeout(PATIENCE, socket.read(&mut answer)).await.expect("the server answers").unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_changes_without_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path(), "one");
    let tls = load(folder.path());
    let house = House::fake_with(ServerOptions { tls: Some(Arc::clone(&tls)), ..options() }, true).await;
    let mut kept = connect(house.address, "one", &[b"http/1.1"]).await.unwrap();
    assert!(ask(&mut kept).await.starts_with("HTTP/1.1 200"));
    lay(folder.path(), "two");
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    assert!(tls.reload().is_err());
    assert!(connect(house.address, "one", &[b"http/1.1"]).await.is_ok(), "what was read before stays");
    lay(folder.path(), "two");
    tls.reload().unwrap();
    assert!(ask(&mut kept).await.starts_with("HTTP/1.1 200"), "an open connection goes on");
    assert!(connect(house.address, "one", &[b"http/1.1"]).await.is_err());
    let mut new = connect(house.address, "two", &[b"http/1.1"]).await.unwrap();
    assert!(ask(&mut new).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_chooses_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path(), "one");
    let house = House::fake_with(ServerOptions { tls: Some(load(folder.path())), ..options() }, true).await;
    for (offered, agreed) in [(&[&b"h2"[..], b"http/1.1"][..], &b"h2"[..]), (&[b"http/1.1"], b"http/1.1")] {
        let socket = connect(house.address, "one", offered).await.unwrap();
        assert_eq!(socket.get_ref().1.alpn_protocol(), Some(agreed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_finishes_a_handshake_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path(), "one");
    let limits = ServerLimits { header_time: Duration::from_millis(100), ..ServerLimits::default() };
    let house = House::fake_with(ServerOptions { tls: Some(load(folder.path())), limits, ..options() }, true).await;
    for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        socket.write_all(said).await.unwrap();
        let told = read_to_end(&mut socket).await;
        assert!(!told.starts_with(b"HTTP"), "nothing is said in clear");
    }
}

/// Does what the manual says about certificates, in that folder. None, with a line that says so, without openssl.
fn certificates_of_the_manual(folder: &Path) -> Option<()> {
    let manual = std::fs::read_to_string(repository().join("docs/serving.md")).unwrap();
    let (_, section) = manual.split_once("### Encryption").unwrap();
    let (commands, _) = section.split_once("```sh\n").unwrap().1.split_once("```").unwrap();
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "openssl is absent");
        println!("skipped: openssl is absent");
        return None;
    }
    let made = Command::new("sh").args(["-e", "-c", commands]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_made_as_the_manual_says_are_taken_and_clients_need_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let Some(()) = certificates_of_the_manual(folder.path()) else { return };
    let files = TlsFiles { certificate: at("server.pem"), key: at("server.key"), client_ca: Some(at("ca.pem")) };
    let tls = Some(Arc::new(Tls::load(files).unwrap()));
    let house = House::fake_with(ServerOptions { tls, ..options() }, true).await;
    let told = async |shown: Option<(PathBuf, PathBuf)>| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(at("ca.pem")).unwrap()).unwrap();
        let config = match shown {
            None => trusting(roots).with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
                trusting(roots).with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
            }
        };
        let socket = TcpStream::connect(house.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut socket = TlsConnector::from(Arc::new(config)).connect(name, socket).await.ok()?;
        socket.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.ok()?;
        let mut answer = [0; 12];
        timeout(PATIENCE, socket.read_exact(&mut answer)).await.expect("the server answers or closes").ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    };
    assert_eq!(told(Some((at("client.pem"), at("client.key")))).await.as_deref(), Some("HTTP/1.1 200"));
    assert_eq!(told(None).await, None, "a client without a certificate");
    assert_eq!(told(Some((fixture("one.pem"), fixture("one.key")))).await, None, "one of another authority");
    assert_eq!(told(Some((at("server.pem"), at("server.key")))).await, None, "a server's certificate is no client's");
}
