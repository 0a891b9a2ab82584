//! Log lines: on stderr, for people or as JSON, filtered by `--log`, else by `RUST_LOG`.

use crate::arguments::{Common, LogFormat};
use crate::log_writer::LogWriter;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Warnings of every crate, and what Samovar itself has to say.
const DEFAULT_FILTER: &str = "warn";

/// Lines about requests are made only where the configuration asks for them, and are shown whatever the filter.
const ACCESS: &str = "samovar_access=info";

/// Log lines that may still wait to be written; dropped at the program's end.
pub struct LogEnd(Option<LogWriter>);

impl Drop for LogEnd {
    fn drop(&mut self) {
        if let Some(writer) = &self.0 {
            writer.flush();
        }
    }
}

/// Starts logging. A filter that cannot be read falls back to the default and says so.
pub fn install(common: &Common) -> LogEnd {
    let typed = common.log.clone().or_else(|| std::env::var("RUST_LOG").ok()).filter(|text| !text.is_empty());
    let parsed = typed.as_deref().map(EnvFilter::try_new);
    let bad = matches!(parsed, Some(Err(_)));
    let filter = parsed.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    let access =
        ACCESS.parse().ok().filter(|_| !typed.as_deref().is_some_and(|typed| typed.contains("samovar_access")));
    let filter = access.into_iter().fold(filter, EnvFilter::add_directive);
    let writer = LogWriter::start(std::io::stderr()).ok();
    // Without a thread lines are written where they are made.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer.clone().map_or_else(|| BoxMakeWriter::new(std::io::stderr), BoxMakeWriter::new))
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal());
    match common.log_format {
        LogFormat::Human => lines.with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    if bad {
        tracing::warn!("the log filter cannot be read; write it like `info` or `samovar_runtime=debug`");
    }
    LogEnd(writer)
}
