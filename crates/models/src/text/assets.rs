//! What lies beside a text model's weights: configuration as transformers and sentence-transformers write it.

use crate::Pooling;
use samovar_runtime::ContractError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// What the files beside a text model say; what they do not say is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TextAssets {
    /// Rows of the embedding table: `vocab_size`.
    pub(crate) vocabulary_size: Option<usize>,
    /// Length of a token's vector: `hidden_size`.
    pub(crate) hidden_size: Option<usize>,
    /// Tokens of one text at most, special tokens included: the least that any file says.
    pub(crate) tokens_max: Option<usize>,
    /// Tokens for which the graph has positions.
    pub(crate) positions: Option<usize>,
    /// The token of padding.
    pub(crate) padding: Option<u32>,
    pub(crate) pooling: Option<PoolingFile>,
    /// What follows the pooling, by `modules.json`; none without that file.
    pub(crate) after_pooling: Option<Vec<String>>,
    pub(crate) prompts: BTreeMap<String, String>,
    pub(crate) default_prompt: Option<String>,
}

/// What the pooling's own file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PoolingFile {
    Known(Pooling),
    /// A way that is not built here, by its name in the file.
    Other(String),
}

/// Configuration files are small; larger ones are something else.
const FILE_MAX_BYTES: u64 = 16 << 20;

impl TextAssets {
    /// Reads the folder.
    ///
    /// # Errors
    /// A file that is there and is not JSON.
    pub(crate) fn read(folder: &Path) -> Result<Self, ContractError> {
        let config = read_json(folder, "config.json")?.unwrap_or_default();
        let sentence = read_json(folder, "sentence_bert_config.json")?.unwrap_or_default();
        let tokenizer = read_json(folder, "tokenizer_config.json")?.unwrap_or_default();
        let prompts = read_json(folder, "config_sentence_transformers.json")?.unwrap_or_default();
        let modules = read_json(folder, "modules.json")?;
        let pooling = pooling_folder(modules.as_ref()).unwrap_or("1_Pooling");
        let pooling = read_json(folder, &format!("{pooling}/config.json"))?;
        let positions = positions(&config);
        let limits = [number(&sentence, "max_seq_length"), positions, number(&tokenizer, "model_max_length")];
        Ok(Self {
            vocabulary_size: number(&config, "vocab_size"),
            hidden_size: number(&config, "hidden_size"),
            tokens_max: limits.into_iter().flatten().min(),
            positions,
            padding: number(&config, "pad_token_id").and_then(|id| u32::try_from(id).ok()),
            pooling: pooling.as_ref().and_then(pooling_file),
            after_pooling: modules.as_ref().map(after_pooling),
            prompts: texts(&prompts["prompts"]),
            default_prompt: prompts["default_prompt_name"].as_str().map(ToOwned::to_owned),
        })
    }

    /// Whether sentence-transformers would bring vectors to length 1; none where nothing tells.
    pub(crate) fn normalizes(&self) -> Option<bool> {
        self.after_pooling.as_ref().map(|modules| modules.iter().any(|module| module == "Normalize"))
    }
}

/// Tokens for which the graph has positions. RoBERTa's begin behind the padding token's.
fn positions(config: &Value) -> Option<usize> {
    let positions = number(config, "max_position_embeddings")?;
    let shifted = config["model_type"].as_str().is_some_and(|model| {
        ["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer"].contains(&model)
    });
    if !shifted {
        return Some(positions);
    }
    let padding = number(config, "pad_token_id").unwrap_or(1);
    Some(positions.saturating_sub(padding.saturating_add(1)).max(1))
}

/// A whole number that can be a size; 1e30 stands for no limit in such files.
fn number(value: &Value, key: &str) -> Option<usize> {
    let number = value.get(key)?.as_u64()?;
    usize::try_from(number).ok().filter(|&number| number <= 1 << 24)
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
}

/// `sentence_transformers.models.Normalize` is `Normalize`.
fn module_kind(module: &Value) -> &str {
    let path = module["type"].as_str().unwrap_or_default();
    path.rsplit('.').next().unwrap_or(path)
}

fn pooling_folder(modules: Option<&Value>) -> Option<&str> {
    let pooling = modules?.as_array()?.iter().find(|module| module_kind(module) == "Pooling")?;
    let path = pooling["path"].as_str()?;
    // A name in this folder and nothing that leads elsewhere.
    let mut parts = Path::new(path).components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    is_name.then_some(path)
}

fn after_pooling(modules: &Value) -> Vec<String> {
    let kinds = modules.as_array().into_iter().flatten().map(|module| module_kind(module).to_owned());
    kinds.skip_while(|kind| kind != "Pooling").skip(1).collect()
}

fn pooling_file(config: &Value) -> Option<PoolingFile> {
    let named = config["pooling_mode"].as_str().map(ToOwned::to_owned);
    let flags = config.as_object()?.iter().filter(|(_, on)| **on == Value::Bool(true));
    let flagged = flags.filter_map(|(key, _)| Some(key.strip_prefix("pooling_mode_")?.to_owned()));
    let modes: Vec<String> = named.into_iter().chain(flagged).collect();
    let include_prompt = config["include_prompt"].as_bool().unwrap_or(true);
    Some(match modes.as_slice() {
        [] => return None,
        _ if !include_prompt => PoolingFile::Other(format!("{} without the prompt", modes.join("+"))),
        [only] => match only.as_str() {
            "mean_tokens" | "mean" => PoolingFile::Known(Pooling::Mean),
            "cls_token" | "cls" => PoolingFile::Known(Pooling::Cls),
            "lasttoken" => PoolingFile::Known(Pooling::LastToken),
            other => PoolingFile::Other(other.to_owned()),
        },
        several => PoolingFile::Other(several.join("+")),
    })
}

/// The file's content; none where there is no such file.
fn read_json(folder: &Path, name: &str) -> Result<Option<Value>, ContractError> {
    let path = folder.join(name);
    let Ok(metadata) = path.metadata() else { return Ok(None) };
    if metadata.len() > FILE_MAX_BYTES {
        return Err(ContractError(format!("`{name}` has {} bytes, too many for a configuration", metadata.len())));
    }
    let bytes =
        std::fs::read(&path).map_err(|error| ContractError(format!("`{name}` cannot be read: {}", error.kind())))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        ContractError(format!("`{name}` is not valid JSON: {error}; take it anew from where the model is from"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder(files: &[(&str, Value)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content.to_string()).unwrap();
        }
        folder
    }

    #[test]
    fn the_files_of_a_sentence_encoder_are_understood() {
        let modules = json!([
            {"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ]);
        let folder = folder(&[
            (
                "config.json",
                json!({"model_type": "xlm-roberta", "max_position_embeddings": 8194, "pad_token_id": 1,
                "vocab_size": 250_002, "hidden_size": 1024}),
            ),
            ("sentence_bert_config.json", json!({"max_seq_length": 8192})),
            ("tokenizer_config.json", json!({"model_max_length": 1e30})),
            ("modules.json", modules),
            ("1_Pooling/config.json", json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})),
            (
                "config_sentence_transformers.json",
                json!({"prompts": {"query": "query: "}, "default_prompt_name": null}),
            ),
        ]);
        let assets = TextAssets::read(folder.path()).unwrap();
        assert_eq!((assets.tokens_max, assets.positions), (Some(8192), Some(8192)));
        assert_eq!((assets.vocabulary_size, assets.hidden_size, assets.padding), (Some(250_002), Some(1024), Some(1)));
        assert_eq!(assets.pooling, Some(PoolingFile::Known(Pooling::Cls)));
        assert_eq!(assets.normalizes(), Some(true));
        assert_eq!((assets.prompts["query"].as_str(), assets.default_prompt), ("query: ", None));
    }

    #[test]
    fn a_folder_without_files_says_nothing_and_broken_json_is_told() {
        let empty = folder(&[]);
        assert_eq!(TextAssets::read(empty.path()).unwrap(), TextAssets::default());
        std::fs::write(empty.path().join("config.json"), "{").unwrap();
        let error = TextAssets::read(empty.path()).unwrap_err();
        assert!(error.0.starts_with("`config.json` is not valid JSON"), "{error}");
    }

    #[test]
    fn pooling_that_is_not_built_here_is_named() {
        let other = |config: Value| pooling_file(&config);
        let name = |name: &str| Some(PoolingFile::Other(name.to_owned()));
        assert_eq!(other(json!({"pooling_mode_max_tokens": true})), name("max_tokens"));
        assert_eq!(
            other(json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})),
            name("cls_token+mean_tokens")
        );
        assert_eq!(
            other(json!({"pooling_mode_mean_tokens": true, "include_prompt": false})),
            name("mean_tokens without the prompt")
        );
        assert_eq!(other(json!({})), None);
    }
}
