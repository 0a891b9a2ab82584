//! `samovar keys new`: a random secret, and its digest for the configuration.

use super::arguments::{KeysCommand, NewKeyArguments, TypedScope};
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use samovar_service::access::{KEY_NAME_RULE, KeySecret, is_key_name};
use serde_json::json;

/// Runs the command.
///
/// # Errors
/// A name that is none.
pub fn run(command: &KeysCommand) -> Result<Exit, CliError> {
    let KeysCommand::New(arguments) = command;
    new(arguments)?;
    Ok(Exit::Ok)
}

/// The secret goes to stderr and the table to stdout, so that the table alone can be added to a file.
fn new(NewKeyArguments { name, scope, json }: &NewKeyArguments) -> Result<(), CliError> {
    if !is_key_name(name) {
        return Err(CliError::new("key_name_invalid", format!("`{name}` is not the name of a key; {KEY_NAME_RULE}"))
            .exit(Exit::Usage));
    }
    let secret = KeySecret::random()
        .map_err(|error| CliError::new("internal", format!("the system gives no random numbers: {error}")))?;
    let table = table(name, scope, &secret);
    if *json {
        let scopes: Vec<_> = scope.iter().map(|scope| scope.name()).collect();
        let sha256 = secret.digest().to_string();
        return stdout::print_json(
            &json!({"name": name, "key": secret.reveal(), "sha256": sha256, "scopes": scopes, "toml": table}),
        );
    }
    stderr::line(&format!("the key, shown this once: {}", secret.reveal()));
    stderr::line("for the configuration, or the file of `server.keys_file`:");
    stdout::print(&table)
}

fn table(name: &str, scopes: &[TypedScope], secret: &KeySecret) -> String {
    let scopes: Vec<String> = scopes.iter().map(|scope| format!("\"{}\"", scope.name())).collect();
    format!("\n[keys.{name}]\nsha256 = \"{}\"\nscopes = [{}]\n", secret.digest(), scopes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{check, key_spec};

    #[test]
    fn what_is_printed_is_a_configuration_that_knows_the_key() {
        let secret = KeySecret::random().unwrap();
        let table = table("site", &[TypedScope::Infer, TypedScope::Admin], &secret);
        let spec = key_spec("site", &check(&table).unwrap().keys["site"]).unwrap();
        assert_eq!(spec.digest, secret.digest());
        assert!(!table.contains(secret.reveal()));
    }
}
