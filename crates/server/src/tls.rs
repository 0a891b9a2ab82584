//! Encrypted connections: the certificate that is shown, and its change while the server runs.

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The files of [`Tls`], in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
    /// The authorities of clients; where there are any, only their clients are served.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// All of them.
    pub fn paths(&self) -> Vec<PathBuf> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().cloned().collect()
    }
}

/// Encrypts connections: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by the client's choice.
pub struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
}

/// Why connections cannot be encrypted as configured. Names files, so it is for the operator alone.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("{} cannot be read: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A file of something else.
    #[error("{} holds no {wanted}; it is a PEM file with `-----BEGIN {label}-----`", file.display())]
    Absent {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// How that begins.
        label: &'static str,
    },
    /// A PEM file that is damaged.
    #[error("{} is damaged: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key with a password.
    #[error("the key {} is encrypted; `openssl pkey -in {} -out plain.pem` writes it without a password", .0.display(), .0.display())]
    Encrypted(PathBuf),
    /// A key of another certificate.
    #[error("the key {} does not belong to the certificate {}", .0.key.display(), .0.certificate.display())]
    Mismatch(Box<TlsFiles>),
    /// Anything else.
    #[error("{} cannot be used: {reason}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Which file is wrong, and in what.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let config = ArcSwap::from_pointee(config(&files)?);
        Ok(Self { files, config })
    }

    /// Reads the files again, for connections that come from now on; those that are open go on.
    ///
    /// # Errors
    /// As [`load`](Self::load); what was read before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.config.store(Arc::new(config(&self.files)?));
        Ok(())
    }

    /// The files.
    pub const fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// The handshake.
    pub(crate) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config.load_full()).accept(socket).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let unusable = |file: &Path, reason: String| TlsError::Unusable { file: file.to_owned(), reason };
    let chain = certificates(&files.certificate)?;
    let key = private_key(&files.key)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.certificate, error.to_string()))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities(file)?), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unusable(file, error.to_string()))?)
        }
    };
    let config = builder.with_single_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch(Box::new(files.clone())),
        error => unusable(&files.certificate, error.to_string()),
    });
    let mut config = config?;
    config.alpn_protocols = [&b"h2"[..], b"http/1.1"].map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| damaged(file, &error))?;
    if found.is_empty() {
        return Err(TlsError::Absent { file: file.to_owned(), wanted: "certificate", label: "CERTIFICATE" });
    }
    Ok(found)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const ENCRYPTED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";
    let text = read(file)?;
    if text.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        return Err(TlsError::Encrypted(file.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            TlsError::Absent { file: file.to_owned(), wanted: "private key", label: "PRIVATE KEY" }
        }
        error => damaged(file, &error),
    })
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        store.add(certificate).map_err(|error| damaged(file, &error))?;
    }
    Ok(store)
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|reason| TlsError::Unreadable { file: file.to_owned(), reason })
}

fn damaged(file: &Path, reason: &dyn fmt::Display) -> TlsError {
    TlsError::Damaged { file: file.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
    }

    fn why(certificate: &Path, key: &Path) -> String {
        let files = TlsFiles { certificate: certificate.to_owned(), key: key.to_owned(), client_ca: None };
        Tls::load(files).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        let (one, one_key, two_key) = (fixture("one.pem"), fixture("one.key"), fixture("two.key"));
        assert_eq!(why(&one, &one_key), "");
        assert!(why(&one, &two_key).contains("does not belong to the certificate"), "{}", why(&one, &two_key));
        assert!(why(&one_key, &one).contains("holds no certificate"), "{}", why(&one_key, &one));
        assert!(why(&one, &one).contains("holds no private key"), "{}", why(&one, &one));
        assert!(why(&fixture("none.pem"), &one_key).contains("none.pem cannot be read"));
        let folder = tempfile::tempdir().unwrap();
        let encrypted = folder.path().join("encrypted.key");
        std::fs::write(
            &encrypted,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        )
        .unwrap();
        assert!(why(&one, &encrypted).contains("is encrypted"), "{}", why(&one, &encrypted));
        let cut = folder.path().join("cut.pem");
        let text = std::fs::read_to_string(&one).unwrap();
        std::fs::write(&cut, &text[..text.len() / 2]).unwrap();
        assert!(why(&cut, &one_key).contains("cut.pem"), "{}", why(&cut, &one_key));
    }
}
