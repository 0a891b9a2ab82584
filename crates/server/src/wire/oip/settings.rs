//! Trace and log settings as JSON.

use samovar_service::ServiceError;
use samovar_service::tensor::{LogSettings, Parameter, TraceSettings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Trace settings. The level is a list, everything else one word.
#[derive(Debug, Serialize)]
pub(crate) struct TraceBody(BTreeMap<String, SettingValue>);

/// Trace settings that change: null goes back to the default.
#[derive(Debug, Deserialize)]
pub(crate) struct TraceChanges(BTreeMap<String, Option<SettingValue>>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum SettingValue {
    One(String),
    Number(i64),
    Many(Vec<String>),
}

impl From<TraceSettings> for TraceBody {
    fn from(settings: TraceSettings) -> Self {
        let value = |(name, mut values): (String, Vec<String>)| {
            let many = name == "trace_level";
            let value =
                if many { SettingValue::Many(values) } else { SettingValue::One(values.pop().unwrap_or_default()) };
            (name, value)
        };
        Self(settings.0.into_iter().map(value).collect())
    }
}

impl TraceChanges {
    /// The values of each setting; none: its default.
    pub(crate) fn into_changes(self) -> BTreeMap<String, Option<Vec<String>>> {
        let values = |value| match value {
            SettingValue::One(word) => vec![word],
            SettingValue::Number(number) => vec![number.to_string()],
            SettingValue::Many(words) => words,
        };
        self.0.into_iter().map(|(name, value)| (name, value.map(values))).collect()
    }
}

/// Log settings.
#[derive(Debug, Serialize)]
pub(crate) struct LogBody {
    log_file: &'static str,
    log_info: bool,
    log_warning: bool,
    log_error: bool,
    log_verbose_level: u32,
    log_format: String,
}

impl From<LogSettings> for LogBody {
    fn from(LogSettings { info, warning, error, verbose_level, format }: LogSettings) -> Self {
        Self {
            log_file: "",
            log_info: info,
            log_warning: warning,
            log_error: error,
            log_verbose_level: verbose_level,
            log_format: format,
        }
    }
}

impl LogBody {
    /// The settings with what is said of them.
    ///
    /// # Errors
    /// No such setting, or a value of another type.
    pub(crate) fn changed(
        mut settings: LogSettings,
        changes: BTreeMap<String, Parameter>,
    ) -> Result<LogSettings, ServiceError> {
        changes.into_iter().try_for_each(|(name, value)| settings.set(&name, value))?;
        Ok(settings)
    }
}
