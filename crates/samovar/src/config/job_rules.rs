//! Rules over what is configured of jobs.

use super::addition_rules::addition_rules;
use super::rules::{Broken, parse_bytes};
use super::schema::Config;

/// Every broken rule of `[jobs]`.
pub fn broken(config: &Config) -> Vec<Broken> {
    let jobs = &config.jobs;
    let mut broken = addition_rules("jobs", &["http", "https"], &jobs.schemes, &jobs.hosts);
    let mut tell =
        |key: &str, message: &str| broken.push((vec!["jobs".to_owned(), key.to_owned()], message.to_owned()));
    if jobs.folder.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
        tell("folder", "empty; give a folder, or leave it out for Samovar's own");
    }
    if parse_bytes(&jobs.upload_bytes_max).is_none_or(|bytes| bytes == 0) {
        tell("upload_bytes_max", NO_AMOUNT);
    }
    if parse_bytes(&jobs.free_bytes_min).is_none() {
        tell("free_bytes_min", NO_AMOUNT);
    }
    if jobs.backoff_max_s.saturating_mul(1_000) < jobs.backoff_ms {
        tell("backoff_max_s", "less than the first wait, `backoff_ms`");
    }
    broken
}

const NO_AMOUNT: &str = "not an amount of bytes; write it like \"4GiB\" or \"512MiB\"";
