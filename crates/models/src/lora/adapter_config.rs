//! `adapter_config.json`: what scales a module's change, and whether all that it asks for can be folded.

use super::LoraError;
use regex::Regex;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// What is needed of the configuration.
#[derive(Debug)]
pub(super) struct AdapterConfig {
    rank: f64,
    alpha: f64,
    ranks: Patterns,
    alphas: Patterns,
    /// rsLoRA: divided by the square root of the rank, and not by the rank.
    is_stabilised: bool,
}

/// Values by the name of a module, its last parts, or an expression that they match. The first that matches counts.
type Patterns = Vec<(Regex, f64)>;

/// Settings that change nothing about what an adapter is once it is trained, whatever they say.
const HARMLESS: [&str; 24] = [
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "ephemeral_gpu_offload",
    "eva_config",
    "exclude_modules",
    "fan_in_fan_out",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_dropout",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    "peft_type",
    "bias",
];

/// Settings that are read.
const READ: [&str; 6] = ["r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "init_lora_weights"];

/// Ways to begin that leave the base as it is.
const PLAIN_BEGINNINGS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// More modules or expressions than any model has.
const PATTERNS_MAX: usize = 10_000;

impl AdapterConfig {
    /// Reads it.
    ///
    /// # Errors
    /// `Config` where it is not what PEFT writes, `Unsupported` where it asks for what cannot be folded.
    pub(super) fn parse(text: &[u8]) -> Result<Self, LoraError> {
        let wrong = |error: serde_json::Error| LoraError::Config(error.to_string());
        let all: Map<String, Value> = serde_json::from_slice(text).map_err(wrong)?;
        check(&all)?;
        let read: Read = serde_json::from_slice(text).map_err(wrong)?;
        let config = Self {
            rank: read.r,
            alpha: read.lora_alpha,
            ranks: patterns(read.rank_pattern)?,
            alphas: patterns(read.alpha_pattern)?,
            is_stabilised: read.use_rslora.unwrap_or(false),
        };
        let ranks_fit = config.ranks.iter().map(|(_, rank)| rank).chain([&config.rank]).all(|rank| *rank > 0.0);
        let alphas_fit = config.alphas.iter().all(|(_, alpha)| alpha.is_finite()) && config.alpha.is_finite();
        if !ranks_fit || !alphas_fit {
            return Err(LoraError::Config("`r` and `lora_alpha` must be numbers, `r` above 0".to_owned()));
        }
        Ok(config)
    }

    /// What `B · A` of `module`, a path with points, is multiplied with.
    ///
    /// # Errors
    /// Another rank than that of its tensors.
    pub(super) fn scale(&self, module: &str, rank: usize) -> Result<f32, LoraError> {
        let told = value(&self.ranks, module).unwrap_or(self.rank);
        if (told - rank as f64).abs() > 0.0 {
            let reason = format!("`{module}` has rank {rank}, and its configuration says {told}");
            return Err(LoraError::Rank(reason));
        }
        let alpha = value(&self.alphas, module).unwrap_or(self.alpha);
        let divisor = if self.is_stabilised { told.sqrt() } else { told };
        Ok((alpha / divisor) as f32)
    }
}

#[derive(Deserialize)]
struct Read {
    r: f64,
    lora_alpha: f64,
    rank_pattern: Option<InOrder>,
    alpha_pattern: Option<InOrder>,
    use_rslora: Option<bool>,
}

/// An object as it is written: the first pattern that matches counts.
struct InOrder(Vec<(String, f64)>);

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = InOrder;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(InOrder(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

fn check(all: &Map<String, Value>) -> Result<(), LoraError> {
    match all.get("peft_type").and_then(Value::as_str) {
        Some("LORA") => {}
        Some(other) => return Err(unsupported(&format!("it is of the kind {other}; LORA alone is folded"))),
        None => return Err(LoraError::Config("it has no `peft_type`".to_owned())),
    }
    if all.get("bias").and_then(Value::as_str).is_some_and(|bias| bias != "none") {
        return Err(unsupported("it changes biases (`bias`)"));
    }
    let begun = all.get("init_lora_weights").and_then(Value::as_str);
    if let Some(begun) = begun.filter(|begun| !PLAIN_BEGINNINGS.contains(begun)) {
        let reason =
            format!("it began as `{begun}`, which changes the base too; save it with PEFT's conversion to plain LoRA");
        return Err(unsupported(&reason));
    }
    let known = |key: &String| HARMLESS.contains(&key.as_str()) || READ.contains(&key.as_str());
    match all.iter().find(|(key, value)| !known(key) && is_set(value)) {
        Some((key, _)) => Err(unsupported(&format!("it uses `{}`", key.chars().take(64).collect::<String>()))),
        None => Ok(()),
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => !values.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

fn patterns(read: Option<InOrder>) -> Result<Patterns, LoraError> {
    let entries = read.map_or_else(Vec::new, |entries| entries.0);
    if entries.len() > PATTERNS_MAX {
        return Err(LoraError::Config(format!("it has {} patterns", entries.len())));
    }
    let pattern = |(text, value): (String, f64)| {
        let shown: String = text.chars().take(64).collect();
        let expression = Regex::new(&format!(r"^(?:.*\.)?(?:{text})$"));
        let expression = expression.map_err(|_| LoraError::Config(format!("`{shown}` is no pattern")))?;
        Ok((expression, value))
    };
    entries.into_iter().map(pattern).collect()
}

fn value(patterns: &Patterns, module: &str) -> Option<f64> {
    patterns.iter().find(|(pattern, _)| pattern.is_match(module)).map(|(_, value)| *value)
}

fn unsupported(reason: &str) -> LoraError {
    LoraError::Unsupported(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(changes: &Value) -> Result<AdapterConfig, LoraError> {
        let mut config =
            json!({"peft_type": "LORA", "r": 8, "lora_alpha": 16, "bias": "none", "init_lora_weights": true});
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        AdapterConfig::parse(config.to_string().as_bytes())
    }

    fn code(changes: &Value) -> &'static str {
        parse(changes).unwrap_err().code()
    }

    #[test]
    fn the_scale_is_alpha_by_rank_or_by_its_root() {
        let plain = parse(&json!({})).unwrap();
        assert_eq!(plain.scale("model.encoder.layers.0.fc1", 8), Ok(2.0));
        assert_eq!(plain.scale("fc1", 4).unwrap_err().code(), "adapter_rank_mismatch");
        let stabilised = parse(&json!({"use_rslora": true, "r": 16})).unwrap();
        assert_eq!(stabilised.scale("fc1", 16), Ok(4.0));
    }

    #[test]
    fn patterns_match_the_end_of_a_path_and_the_first_counts() {
        let text = r#"{"peft_type":"LORA","r":8,"lora_alpha":16,
            "rank_pattern":{"layers.1.fc1":4,"fc1":2},"alpha_pattern":{"encoder\\.layers\\.\\d+\\.fc1":4}}"#;
        let config = AdapterConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(config.scale("model.encoder.layers.1.fc1", 4), Ok(1.0));
        assert_eq!(config.scale("model.encoder.layers.11.fc1", 2), Ok(2.0));
        assert_eq!(config.scale("model.decoder.layers.0.fc1", 2), Ok(8.0));
        assert_eq!(config.scale("model.decoder.layers.0.xfc1", 8), Ok(2.0));
    }

    #[test]
    fn what_is_not_plain_is_refused() {
        let cases = [
            json!({"use_dora": true}),
            json!({"modules_to_save": ["proj_out"]}),
            json!({"bias": "lora_only"}),
            json!({"lora_bias": true}),
            json!({"peft_type": "LOHA"}),
            json!({"init_lora_weights": "pissa"}),
            json!({"layer_replication": [[0, 2]]}),
            json!({"something_of_next_year": 1}),
        ];
        for case in cases {
            assert_eq!(code(&case), "adapter_unsupported", "{case}");
        }
        for case in [json!({"r": 0}), json!({"r": "8"}), json!({"lora_alpha": null}), json!({"rank_pattern": {"(": 1}})]
        {
            assert_eq!(code(&case), "adapter_config_invalid", "{case}");
        }
        assert_eq!(AdapterConfig::parse(b"{").unwrap_err().code(), "adapter_config_invalid");
        assert!(parse(&json!({"something_of_next_year": null, "loftq_config": {}})).is_ok());
    }
}
