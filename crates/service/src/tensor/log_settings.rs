//! Log settings as the protocol has them, and the hook that applies them.

use super::Parameter;
use crate::ServiceError;
use std::fmt;
use std::sync::Arc;

/// Log settings. What they come to is one level: the most talkative that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Lines of information.
    pub info: bool,
    /// Warnings.
    pub warning: bool,
    /// Errors.
    pub error: bool,
    /// 0: none; 1: what helps to find a fault; 2 and more: everything.
    pub verbose_level: u32,
    /// `default` or `ISO8601`; kept and told back.
    pub format: String,
}

/// How the process's log is changed while it runs.
#[derive(Clone)]
pub struct LogControl {
    /// The level that it began with.
    pub level: &'static str,
    /// Sets another.
    pub set: LogHook,
}

impl fmt::Debug for LogControl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogControl").field("level", &self.level).finish_non_exhaustive()
    }
}

/// Sets the level of the process's log: a word of `off`, `error`, `warn`, `info`, `debug` and `trace`.
pub type LogHook = Arc<dyn Fn(&'static str) + Send + Sync>;

impl Default for LogSettings {
    fn default() -> Self {
        Self { info: true, warning: true, error: true, verbose_level: 0, format: "default".to_owned() }
    }
}

impl LogSettings {
    /// Sets one of them by the protocol's name for it.
    ///
    /// # Errors
    /// No such setting, or a value of another type.
    pub fn set(&mut self, name: &str, value: Parameter) -> Result<(), ServiceError> {
        match (name, value) {
            ("log_info", Parameter::Bool(on)) => self.info = on,
            ("log_warning" | "log_warnings", Parameter::Bool(on)) => self.warning = on,
            ("log_error" | "log_errors", Parameter::Bool(on)) => self.error = on,
            ("log_verbose_level", Parameter::Int(level @ 0..)) => {
                self.verbose_level = u32::try_from(level).unwrap_or(u32::MAX);
            }
            ("log_format", Parameter::Text(format)) if matches!(&*format, "default" | "ISO8601") => {
                self.format = format;
            }
            _ => {
                let message = "there is no such log setting, or not of that type";
                return Err(ServiceError::invalid("unknown_setting", message));
            }
        }
        Ok(())
    }

    /// Those that come to this level.
    pub(super) fn of_level(level: &str) -> Self {
        let rank =
            ["off", "error", "warn", "info", "debug", "trace"].iter().position(|word| *word == level).unwrap_or(3);
        let verbose_level = u32::try_from(rank.saturating_sub(3)).unwrap_or(0);
        Self { info: rank >= 3, warning: rank >= 2, error: rank >= 1, verbose_level, ..Self::default() }
    }

    /// The one level that they come to.
    pub fn level(&self) -> &'static str {
        match self {
            Self { verbose_level: 2.., .. } => "trace",
            Self { verbose_level: 1, .. } => "debug",
            Self { info: true, .. } => "info",
            Self { warning: true, .. } => "warn",
            Self { error: true, .. } => "error",
            _ => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_levels_are_told_in_each_others_words() {
        for level in ["off", "error", "warn", "info", "debug", "trace"] {
            assert_eq!(LogSettings::of_level(level).level(), level);
        }
        let mut settings = LogSettings::of_level("warn");
        assert!(settings.warning && !settings.info);
        settings.set("log_verbose_level", Parameter::Int(1)).unwrap();
        assert_eq!(settings.level(), "debug");
        settings.set("log_verbose_level", Parameter::Int(0)).unwrap();
        assert_eq!(settings.level(), "warn");
    }
}
