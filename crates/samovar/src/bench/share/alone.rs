//! What each model takes in a process of its own: the sum is what workers hold that load one copy each.

use crate::bench::server_process::ServerProcess;
use crate::failure::CliError;
use std::path::Path;
use toml::{Table, Value};

/// Resident bytes of a server that holds only `model` of the configuration at `path`, once it is ready.
///
/// # Errors
/// A configuration that cannot be read, or a server that does not become ready.
pub fn resident_alone(path: &Path, model: &str) -> Result<u64, CliError> {
    let unreadable =
        || CliError::new("file_unreadable", "the configuration cannot be read or written for one model alone");
    let text = std::fs::read_to_string(path).map_err(|_| unreadable())?;
    let of_one = only(&text, model).ok_or_else(unreadable)?;
    // Beside the other: paths are told from there.
    let file = path.with_extension(format!("alone-{}.toml", std::process::id()));
    std::fs::write(&file, of_one).map_err(|_| unreadable())?;
    let resident = resident_of(&file);
    // It is in nobody's way where it cannot be removed.
    drop(std::fs::remove_file(&file));
    resident
}

fn resident_of(config: &Path) -> Result<u64, CliError> {
    let server = ServerProcess::of_config(config)?;
    server.wait_until_ready()?;
    Ok(server.resident_bytes().unwrap_or(0))
}

/// The configuration with one of its models, and without what joins several.
fn only(text: &str, model: &str) -> Option<String> {
    let mut config: Table = text.parse().ok()?;
    let kept = config.get("models")?.get(model)?.clone();
    let models = Table::from_iter([(model.to_owned(), kept)]);
    config.insert("models".to_owned(), Value::Table(models));
    config.remove("pairs");
    toml::to_string(&config).ok()
}

#[cfg(test)]
mod tests {
    use super::only;

    #[test]
    fn one_model_stays_with_the_settings_of_all() {
        let text = "[plans]\nfolder = \"p\"\n[models.a]\npath = \"a\"\n[models.b]\npath = \"b\"\n[pairs.both]\nimage = \"a\"\n";
        let one: toml::Table = only(text, "b").unwrap().parse().unwrap();
        assert_eq!(one, "[plans]\nfolder = \"p\"\n[models.b]\npath = \"b\"\n".parse().unwrap());
        assert_eq!(only(text, "c"), None);
    }
}
