//! Where events go and what is kept of them, in ready form: secrets are read here, once, and shown nowhere.

use crate::config::{Config, EventName, WebhookSection, parse_bytes};
use crate::failure::{CliError, Exit};
use samovar_pipelines::SceneEventKind;
use samovar_server::{EvidenceSettings, MqttSettings, Secret, WebhookSettings};
use std::path::Path;
use std::time::Duration;

/// The addresses that events are posted to.
///
/// # Errors
/// A secret that cannot be read.
pub fn webhooks(config: &Config) -> Result<Vec<WebhookSettings>, CliError> {
    config.webhooks.iter().map(|(name, section)| webhook(name, section)).collect()
}

fn webhook(name: &str, section: &WebhookSection) -> Result<WebhookSettings, CliError> {
    Ok(WebhookSettings {
        secret: webhook_secret(name, section)?,
        events: kinds(&section.events),
        timeout: Duration::from_millis(section.timeout_ms),
        ..WebhookSettings::new(name, section.url.as_str())
    })
}

/// The key of a webhook's signature.
///
/// # Errors
/// A file or variable that is not there, or empty.
pub fn webhook_secret(name: &str, section: &WebhookSection) -> Result<Option<Secret>, CliError> {
    let owner = format!("webhooks.{name}");
    match (&section.secret_file, &section.secret_env) {
        (Some(path), _) => secret_file(&owner, path).map(Some),
        (None, Some(variable)) => match std::env::var(variable) {
            Ok(words) if !words.is_empty() => Ok(Some(Secret::new(words))),
            _ => Err(unreadable(&owner, &format!("the environment has no `{variable}`"))),
        },
        (None, None) => Ok(None),
    }
}

/// The broker.
///
/// # Errors
/// A password that cannot be read.
pub fn mqtt(config: &Config) -> Result<Option<MqttSettings>, CliError> {
    let section = &config.mqtt;
    let Some((host, port)) = section.address.as_deref().and_then(|address| address.rsplit_once(':')) else {
        return Ok(None);
    };
    let settings = MqttSettings::new("mqtt", host.trim_start_matches('[').trim_end_matches(']'));
    Ok(Some(MqttSettings {
        port: port.parse().unwrap_or(settings.port),
        tls: section.tls,
        username: section.username.clone(),
        password: section.password_file.as_deref().map(|path| secret_file("mqtt", path)).transpose()?,
        topic_prefix: section.topic.clone(),
        events: kinds(&section.events),
        ..settings
    }))
}

/// What is kept, where there is a folder for it.
pub fn evidence(config: &Config) -> Option<EvidenceSettings> {
    let section = &config.evidence;
    let settings = EvidenceSettings::new(section.folder.clone()?);
    Some(EvidenceSettings {
        before: Duration::from_secs(section.before_s),
        after: Duration::from_secs(section.after_s),
        bytes_max: parse_bytes(&section.bytes_max).unwrap_or(settings.bytes_max),
        age_max: Duration::from_hours(24 * section.age_max_days),
        count_max: section.count_max,
        ..settings
    })
}

/// A file's first line: editors end files with one more.
fn secret_file(owner: &str, path: &Path) -> Result<Secret, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| unreadable(owner, &format!("{} cannot be read: {error}", path.display())))?;
    let words = text.trim_end_matches(['\n', '\r']);
    if words.is_empty() {
        return Err(unreadable(owner, &format!("{} is empty", path.display())));
    }
    Ok(Secret::new(words))
}

fn unreadable(owner: &str, why: &str) -> CliError {
    CliError::new("secret_unreadable", format!("the secret of `{owner}` cannot be had: {why}"))
        .cure("make it readable for this user, with nothing but the secret in it")
        .exit(Exit::Usage)
}

fn kinds(events: &[EventName]) -> Vec<SceneEventKind> {
    let kind = |name: &EventName| match name {
        EventName::PersonAppeared => SceneEventKind::PersonAppeared,
        EventName::PersonLeft => SceneEventKind::PersonLeft,
        EventName::AnomalyStarted => SceneEventKind::AnomalyStarted,
        EventName::AnomalyUpdated => SceneEventKind::AnomalyUpdated,
        EventName::AnomalyEnded => SceneEventKind::AnomalyEnded,
    };
    events.iter().map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check;

    #[test]
    fn secrets_are_read_from_their_file_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "s3cret\n").unwrap();
        let text = format!("[webhooks.room]\nurl = \"http://x/\"\nsecret_file = {key:?}\n");
        let [webhook] = webhooks(&check(&text).unwrap()).unwrap().try_into().unwrap();
        assert_eq!(webhook.secret, Some(Secret::new("s3cret")));
        assert!(!format!("{webhook:?}").contains("s3cret"));
        assert_eq!(webhook.events, [SceneEventKind::AnomalyStarted, SceneEventKind::AnomalyEnded]);
        std::fs::write(&key, "\n").unwrap();
        let error = webhooks(&check(&text).unwrap()).unwrap_err();
        assert_eq!(error.code, "secret_unreadable");
        assert!(error.message.starts_with("the secret of `webhooks.room` cannot be had: "), "{}", error.message);
    }

    #[test]
    fn a_broker_has_host_and_port() {
        let text = "[mqtt]\naddress = \"[::1]:8883\"\ntls = true\nusername = \"a\"\ntopic = \"site/1\"\n";
        let mqtt = mqtt(&check(text).unwrap()).unwrap().unwrap();
        assert_eq!(
            (mqtt.host.as_str(), mqtt.port, mqtt.tls, mqtt.topic_prefix.as_str()),
            ("::1", 8883, true, "site/1")
        );
        assert!(super::mqtt(&Config::default()).unwrap().is_none());
    }
}
