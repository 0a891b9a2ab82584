//! The commented example: every key, each with its default, ready to be changed.

/// What `samovar config example` prints.
pub const EXAMPLE: &str = include_str!("example.toml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::JobsSection;
    use crate::config::{Config, check, json_schema};

    /// The example with its keys and tables switched on: `# key = value` becomes `key = value`, `# [table]` becomes `[table]`.
    fn switched_on() -> String {
        let is_key = |rest: &str| rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let on = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if is_key(rest) || rest.starts_with('[') => rest.to_owned(),
            _ => line.to_owned(),
        };
        EXAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_is_right_as_it_is_and_switched_on() {
        check(EXAMPLE).unwrap();
        check(&switched_on()).unwrap();
    }

    #[test]
    fn the_values_shown_are_the_defaults() {
        let mut shown = check(&switched_on()).unwrap();
        shown.models.clear();
        shown.device = Default::default();
        shown.media.ffmpeg = None;
        shown.video = Default::default();
        (shown.server.default_model, shown.server.grpc_listen) = Default::default();
        (shown.server.keys_file, shown.server.tls, shown.telemetry.otlp_endpoint) = Default::default();
        shown.keys.clear();
        shown.memory.limit = None;
        shown.plans.folder = None;
        shown.modes = Default::default();
        shown.pairs.clear();
        shown.faces = Default::default();
        shown.sources.clear();
        shown.source_additions = Default::default();
        shown.webhooks.clear();
        (shown.mqtt.address, shown.mqtt.username, shown.mqtt.password_file) = Default::default();
        shown.evidence.folder = None;
        shown.jobs = JobsSection { enabled: None, folder: None, jobs_at_once: None, ..shown.jobs };
        (shown.jobs.roots, shown.jobs.hosts, shown.jobs.schemes) = Default::default();
        (shown.speech.model, shown.speech.voice_model, shown.speech.uploads_bytes_max) = Default::default();
        (shown.calls.folder, shown.triage) = Default::default();
        shown.anomaly = Default::default();
        assert_eq!(shown, Config::default());
    }

    #[test]
    fn every_key_of_the_schema_is_shown() {
        let shown = toml::Value::Table(toml::from_str(&switched_on()).unwrap());
        assert_eq!(not_shown(json_schema(), &shown, ""), Vec::<String>::new());
    }

    #[test]
    fn the_options_of_anomaly_shown_are_the_defaults() {
        let mut shown = check(&switched_on()).unwrap().anomaly;
        (shown.zones, shown.schedule) = Default::default();
        assert_eq!(crate::config::anomaly_options(&shown).unwrap(), samovar_pipelines::AnomalyOptions::default());
    }

    /// Keys of `schema` that `shown` has not, with their paths; of tables with names of their own, those that none of them has.
    fn not_shown(schema: &serde_json::Value, shown: &toml::Value, path: &str) -> Vec<String> {
        let keys = schema["properties"].as_object().into_iter().flatten();
        keys.flat_map(|(key, content)| match shown.get(key) {
            None => vec![format!("{path}{key}")],
            Some(named) if content["additionalProperties"]["properties"].is_object() => {
                not_shown(&content["additionalProperties"], &together(named), &format!("{path}{key}.NAME."))
            }
            // What differs for one source is any of the keys that were shown above.
            Some(_) if format!("{path}{key}") == "sources.NAME.anomaly" => Vec::new(),
            Some(inner) => not_shown(content, inner, &format!("{path}{key}.")),
        })
        .collect()
    }

    fn together(named: &toml::Value) -> toml::Value {
        let tables = named.as_table().into_iter().flat_map(|named| named.values()).filter_map(toml::Value::as_table);
        toml::Value::Table(tables.flat_map(|table| table.clone()).collect())
    }
}
