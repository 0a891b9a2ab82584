//! Trace settings as the protocol has them: kept and told back. What is traced is set by the server's own configuration.

use std::collections::BTreeMap;

/// Trace settings by name: each one or more words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings(pub BTreeMap<String, Vec<String>>);

/// The settings that there are, with what they are where nobody has said otherwise.
const DEFAULTS: [(&str, &str); 6] = [
    ("trace_level", "OFF"),
    ("trace_rate", "1000"),
    ("trace_count", "-1"),
    ("log_frequency", "0"),
    ("trace_file", ""),
    ("trace_mode", "opentelemetry"),
];

impl Default for TraceSettings {
    fn default() -> Self {
        let settings = DEFAULTS.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        Self(settings.into())
    }
}

impl TraceSettings {
    /// The value of a setting where nobody has said otherwise; none where there is no such setting.
    pub fn default_of(name: &str) -> Option<&'static str> {
        DEFAULTS.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}
