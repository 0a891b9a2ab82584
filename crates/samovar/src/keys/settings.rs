//! From configured keys to what the server asks.

use crate::config::{Config, KeySection, check, key_spec};
use crate::failure::{CliError, Exit};
use crate::reload::Watched;
use samovar_service::access::{Access, KeySpec, Keyring};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Who may ask, as configured.
///
/// # Errors
/// A file of keys that cannot be read, or keys that cannot be together.
pub fn access(config: &Config) -> Result<Arc<Access>, CliError> {
    if config.keys.is_empty() && config.server.keys_file.is_none() {
        return Ok(Arc::default());
    }
    let specs = specs(&config.keys, config.server.keys_file.as_deref()).map_err(|reason| unusable(&reason))?;
    let keys = Keyring::new(&specs).map_err(|error| unusable(&error.to_string()))?;
    Ok(Arc::new(Access::keyed(keys)))
}

/// The file of keys, to be read again when it changes; none where there is no such file.
pub fn watched(config: &Config, access: &Arc<Access>) -> Option<Watched> {
    let file = config.server.keys_file.clone()?;
    let (own, access, path) = (config.keys.clone(), Arc::clone(access), file.clone());
    let reload = move || {
        let specs = specs(&own, Some(&path))?;
        access.replace(&specs).map_err(|error| error.to_string())
    };
    Some(Watched::new("the keys", vec![file], Box::new(reload)))
}

/// The keys of the configuration, then those of the file.
fn specs(own: &BTreeMap<String, KeySection>, file: Option<&Path>) -> Result<Vec<KeySpec>, String> {
    let more = file.map(of_file).transpose()?.unwrap_or_default();
    let spec = |(name, section): (&String, &KeySection)| {
        key_spec(name, section).map_err(|(key, message)| format!("`keys.{name}.{key}`: {message}"))
    };
    own.iter().chain(&more).map(spec).collect()
}

fn of_file(file: &Path) -> Result<BTreeMap<String, KeySection>, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    warn_if_open(file);
    let config = check(&text).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(|problem| format!("{shown}:{}: {problem}", problem.place)).collect();
        lines.join("; ")
    })?;
    let Config { keys, .. } = config.clone();
    if (Config { keys: BTreeMap::new(), ..config }) != Config::default() {
        return Err(format!("{shown} may have `[keys.NAME]` alone"));
    }
    Ok(keys)
}

/// Digests of random secrets tell nothing, but whose keys there are and what they may is nobody else's matter.
fn warn_if_open(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::metadata(file).is_ok_and(|data| data.permissions().mode() & 0o007 != 0);
    if open {
        tracing::warn!(file = %file.display(), "everybody on this machine may read or write the file of keys; `chmod 640` it");
    }
}

fn unusable(reason: &str) -> CliError {
    CliError::new("keys_unusable", format!("the keys cannot be used: {reason}"))
        .cure("mend what is said above; `samovar keys new NAME >> FILE` adds a key to a file")
        .exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_service::access::{KeyDigest, Peer};

    fn table(name: &str, secret: &str) -> String {
        format!("[keys.{name}]\nsha256 = \"{}\"\n", KeyDigest::of(secret))
    }

    fn knows(access: &Access, secret: &str) -> bool {
        let peer = Peer { address: [127, 0, 0, 1].into(), connection: samovar_runtime::StreamKey(1) };
        access.admit(Some(secret), &peer).is_ok()
    }

    #[test]
    fn keys_come_and_go_with_their_file_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.toml");
        std::fs::write(&file, table("two", "b")).unwrap();
        let mut config = check(&table("one", "a")).unwrap();
        config.server.keys_file = Some(file.clone());
        let access = access(&config).unwrap();
        let mut watched = watched(&config, &access).unwrap();
        assert!(knows(&access, "a") && knows(&access, "b") && !knows(&access, "c"));
        assert_eq!(watched.look(), None, "nothing has changed");
        std::fs::write(&file, table("three", "ccc") + &table("four", "d")).unwrap();
        assert_eq!(watched.look(), Some(Ok(())));
        assert!(knows(&access, "a") && !knows(&access, "b") && knows(&access, "ccc") && knows(&access, "d"));
        for bad in [
            "[keys.three]\nsha256 = \"x\"\n".to_owned(),
            table("one", "e"),
            "[server]\nport = 1".to_owned(),
            "[device]\nslots = 1\n".to_owned(),
        ] {
            std::fs::write(&file, bad).unwrap();
            assert!(matches!(watched.look(), Some(Err(_))));
            assert!(knows(&access, "ccc") && !knows(&access, "e"));
        }
    }
}
