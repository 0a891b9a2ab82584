//! What live streams depend on here: the models of `[anomaly]`, a decoder for sources, secrets of sinks, a folder for evidence.

use super::finding::Finding;
use crate::config::{AnomalySection, Config, ConfigFile, PipelineName, parse_bytes};
use crate::failure::CliError;
use crate::models_command::ModelFacts;
use crate::{here, live};
use samovar_models::FamilyKind;
use samovar_server::SourceSettings;
use std::path::Path;

/// Looks at everything that is configured of live streams.
pub fn look(file: &ConfigFile) -> Vec<Finding> {
    let config = &file.config;
    let own = config.sources.iter().map(|(name, source)| (format!("anomaly of source {name}"), &source.anomaly));
    let sections = std::iter::once(("anomaly".to_owned(), &config.anomaly)).chain(own);
    let mut findings: Vec<Finding> =
        sections.filter_map(|(subject, section)| models(subject, section, config)).collect();
    findings.extend(sources(config));
    findings.extend(config.webhooks.iter().map(|(name, webhook)| {
        let key = live::webhook_secret(name, webhook).map(|key| match key {
            Some(_) => "its secret can be read",
            None => "not signed, for it has no secret",
        });
        secret(&format!("webhook {name}"), &shown(&webhook.url), key)
    }));
    let broker = config.mqtt.address.as_deref();
    findings.extend(broker.map(|address| {
        let password = live::mqtt(config).map(|settings| match settings.and_then(|settings| settings.password) {
            Some(_) => "its password can be read",
            None => "without a password",
        });
        secret("mqtt", address, password)
    }));
    findings.extend(config.evidence.folder.as_deref().map(|folder| evidence(folder, config)));
    findings
}

/// Whether each model that is named is of the family that its part needs.
fn models(subject: String, section: &AnomalySection, config: &Config) -> Option<Finding> {
    let named: Vec<(&str, &str)> = section.models().collect();
    let listed: Vec<String> = named.iter().map(|(part, model)| format!("{part} = {model}")).collect();
    let listed = (!listed.is_empty()).then(|| listed.join(", "))?;
    let wrong = |(part, model): &&(&str, &str)| {
        let facts = config.models.get(*model).map(|section| ModelFacts::read(model, section));
        // A model that cannot be read is a finding of its own.
        facts.is_some_and(|facts| facts.is_ok_and(|facts| !facts.family().is_some_and(|family| fits(part, family))))
    };
    let wrong: Vec<String> = named.iter().filter(wrong).map(|(part, model)| needed(part, model)).collect();
    Some(if wrong.is_empty() {
        Finding::ok(subject, listed)
    } else {
        Finding::problem(
            subject,
            format!("{listed}; {}", wrong.join(", ")),
            "name models of these families in `[anomaly]`; `samovar models` tells each one's family",
        )
    })
}

fn fits(part: &str, family: &str) -> bool {
    families(part).iter().any(|kind| kind.name() == family)
}

fn needed(part: &str, model: &str) -> String {
    let names: Vec<&str> = families(part).iter().map(|kind| kind.name()).collect();
    format!("{part} must be {}, and {model} is not", names.join(" or "))
}

const fn families(part: &str) -> &'static [FamilyKind] {
    match part.as_bytes() {
        b"pose" => &[FamilyKind::YoloPose],
        b"sequence" => &[FamilyKind::StgNf],
        b"appearance" => &[FamilyKind::ReIdentification],
        _ => &[FamilyKind::Yolo, FamilyKind::Yolox, FamilyKind::YoloPose],
    }
}

/// Addresses were checked with the configuration; what is left is whether files are there, and anything to read them with.
fn sources(config: &Config) -> Option<Finding> {
    let names: Vec<&str> = config.sources.keys().map(String::as_str).collect();
    if names.is_empty() {
        return None;
    }
    let listed = names.join(", ");
    let settings = match live::sources(config) {
        Ok(settings) => settings,
        Err(CliError { message, cure, .. }) => {
            return Some(Finding::problem("sources", message, cure.unwrap_or_default()));
        }
    };
    let path = |source: &SourceSettings| Some((source.spec.name.clone(), source.spec.address.path()?.to_owned()));
    if let Some((name, path)) = settings.iter().filter_map(path).find(|(_, path)| !path.exists()) {
        let detail = format!("{name}: there is no {}", path.display());
        return Some(Finding::problem("sources", detail, "check the path; of a camera, whether it is plugged in"));
    }
    if let Some(detail) = unclear(config) {
        return Some(Finding::problem("sources", detail, "name one in `[anomaly]`, or in the source's own `anomaly`"));
    }
    Some(match here::ffmpeg(config) {
        Ok(_) => Finding::ok("sources", listed),
        Err(_) => Finding::problem(
            "sources",
            format!("{listed}: none of them can be read without ffmpeg"),
            "samovar engine install ffmpeg",
        ),
    })
}

/// The first source for which nobody says which model has a part, and of which there is not exactly one that could.
fn unclear(config: &Config) -> Option<String> {
    let family = |name: &String| ModelFacts::read(name, &config.models[name]).ok()?.family().map(str::to_owned);
    let families: Vec<(&String, String)> =
        config.models.keys().filter_map(|name| Some((name, family(name)?))).collect();
    let watched = config.sources.iter().filter(|(_, source)| source.pipeline == PipelineName::Anomaly);
    watched
        .flat_map(|(name, source)| {
            let section = source.anomaly.over(&config.anomaly);
            let open = [("pose", section.pose), ("sequence", section.sequence)]
                .into_iter()
                .filter(|(_, model)| model.is_none());
            open.map(move |(part, _)| (name, part)).collect::<Vec<_>>()
        })
        .find_map(|(name, part)| {
            let fitting: Vec<&str> =
                families.iter().filter(|(_, family)| fits(part, family)).map(|(model, _)| model.as_str()).collect();
            match fitting.as_slice() {
                [_] => None,
                [] => Some(format!("{name}: no model can be its {part}")),
                several => Some(format!("{name}: several models could be its {part}: {}", several.join(", "))),
            }
        })
}

/// Scheme and host: whoever knows the rest of such an address can often post to it, and findings are sent around.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", if path.len() > 1 { "/…" } else { "" })
}

fn secret(subject: &str, place: &str, read: Result<&str, CliError>) -> Finding {
    match read {
        Ok(told) => Finding::ok(subject, format!("{place}, {told}")),
        Err(CliError { message, cure, .. }) => Finding::problem(subject, message, cure.unwrap_or_default()),
    }
}

/// Whether the folder can be written to and has room for what may be kept.
fn evidence(folder: &Path, config: &Config) -> Finding {
    const SUBJECT: &str = "evidence";
    let shown = folder.display();
    let Some(existing) = folder.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty()) else {
        return Finding::problem(SUBJECT, format!("{shown} is nowhere"), "set `evidence.folder`");
    };
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let writable = existing.is_dir() && rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_ok();
    if !writable {
        let detail = format!("{shown} cannot be written");
        return Finding::problem(SUBJECT, detail, "set `evidence.folder` to a folder that this user may write");
    }
    let wanted = parse_bytes(&config.evidence.bytes_max).unwrap_or_default();
    let free = rustix::fs::statvfs(existing).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let detail = format!("{shown}, up to {}, {} MiB free", config.evidence.bytes_max, free >> 20);
    if free < wanted {
        return Finding::note(SUBJECT, detail, "lower `evidence.bytes_max`, or choose a larger disk");
    }
    Finding::ok(SUBJECT, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_webhook_the_host_is_shown_and_nothing_that_lets_others_post() {
        for (url, expected) in [
            ("https://hooks.example/services/T0/B0/s3cr3t", "https://hooks.example/…"),
            ("https://user:s3cr3t@hooks.example:8443?token=s3cr3t", "https://hooks.example:8443/…"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
