//! Log lines: on stderr, for people or as JSON, filtered by `--log`, else by `RUST_LOG`.

use crate::arguments::{Common, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Warnings of every crate, and what Samovar itself has to say.
const DEFAULT_FILTER: &str = "warn";

/// Starts logging. A filter that cannot be read falls back to the default and says so.
pub fn install(common: &Common) {
    let typed = common.log.clone().or_else(|| std::env::var("RUST_LOG").ok()).filter(|text| !text.is_empty());
    let parsed = typed.as_deref().map(EnvFilter::try_new);
    let bad = matches!(parsed, Some(Err(_)));
    let filter = parsed.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal());
    match common.log_format {
        LogFormat::Human => lines.with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    if bad {
        tracing::warn!("the log filter cannot be read; write it like `info` or `samovar_runtime=debug`");
    }
}
