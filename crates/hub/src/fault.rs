//! What one attempt ended with: something that another attempt may mend, or not.

use crate::error::{HubError, HubErrorKind};
use std::fmt;
use std::io;
use std::time::Duration;
use ureq::Timeout;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Another attempt may succeed.
    Passing {
        reason: String,
        /// Where the server said it.
        retry_after: Option<Duration>,
    },
    /// No further attempt is made.
    Final(HubError),
}

impl Fault {
    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing { reason: reason.into(), retry_after: None }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::Final(HubError::new(HubErrorKind::Protocol, message))
    }

    /// The failure of a request to `host`, or of reading its answer.
    pub(crate) fn of_request(error: &ureq::Error, host: &str) -> Self {
        match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                Self::passing(format!("{host} cannot be reached in time"))
            }
            ureq::Error::Timeout(_) => Self::passing(format!("{host} fell silent")),
            ureq::Error::HostNotFound => Self::passing(format!("{host} has no address")),
            ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::Rustls(_) => untrusted(host, error),
            // The handshake's own failures come so.
            ureq::Error::Io(inner) if inner.kind() == io::ErrorKind::InvalidData => untrusted(host, inner),
            ureq::Error::InvalidProxyUrl => {
                Self::Final(HubError::new(HubErrorKind::Settings, "HTTPS_PROXY or HTTP_PROXY is no address"))
            }
            other => Self::passing(format!("the connection to {host} failed: {other}")),
        }
    }
}

fn untrusted(host: &str, error: &dyn fmt::Display) -> Fault {
    let message =
        format!("{host} cannot be trusted: {error}; where a proxy has its own certificates, set SSL_CERT_FILE");
    Fault::Final(HubError::new(HubErrorKind::Network, message))
}

impl From<HubError> for Fault {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}
