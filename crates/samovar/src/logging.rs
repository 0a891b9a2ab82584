//! Log lines: on stderr, for people or as JSON, filtered by `--log`, else by `RUST_LOG`.

use crate::arguments::{Common, LogFormat};
use crate::log_writer::LogWriter;
use samovar_service::tensor::{LogControl, LogHook};
use std::io::IsTerminal;
use std::sync::Arc;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::reload::Handle;

/// Warnings of every crate, and what Samovar itself has to say.
const DEFAULT_FILTER: &str = "warn";

/// Lines about requests are made only where the configuration asks for them, and are shown whatever the filter.
const ACCESS: &str = "samovar_access=info";

/// The program's log: what may still wait to be written, and how it is changed. Dropped at the program's end.
pub struct Log {
    writer: Option<LogWriter>,
    control: LogControl,
}

impl Log {
    /// How what is logged is changed while the program runs.
    pub fn control(&self) -> LogControl {
        self.control.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }
}

/// Starts logging. A filter that cannot be read falls back to the default and says so.
pub fn install(common: &Common) -> Log {
    let typed = common.log.clone().or_else(|| std::env::var("RUST_LOG").ok()).filter(|text| !text.is_empty());
    let parsed = typed.as_deref().map(EnvFilter::try_new);
    let bad = matches!(parsed, Some(Err(_)));
    let filter = parsed.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    let level = filter.max_level_hint().map_or("trace", level_name);
    let filters = Filters {
        began: level,
        with_access: !typed.as_deref().is_some_and(|typed| typed.contains("samovar_access")),
        typed: typed.filter(|_| !bad).unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
    };
    let writer = LogWriter::start(std::io::stderr()).ok();
    // Without a thread lines are written where they are made.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filters.of(level))
        .with_writer(writer.clone().map_or_else(|| BoxMakeWriter::new(std::io::stderr), BoxMakeWriter::new))
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal());
    let set = match common.log_format {
        LogFormat::Human => {
            let lines = lines.with_target(false).with_filter_reloading();
            let set = setter(filters, lines.reload_handle());
            lines.init();
            set
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let set = setter(filters, lines.reload_handle());
            lines.init();
            set
        }
    };
    if bad {
        tracing::warn!("the log filter cannot be read; write it like `info` or `samovar_runtime=debug`");
    }
    Log { writer, control: LogControl { level, set } }
}

/// Which lines are made at which level.
struct Filters {
    /// The filter that the program began with, and the level that it comes to.
    typed: String,
    began: &'static str,
    /// Whether lines about requests are let through whatever the level.
    with_access: bool,
}

impl Filters {
    /// Beyond `info` it is Samovar that tells more: what every library has to say at that level is a flood.
    fn of(&self, level: &str) -> EnvFilter {
        let directives = match level {
            level if level == self.began => self.typed.clone(),
            "debug" | "trace" => format!("{DEFAULT_FILTER},samovar={level}"),
            level => level.to_owned(),
        };
        let access = ACCESS.parse().ok().filter(|_| self.with_access);
        access.into_iter().fold(EnvFilter::new(directives), EnvFilter::add_directive)
    }
}

fn setter<S: 'static>(filters: Filters, handle: Handle<EnvFilter, S>) -> LogHook {
    Arc::new(move |level| match handle.reload(filters.of(level)) {
        Ok(()) => tracing::warn!(level, "somebody has changed what is logged"),
        Err(error) => tracing::error!(%error, "what is logged could not be changed"),
    })
}

const fn level_name(filter: LevelFilter) -> &'static str {
    match filter.into_level() {
        None => "off",
        Some(Level::ERROR) => "error",
        Some(Level::WARN) => "warn",
        Some(Level::INFO) => "info",
        Some(Level::DEBUG) => "debug",
        Some(Level::TRACE) => "trace",
    }
}
