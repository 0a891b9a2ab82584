//! Rules over what is configured of live streams: anomaly, sources, and where their events go.

use super::addition_rules::addition_rules;
use super::anomaly_options::anomaly_options;
use super::file::is_model_name;
use super::near::{listed, nearest};
use super::rules::{Broken, no_such_model, parse_bytes};
use super::schema::{AnomalySection, Config, PipelineName, SourceSection, WebhookSection};
use samovar_pipelines::SourceAddress;

/// Every broken rule of these sections.
pub fn broken(config: &Config) -> Vec<Broken> {
    let sources = config.sources.iter().flat_map(|(name, source)| source_rules(name, source, config));
    let webhooks = config.webhooks.iter().flat_map(|(name, webhook)| webhook_rules(name, webhook));
    let general = anomaly_rules(&config.anomaly, &AnomalySection::default(), &["anomaly"], config);
    let rest = mqtt_rules(config).into_iter().chain(evidence_rule(config)).chain(source_addition_rules(config));
    general.into_iter().chain(sources).chain(webhooks).chain(rest).collect()
}

/// What is called so is not a model: words of its own.
const NAME_RULE: &str =
    "not a name; one begins with a letter or digit and has at most 64 letters, digits, `-`, `_` or `.`";
/// The name of `[mqtt]` among sinks.
const MQTT: &str = "mqtt";

/// The keys of one table; `general` is what holds where it has none.
fn anomaly_rules(section: &AnomalySection, general: &AnomalySection, table: &[&str], config: &Config) -> Vec<Broken> {
    let known = |model: &str| config.models.is_empty() || config.models.contains_key(model);
    let unknown = section.models().filter(|(_, model)| !known(model));
    let mut broken: Vec<Broken> =
        unknown.map(|(key, model)| (path(table, key), no_such_model(model, config))).collect();
    // What is wrong with the general keys is told there.
    let own = *section != AnomalySection::default();
    let wrong = own.then(|| anomaly_options(&section.over(general)).err()).flatten();
    broken.extend(wrong.map(|message| {
        let key = message.strip_prefix('`').and_then(|rest| rest.split(['.', '`']).next()).unwrap_or_default();
        (path(table, key), message)
    }));
    broken
}

fn source_rules(name: &str, source: &SourceSection, config: &Config) -> Vec<Broken> {
    let table = ["sources", name];
    let mut broken = anomaly_rules(&source.anomaly, &config.anomaly, &["sources", name, "anomaly"], config);
    if !is_model_name(name) {
        broken.push((path(&["sources"], name), NAME_RULE.to_owned()));
    }
    let address = source.address.parse::<SourceAddress>();
    broken.extend(address.err().map(|error| (path(&table, "address"), error.to_string())));
    let no_detect = source.pipeline == PipelineName::Anomaly && source.score_min.is_some();
    broken.extend(no_detect.then(|| (path(&table, "score_min"), FOR_DETECT.to_owned())));
    broken.extend(source_model_rule(source, config).map(|message| (path(&table, "model"), message)));
    let unknown = source.sinks.iter().filter_map(|sink| unknown_sink(sink, config));
    broken.extend(unknown.map(|message| (path(&table, "sinks"), message)));
    if source.evidence && config.evidence.folder.is_none() {
        let message = "there is no folder for it; set `evidence.folder`".to_owned();
        broken.push((path(&table, "evidence"), message));
    }
    broken
}

const FOR_DETECT: &str = "is for `pipeline = \"detect\"`; what anomaly streams use stands in `[anomaly]`";

fn source_model_rule(source: &SourceSection, config: &Config) -> Option<String> {
    let model = source.model.as_ref()?;
    match source.pipeline {
        PipelineName::Anomaly => Some(FOR_DETECT.to_owned()),
        PipelineName::Detect if config.models.is_empty() || config.models.contains_key(model) => None,
        PipelineName::Detect => Some(no_such_model(model, config)),
    }
}

fn unknown_sink(sink: &str, config: &Config) -> Option<String> {
    if sink == MQTT {
        let absent = config.mqtt.address.is_none();
        return absent.then(|| "there is no broker; set `mqtt.address`".to_owned());
    }
    let known: Vec<&str> = config.webhooks.keys().map(String::as_str).chain([MQTT]).collect();
    let unknown = !known.contains(&sink);
    unknown.then(|| match nearest(sink, &known) {
        Some(near) => format!("no sink is called `{sink}`; did you mean `{near}`?"),
        None => format!("no sink is called `{sink}`; add `[webhooks.{sink}]`; there are {}", listed(&known)),
    })
}

fn webhook_rules(name: &str, webhook: &WebhookSection) -> Vec<Broken> {
    let table = ["webhooks", name];
    let mut broken = Vec::new();
    if !is_model_name(name) || name == MQTT {
        let message =
            if name == MQTT { "that is what `[mqtt]` is called among sinks; take another name" } else { NAME_RULE };
        broken.push((path(&["webhooks"], name), message.to_owned()));
    }
    let host = webhook.url.strip_prefix("http://").or_else(|| webhook.url.strip_prefix("https://"));
    if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
        broken
            .push((path(&table, "url"), "not an address; write it like \"https://alerts.example/samovar\"".to_owned()));
    }
    match (&webhook.secret_file, &webhook.secret_env) {
        (None, None) => {
            let message = "nobody could tell these requests from others'; set `secret_file` or `secret_env`".to_owned();
            broken.push((path(&table, "secret_file"), message));
        }
        (Some(_), Some(_)) => {
            broken.push((path(&table, "secret_env"), "there is `secret_file` too; one secret is enough".to_owned()));
        }
        _ => {}
    }
    broken.extend(webhook.events.is_empty().then(|| (path(&table, "events"), NOTHING_TOLD.to_owned())));
    broken
}

const NOTHING_TOLD: &str = "empty; nothing would ever be told";

fn mqtt_rules(config: &Config) -> Vec<Broken> {
    let mqtt = &config.mqtt;
    let wrong_address = mqtt.address.as_deref().is_some_and(|address| !is_host_and_port(address));
    let wrong_topic = mqtt.topic.is_empty() || mqtt.topic.contains(['+', '#', '\0']) || mqtt.topic.ends_with('/');
    let found = [
        (wrong_address, "address", "not host and port; write it like \"broker.local:1883\""),
        (wrong_topic, "topic", "not the beginning of a topic; leave `+`, `#` and a `/` at its end out"),
        (mqtt.username.is_none() && mqtt.password_file.is_some(), "password_file", "a password needs `username` too"),
        (mqtt.events.is_empty(), "events", NOTHING_TOLD),
    ];
    let broken = found.into_iter().filter(|(wrong, ..)| *wrong);
    broken.map(|(_, key, message)| (path(&["mqtt"], key), message.to_owned())).collect()
}

fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn evidence_rule(config: &Config) -> Vec<Broken> {
    let evidence = &config.evidence;
    let mut broken = Vec::new();
    if evidence.folder.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
        broken
            .push((path(&["evidence"], "folder"), "empty; give a folder, or leave it out to keep nothing".to_owned()));
    }
    if parse_bytes(&evidence.bytes_max).is_none_or(|bytes| bytes == 0) {
        let message = "not an amount of bytes; write it like \"10GiB\" or \"512MiB\"".to_owned();
        broken.push((path(&["evidence"], "bytes_max"), message));
    }
    broken
}

fn source_addition_rules(config: &Config) -> Vec<Broken> {
    let additions = &config.source_additions;
    addition_rules("source_additions", &["rtsp", "http", "https"], &additions.schemes, &additions.hosts)
}

fn path(table: &[&str], key: &str) -> Vec<String> {
    table.iter().copied().chain([key]).map(str::to_owned).collect()
}
