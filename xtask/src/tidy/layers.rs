//! Imports point one way: which crate may depend on which, and which crates alone may name a library.
//!
//! Looks at the manifests, because a dependency that is not declared cannot be used.

use toml::{Table, Value};

use super::Finding;
use super::tree::{File, Tree};

/// Each crate with the crates of this workspace that it may use. What is not listed may use none.
/// Dev-dependencies are free: tests may put together what the crates may not.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("engine-api", &[]),
    ("engines", &["engine-api"]),
    ("schedule", &[]),
    ("runtime", &["engine-api", "schedule"]),
    ("media", &[]),
    ("models", &["engine-api", "runtime", "media"]),
    ("acoustics", &[]),
    ("triage", &[]),
    ("store", &[]),
    ("calls", &["store", "acoustics", "triage"]),
    ("pipelines", &["runtime", "media", "models", "acoustics", "triage"]),
    ("jobs", &["store", "schedule"]),
    ("monitor", &[]),
    ("recorded", &["runtime", "media", "models", "pipelines"]),
    ("service", &["runtime", "media", "models"]),
    (
        "server",
        &[
            "runtime",
            "media",
            "models",
            "acoustics",
            "triage",
            "calls",
            "pipelines",
            "recorded",
            "service",
            "jobs",
            "monitor",
        ],
    ),
    ("hub", &[]),
    (
        "samovar",
        &[
            "engine-api",
            "engines",
            "schedule",
            "runtime",
            "media",
            "models",
            "acoustics",
            "triage",
            "calls",
            "pipelines",
            "recorded",
            "jobs",
            "monitor",
            "service",
            "server",
            "hub",
        ],
    ),
];

/// Libraries that only the crates named beside them may depend on. Dev-dependencies are free here too.
const ONLY_IN: [(&str, &[&str]); 19] = [
    ("rten", &["engines"]),
    ("rten-tensor", &["engines"]),
    ("openvino", &["engines"]),
    ("ort", &["engines"]),
    ("axum", &["server"]),
    ("tonic", &["server"]),
    ("hyper", &["server"]),
    ("hyper-util", &["server"]),
    ("prometheus-client", &["server"]),
    ("utoipa", &["server"]),
    ("ureq", &["hub", "samovar", "server"]),
    ("tokenizers", &["models"]),
    ("tokio-rustls", &["server"]),
    ("clap", &["samovar"]),
    ("indicatif", &["samovar"]),
    ("ratatui", &["samovar"]),
    ("rusqlite", &["store", "jobs", "calls"]),
    ("parquet", &["recorded"]),
    ("nvml-wrapper", &["engines", "monitor"]),
];

/// Crates that must stay free of a library, with the reason.
const NEVER_IN: [(&str, &[&str], &str); 3] = [
    ("engine-api", &["tokio", "futures-util", "serde", "serde_json"], "the engine seam has no async and no wire"),
    ("schedule", &["tokio", "futures-util", "parking_lot", "rand"], "the scheduling rules are pure"),
    ("service", &["http", "serde_json", "prost"], "what requests may ask is the same on every wire"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    manifests.flat_map(|file| check_manifest(file).unwrap_or_default()).collect()
}

fn check_manifest(file: &File) -> Option<Vec<Finding>> {
    let name = file.crate_name()?;
    let text = file.text.as_deref()?;
    let Ok(manifest) = text.parse::<Table>() else {
        return Some(vec![Finding::new(&file.path, 0, "this is not valid TOML")]);
    };
    let finding = |library: &String, reason: String| {
        let line = text.lines().position(|line| line.trim_start().starts_with(library.as_str()));
        Finding::new(&file.path, line.map_or(0, |line| line + 1), reason)
    };
    let libraries = dependencies(&manifest);
    let broken = libraries.iter().filter_map(|library| Some((library, objection(name, library)?)));
    Some(broken.map(|(library, reason)| finding(library, reason)).collect())
}

/// Names of everything a crate is built with: `dependencies` and `build-dependencies`, for any target.
fn dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = targets.filter_map(Value::as_table).chain([manifest]);
    let sections = places.flat_map(|place| [place.get("dependencies"), place.get("build-dependencies")]);
    let tables = sections.flatten().filter_map(Value::as_table);
    tables.flat_map(|table| table.iter().map(|(name, value)| package(name, value))).collect()
}

/// The package behind a dependency's name, which may be an alias.
fn package(name: &str, value: &Value) -> String {
    value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned()
}

/// Why `name` may not depend on `library`, if so.
fn objection(name: &str, library: &str) -> Option<String> {
    if let Some(other) = library.strip_prefix("samovar-") {
        let allowed = MAY_USE.iter().find(|(user, _)| *user == name).map_or(&[][..], |(_, allowed)| allowed);
        let why = format!("`{name}` may not use `{other}`: imports point one way (table in xtask/src/tidy/layers.rs)");
        return (!allowed.contains(&other)).then_some(why);
    }
    if let Some((_, homes)) = ONLY_IN.iter().find(|(only, homes)| *only == library && !homes.contains(&name)) {
        return Some(format!("`{name}` may not use `{library}`: only `{}` names it", homes.join("`, `")));
    }
    let (.., reason) = NEVER_IN.iter().find(|(user, never, _)| *user == name && never.contains(&library))?;
    Some(format!("`{name}` may not use `{library}`: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, manifest: &str) -> Vec<String> {
        let tree = Tree::of(&[(&format!("crates/{name}/Cargo.toml"), manifest)]);
        check(&tree).into_iter().map(|finding| format!("{}: {}", finding.line, finding.message)).collect()
    }

    #[test]
    fn imports_point_one_way() {
        assert!(findings("runtime", "[dependencies]\nsamovar-engine-api.workspace = true").is_empty());
        let found = findings("media", "[dependencies]\nbytes = \"1\"\nsamovar-models.workspace = true");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("3: `media` may not use `models`"), "{found:?}");
        assert_eq!(findings("brand-new", "[dependencies]\nsamovar-media.workspace = true").len(), 1);
    }

    #[test]
    fn tests_may_put_crates_together() {
        assert!(findings("runtime", "[dev-dependencies]\nsamovar-engines.workspace = true").is_empty());
    }

    #[test]
    fn libraries_have_their_homes() {
        assert!(findings("engines", "[dependencies]\nort = \"2\"").is_empty());
        for (name, manifest) in [
            ("runtime", "[dependencies]\nort = \"2\""),
            ("models", "[build-dependencies]\naxum = \"0.8\""),
            ("media", "[target.'cfg(unix)'.dependencies]\nrten = \"1\""),
            ("media", "[dependencies]\nengine = { package = \"rten\", version = \"1\" }"),
            ("schedule", "[dependencies]\ntokio.workspace = true"),
            ("media", "not toml"),
        ] {
            assert_eq!(findings(name, manifest).len(), 1, "{name}: {manifest}");
        }
    }

    #[test]
    fn the_table_has_no_circle() {
        for (place, (name, allowed)) in MAY_USE.iter().enumerate() {
            for other in *allowed {
                let other_place = MAY_USE.iter().position(|(user, _)| user == other);
                assert!(other_place.is_some_and(|other| other < place), "{name} uses {other}, listed later or never");
            }
        }
    }
}
