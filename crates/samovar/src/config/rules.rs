//! Rules over values that each are right by themselves.

use super::file::{MODEL_NAME_RULE, is_model_name};
use super::schema::{Config, ModelSection};

/// A broken rule: the path of the key, and what is wrong.
type Broken = (Vec<String>, String);

/// Every broken rule of a configuration.
pub fn broken(config: &Config) -> Vec<Broken> {
    let models = config.models.iter().flat_map(|(name, model)| model_rules(name, model));
    listen_rule(config).into_iter().chain(default_model_rule(config)).chain(models).collect()
}

fn listen_rule(config: &Config) -> Option<Broken> {
    let server = &config.server;
    (!server.listen.ip().is_loopback() && !server.insecure).then(|| {
        let message = format!(
            "{} can be reached from other machines and nobody is asked who they are; \
             listen on 127.0.0.1 behind a proxy, or set `server.insecure = true` to accept that",
            server.listen.ip()
        );
        (vec!["server".to_owned(), "listen".to_owned()], message)
    })
}

/// A default is checked where models are configured; else it may be one that the command line adds.
fn default_model_rule(config: &Config) -> Option<Broken> {
    let name = config.server.default_model.as_ref()?;
    (!config.models.is_empty() && !config.models.contains_key(name)).then(|| {
        let known: Vec<String> = config.models.keys().map(|name| format!("`{name}`")).collect();
        let message = format!("no model is called `{name}`; there are {}", known.join(", "));
        (vec!["server".to_owned(), "default_model".to_owned()], message)
    })
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

const NOT_A_SHA256: &str = "not a sha256; it has 64 hexadecimal digits, as `sha256sum FILE` prints them";

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
