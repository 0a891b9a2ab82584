//! Encrypted connections: which protocols, what a change of the certificate does, and clients that never finish a handshake.

use crate::client::{PATIENCE, read_to_end};
use crate::house::{House, options};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use samovar_server::{ServerLimits, ServerOptions, Tls, TlsFiles};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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

/// A connection of a client that trusts the certificate of that name alone.
async fn connect(address: SocketAddr, trusted: &str, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture(&format!("{trusted}.pem"))).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
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
