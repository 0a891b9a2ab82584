//! The commented example: every key, each with its default, ready to be changed.

/// What `samovar config example` prints.
pub const EXAMPLE: &str = include_str!("example.toml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, check, json_schema};

    /// The example with its keys switched on: `# key = value` becomes `key = value`.
    fn switched_on() -> String {
        let on = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => rest.to_owned(),
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
        shown.server.default_model = None;
        shown.memory.limit = None;
        shown.plans.folder = None;
        shown.modes = Default::default();
        assert_eq!(shown, Config::default());
    }

    #[test]
    fn every_key_of_the_schema_is_shown() {
        let shown = toml::Value::Table(toml::from_str(&switched_on()).unwrap());
        assert_eq!(not_shown(&json_schema(), &shown, ""), Vec::<String>::new());
    }

    /// Keys of `schema` that `shown` has not, with their paths.
    fn not_shown(schema: &serde_json::Value, shown: &toml::Value, path: &str) -> Vec<String> {
        let keys = schema["properties"].as_object().into_iter().flatten();
        keys.flat_map(|(key, content)| match (key.as_str(), shown.get(key)) {
            (_, None) => vec![format!("{path}{key}")],
            ("models", Some(models)) => not_shown(&content["additionalProperties"], &models["person"], "models.NAME."),
            (_, Some(inner)) => not_shown(content, inner, &format!("{path}{key}.")),
        })
        .collect()
    }
}
