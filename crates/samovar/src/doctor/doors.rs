//! How the server is reached besides its address: the address of gRPC, keys, certificates.

use super::configured::address;
use super::finding::Finding;
use crate::config::Config;
use crate::failure::CliError;
use crate::{keys, serve};

/// Looks at what is configured of these, by the code that the server itself starts with.
pub fn look(config: &Config) -> Vec<Finding> {
    let server = &config.server;
    let grpc = server.grpc_listen.map(|listen| address("address of gRPC", "server.grpc_listen", listen));
    let asked = !config.keys.is_empty() || server.keys_file.is_some();
    let keys = asked.then(|| found("keys", keys::access(config).map(|_| whose_keys(config))));
    let certificate = server.tls.certificate.as_deref();
    let tls = certificate.map(|file| found("certificate", serve::tls(config).map(|_| file.display().to_string())));
    [grpc, keys, tls].into_iter().flatten().collect()
}

fn whose_keys(config: &Config) -> String {
    let own = config.keys.len();
    let own = (own > 0).then(|| format!("{own} in the configuration"));
    let file = config.server.keys_file.as_deref().map(|file| format!("those of {}", file.display()));
    own.into_iter().chain(file).collect::<Vec<_>>().join(", ")
}

fn found(subject: &str, looked: Result<String, CliError>) -> Finding {
    match looked {
        Ok(detail) => Finding::ok(subject, detail),
        Err(CliError { message, cure, .. }) => Finding::problem(subject, message, cure.unwrap_or_default()),
    }
}
