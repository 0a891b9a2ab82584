//! Rules over values that each are right by themselves.

use super::file::{MODEL_NAME_RULE, is_model_name};
use super::near::{listed, nearest};
use super::schema::{Config, ModelSection};
use super::versions::VersionsSetting;
use super::{job_rules, key_rules, live_rules, service_rules, speech_rules};

/// A broken rule: the path of the key, and what is wrong.
pub type Broken = (Vec<String>, String);

/// Every broken rule of a configuration.
pub fn broken(config: &Config) -> Vec<Broken> {
    let models = config.models.iter().flat_map(|(name, model)| model_rules(name, model));
    let whole =
        [listen_rule(config), default_model_rule(config), memory_rule(config), plans_rule(config), video_rule(config)];
    whole
        .into_iter()
        .flatten()
        .chain(mode_rules(config))
        .chain(models)
        .chain(live_rules::broken(config))
        .chain(service_rules::broken(config))
        .chain(job_rules::broken(config))
        .chain(key_rules::broken(config))
        .chain(speech_rules::broken(config))
        .collect()
}

fn memory_rule(config: &Config) -> Option<Broken> {
    let limit = config.memory.limit.as_deref()?;
    let message = match parse_bytes(limit) {
        Some(bytes) if bytes >= MEMORY_LEAST_BYTES => return None,
        Some(_) => "too small for any model; write at least \"16MiB\"",
        None => "not an amount of memory; write it like \"8GiB\", \"512MiB\" or \"65536KiB\"",
    };
    Some((vec!["memory".to_owned(), "limit".to_owned()], message.to_owned()))
}

/// Joined to the file's folder, nothing would mean that folder.
fn plans_rule(config: &Config) -> Option<Broken> {
    let folder = config.plans.folder.as_ref()?;
    let message = "empty; give a folder, or leave it out for Samovar's own".to_owned();
    folder.as_os_str().is_empty().then(|| (vec!["plans".to_owned(), "folder".to_owned()], message))
}

/// Sizes that each are right, and wrong together.
fn video_rule(config: &Config) -> Option<Broken> {
    let error = config.video.bounds().validate().err()?;
    let keys = ["batch_size", "max_queue_size", "buffer_pool_size"];
    let key = keys.into_iter().find(|key| error.code().starts_with(key)).unwrap_or("batch_size");
    Some((vec!["video".to_owned(), key.to_owned()], error.to_string()))
}

/// Modes name models of the file; nobody else could be meant.
fn mode_rules(config: &Config) -> impl Iterator<Item = Broken> {
    let unknown = config.modes.segment.configured().filter(|(_, model)| !config.models.contains_key(*model));
    unknown.map(|(mode, model)| {
        let key = ["modes", "segment", mode].map(str::to_owned).to_vec();
        (key, no_such_model(model, config))
    })
}

/// That name is no model's, with those that may have been meant.
pub fn no_such_model(name: &str, config: &Config) -> String {
    let known: Vec<&str> = config.models.keys().map(String::as_str).collect();
    match (nearest(name, &known), known.is_empty()) {
        (Some(near), _) => format!("no model is called `{name}`; did you mean `{near}`?"),
        (None, true) => format!("no model is called `{name}`; add `[models.{name}]`"),
        (None, false) => format!("no model is called `{name}`; there are {}", listed(&known)),
    }
}

fn listen_rule(config: &Config) -> Option<Broken> {
    let server = &config.server;
    if !config.keys.is_empty() || server.keys_file.is_some() {
        return None;
    }
    let addresses = [("listen", Some(server.listen)), ("grpc_listen", server.grpc_listen)];
    let addresses = addresses.into_iter().filter_map(|(key, address)| Some((key, address?)));
    let exposed = addresses.filter(|(_, address)| !address.ip().is_loopback() && !server.insecure);
    exposed.map(|(key, address)| {
        let message = format!(
            "{} can be reached from other machines and nobody is asked who they are; \
             add a key (`samovar keys new NAME`), listen on 127.0.0.1 behind a proxy, or set `server.insecure = true` to accept that",
            address.ip()
        );
        (vec!["server".to_owned(), key.to_owned()], message)
    }).next()
}

/// A default is checked where models are configured; else it may be one that the command line adds.
fn default_model_rule(config: &Config) -> Option<Broken> {
    let name = config.server.default_model.as_ref()?;
    (!config.models.is_empty() && !config.models.contains_key(name))
        .then(|| (vec!["server".to_owned(), "default_model".to_owned()], no_such_model(name, config)))
}

fn model_rules(name: &str, model: &ModelSection) -> Vec<Broken> {
    let key = |key: &str| vec!["models".to_owned(), name.to_owned(), key.to_owned()];
    let mut broken = Vec::new();
    if !is_model_name(name) {
        broken.push((vec!["models".to_owned(), name.to_owned()], format!("not a model name; {MODEL_NAME_RULE}")));
    }
    if model.path.as_os_str().is_empty() {
        broken.push((key("path"), "empty; give the ONNX file".to_owned()));
    }
    if model.input_size.as_deref().is_some_and(|size| parse_size(size).is_none()) {
        broken.push((key("input_size"), "not a size; write width and height in pixels like \"640x384\"".to_owned()));
    }
    if model.sha256.as_deref().is_some_and(|pin| !is_sha256(pin)) {
        broken.push((key("sha256"), NOT_A_SHA256.to_owned()));
    }
    if model.sha256.is_none() && !model.data_sha256.is_empty() {
        broken.push((key("data_sha256"), "pins the data but not the graph; set `sha256` too".to_owned()));
    }
    if model.versions_keep.is_some() && matches!(model.versions, Some(VersionsSetting::Pinned(_))) {
        broken.push((key("versions_keep"), "lets older versions be tried, but `versions` names one".to_owned()));
    }
    for (file, pin) in model.data_sha256.iter().filter(|(_, pin)| !is_sha256(pin)) {
        let mut path = key("data_sha256");
        path.push(file.clone());
        broken.push((path, format!("{NOT_A_SHA256} (found {} characters)", pin.chars().count())));
    }
    broken
}

/// Width and height of `640x384`.
pub fn parse_size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |side: &str| side.trim().parse().ok().filter(|side| (32..=4_096).contains(side));
    Some((side(width)?, side(height)?))
}

/// Bytes of `8GiB`, `512MiB` or `64KiB`; powers of 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Less than the smallest model that ships takes.
const MEMORY_LEAST_BYTES: u64 = 16 << 20;

const NOT_A_SHA256: &str = "not a sha256; it has 64 hexadecimal digits, as `sha256sum FILE` prints them";

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_memory_have_a_unit() {
        assert_eq!(parse_bytes("8GiB"), Some(8 << 30));
        assert_eq!(parse_bytes("512 MiB"), Some(512 << 20));
        for wrong in ["", "8", "GiB", "8GB", "-8GiB", "1.5GiB", "99999999999GiB", "18446744073709551615KiB", "8gib"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }
}
