//! The files beside a Whisper's graphs: sizes, special tokens, languages, what is suppressed.

use super::{DecodeOptions, Language, SpecialTokens, SpeechError, Timestamps};
use samovar_runtime::ContractError;
use serde_json::Value;
use std::path::Path;

/// What the folder of a Whisper says about it: `config.json`, `generation_config.json` and `preprocessor_config.json` as
/// transformers writes them. The second may be missing: the order of the special tokens is the same in all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Bands of the log-mel spectrogram: 80, or 128 from large-v3 on.
    pub mels: usize,
    /// Places of the encoder's output for a window: 1,500, each of 20 ms. The input has twice as many frames.
    pub positions: usize,
    /// Tokens that the decoder has positions for, prompt included: 448.
    pub tokens_max: usize,
    /// Logits of each step.
    pub vocabulary_size: usize,
    /// Width of the encoder's output and of the decoder.
    pub width: usize,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Heads of each layer of the decoder.
    pub decoder_heads: usize,
    /// The tokens that are no text.
    pub special: SpecialTokens,
    /// Tokens that never come.
    pub suppressed: Vec<u32>,
    /// Tokens that never come first.
    pub suppressed_first: Vec<u32>,
    /// The last timestamp that may come first, in steps of 0.02 s from the window's beginning: the reference has 50.
    pub first_timestamp_max: Option<u32>,
    /// Layer and head of the decoder's cross-attention that tell where tokens sound; empty where nothing names them.
    pub alignment_heads: Vec<(usize, usize)>,
    /// Width of the median filter over the alignment, in places: 7.
    pub median_width: usize,
    /// False for the `.en` models: no language, no task.
    pub is_multilingual: bool,
    /// The languages with their tokens; empty for the `.en` models.
    pub languages: Vec<(Language, u32)>,
}

/// Configuration files are small; larger ones are something else.
const FILE_MAX_BYTES: u64 = 16 << 20;

/// More heads than any model names.
const HEADS_MAX: usize = 64;

/// Larger sizes are a mistake in the file.
const SIZE_MAX: u64 = 1 << 20;

impl Checkpoint {
    /// Samples of a second.
    pub const SAMPLE_RATE: u32 = 16_000;
    /// Samples between two frames.
    pub const HOP: usize = 160;

    /// Reads the folder.
    ///
    /// # Errors
    /// A file that is missing or is no Whisper's, and which value is wrong.
    pub fn read(folder: &Path) -> Result<Self, ContractError> {
        let config = json(folder, "config.json")?.ok_or_else(missing_config)?;
        let generation = json(folder, "generation_config.json")?.unwrap_or_default();
        let preprocessor = json(folder, "preprocessor_config.json")?.unwrap_or_default();
        check_preprocessor(&preprocessor, &config)?;
        Self::of(&config, &generation)
    }

    /// Frames of a window: 3,000.
    pub const fn frames(&self) -> usize {
        self.positions * 2
    }

    /// Samples of a window: 480,000.
    pub const fn window_samples(&self) -> usize {
        self.frames() * Self::HOP
    }

    /// Numbers of one head in the decoder.
    pub const fn head_width(&self) -> usize {
        self.width / self.decoder_heads
    }

    /// Tokens of previous text and hotwords at most: the reference keeps half of the positions less one.
    pub const fn previous_max(&self) -> usize {
        self.tokens_max / 2 - 1
    }

    /// The token of a language.
    ///
    /// # Errors
    /// A language that the model has not.
    pub fn language_token(&self, language: Language) -> Result<u32, SpeechError> {
        let found = self.languages.iter().find(|(other, _)| *other == language);
        found
            .map(|(_, token)| *token)
            .ok_or_else(|| SpeechError::Language { asked: language.code(), known: self.language_codes() })
    }

    /// Whether every value is within its bounds and the model has what is asked for.
    ///
    /// # Errors
    /// The first value that is not, with what it may be.
    pub fn permits(&self, options: &DecodeOptions) -> Result<(), SpeechError> {
        options.validate()?;
        if options.translate && !self.is_multilingual {
            return Err(SpeechError::Translate);
        }
        let is_english = !self.is_multilingual && options.language == Some(Language::ENGLISH);
        if let Some(language) = options.language.filter(|_| !is_english) {
            self.language_token(language)?;
        }
        if options.timestamps == Timestamps::Word && self.alignment_heads.is_empty() {
            return Err(SpeechError::NoWords);
        }
        Ok(())
    }

    fn language_codes(&self) -> String {
        if self.languages.is_empty() {
            return "English alone".to_owned();
        }
        let codes: Vec<&str> = self.languages.iter().map(|(language, _)| language.code()).take(10).collect();
        let more = self.languages.len() - codes.len();
        if more == 0 { codes.join(", ") } else { format!("{} and {more} more", codes.join(", ")) }
    }

    fn of(config: &Value, generation: &Value) -> Result<Self, ContractError> {
        if config["model_type"].as_str().is_some_and(|model| model != "whisper") {
            return Err(ContractError(format!(
                "`config.json` is of a `{}`, and a `whisper` is expected",
                config["model_type"].as_str().unwrap_or_default()
            )));
        }
        let special = special_tokens(config, generation)?;
        let languages = languages(generation, &special);
        let is_multilingual = generation["is_multilingual"].as_bool().unwrap_or_else(|| !is_english(config));
        let token_list =
            |key: &str| token_list(generation, key).or_else(|| token_list(config, key)).unwrap_or_default();
        let checkpoint = Self {
            mels: size(config, "num_mel_bins")?,
            positions: size(config, "max_source_positions")?,
            tokens_max: size(config, "max_target_positions")?,
            vocabulary_size: size(config, "vocab_size")?,
            width: size(config, "d_model")?,
            decoder_layers: size(config, "decoder_layers")?,
            decoder_heads: size(config, "decoder_attention_heads")?,
            special,
            suppressed: token_list("suppress_tokens"),
            suppressed_first: token_list("begin_suppress_tokens"),
            first_timestamp_max: generation["max_initial_timestamp_index"]
                .as_u64()
                .and_then(|at| u32::try_from(at).ok()),
            alignment_heads: Vec::new(),
            median_width: config["median_filter_width"].as_u64().map_or(7, |width| width as usize),
            is_multilingual,
            languages: if is_multilingual { languages } else { Vec::new() },
        };
        checkpoint.check()?;
        Ok(Self { alignment_heads: checkpoint.heads_of(generation), ..checkpoint })
    }

    /// The alignment heads that the file names and the model has: files are copied from larger models now and then.
    fn heads_of(&self, generation: &Value) -> Vec<(usize, usize)> {
        let pairs = generation["alignment_heads"].as_array().into_iter().flatten();
        let pairs = pairs.filter_map(|pair| Some((pair[0].as_u64()? as usize, pair[1].as_u64()? as usize)));
        pairs
            .filter(|(layer, head)| *layer < self.decoder_layers && *head < self.decoder_heads)
            .take(HEADS_MAX)
            .collect()
    }

    /// What would otherwise go wrong in the middle of a window.
    fn check(&self) -> Result<(), ContractError> {
        let special = &self.special;
        let highest = [special.end, special.start, special.translate, special.transcribe, special.previous];
        let highest = highest.into_iter().chain([special.no_speech, special.timestamp_first]).max().unwrap_or_default();
        let median_fits = self.median_width % 2 == 1 && self.median_width < 100;
        let faults = [
            (!matches!(self.mels, 80 | 128), format!("num_mel_bins is {}; 80 and 128 are known", self.mels)),
            (self.tokens_max < 8, format!("max_target_positions is {}, too few for a prompt", self.tokens_max)),
            (
                !self.width.is_multiple_of(self.decoder_heads),
                format!("d_model {} is not a multiple of decoder_attention_heads {}", self.width, self.decoder_heads),
            ),
            (
                highest as usize >= self.vocabulary_size,
                format!("vocab_size is {}, and a special token is {highest}", self.vocabulary_size),
            ),
            (special.end >= special.no_timestamps, "the special tokens do not follow the text's".to_owned()),
            (self.is_multilingual && self.languages.is_empty(), "a multilingual model names no languages".to_owned()),
            (!median_fits, format!("median_filter_width is {}; an odd number is needed", self.median_width)),
        ];
        if let Some((_, fault)) = faults.into_iter().find(|(is_wrong, _)| *is_wrong) {
            return Err(ContractError(format!("the model's configuration cannot be used: {fault}")));
        }
        Ok(())
    }
}

/// The special tokens: as the files name them, and where they do not, in the order that all vocabularies have.
fn special_tokens(config: &Value, generation: &Value) -> Result<SpecialTokens, ContractError> {
    let either = |key: &str| token(generation, key).or_else(|| token(config, key));
    let needed = |key: &str| either(key).ok_or_else(|| missing(key));
    let (end, start) = (needed("eos_token_id")?, needed("decoder_start_token_id")?);
    let behind_all =
        size(config, "vocab_size")?.checked_sub(TIMESTAMPS + 1).and_then(|token| u32::try_from(token).ok());
    let no_timestamps =
        token(generation, "no_timestamps_token_id").or(behind_all).ok_or_else(|| missing("vocab_size"))?;
    let usual = SpecialTokens::before(no_timestamps, start, end).ok_or_else(|| missing("no_timestamps_token_id"))?;
    let task = |name: &str| token(&generation["task_to_id"], name);
    Ok(SpecialTokens {
        translate: task("translate").unwrap_or(usual.translate),
        transcribe: task("transcribe").unwrap_or(usual.transcribe),
        previous: token(generation, "prev_sot_token_id").unwrap_or(usual.previous),
        ..usual
    })
}

/// `<|0.00|>` to `<|30.00|>`.
const TIMESTAMPS: usize = 1_501;

/// The languages with their tokens, in the order of the tokens.
fn languages(generation: &Value, special: &SpecialTokens) -> Vec<(Language, u32)> {
    let Some(named) = generation["lang_to_id"].as_object() else {
        return Language::all().zip(special.languages()).collect();
    };
    let named = named.iter().filter_map(|(name, id)| Some((Language::parse(name)?, u32::try_from(id.as_u64()?).ok()?)));
    let mut languages: Vec<_> = named.collect();
    languages.sort_unstable_by_key(|(_, token)| *token);
    languages
}

/// The vocabulary of the `.en` models is one shorter: that of the others begins with a token more.
fn is_english(config: &Value) -> bool {
    config["vocab_size"].as_u64() == Some(51_864)
}

/// A front end of another kind would give numbers that mean something else.
fn check_preprocessor(preprocessor: &Value, config: &Value) -> Result<(), ContractError> {
    let expected = [
        ("sampling_rate", u64::from(Checkpoint::SAMPLE_RATE)),
        ("hop_length", Checkpoint::HOP as u64),
        ("n_fft", 400),
        ("feature_size", config["num_mel_bins"].as_u64().unwrap_or_default()),
    ];
    let differs = |(key, value): &(&str, u64)| preprocessor[*key].as_u64().is_some_and(|found| found != *value);
    match expected.into_iter().find(differs) {
        Some((key, value)) => Err(ContractError(format!(
            "`preprocessor_config.json` has {key} {}, and {value} is expected; take it anew from where the model is from",
            preprocessor[key]
        ))),
        None => Ok(()),
    }
}

fn token_list(value: &Value, key: &str) -> Option<Vec<u32>> {
    let list = value[key].as_array()?;
    Some(list.iter().filter_map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok())).collect())
}

fn token(value: &Value, key: &str) -> Option<u32> {
    value[key].as_u64().and_then(|id| u32::try_from(id).ok())
}

fn size(config: &Value, key: &str) -> Result<usize, ContractError> {
    let size = config[key].as_u64().filter(|size| (1..=SIZE_MAX).contains(size));
    size.map(|size| size as usize).ok_or_else(|| missing(key))
}

fn missing(key: &str) -> ContractError {
    ContractError(format!("the model's configuration has no usable `{key}`; take its files anew from where it is from"))
}

fn missing_config() -> ContractError {
    ContractError(
        "`config.json` is missing: put it beside the graphs, or name the folder where it lies as `assets`".to_owned(),
    )
}

/// The file's content; none where there is no such file.
fn json(folder: &Path, name: &str) -> Result<Option<Value>, ContractError> {
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

    fn config() -> Value {
        json!({"model_type": "whisper", "num_mel_bins": 80, "max_source_positions": 1500, "max_target_positions": 448,
            "vocab_size": 51_865, "d_model": 384, "decoder_layers": 4, "decoder_attention_heads": 6, "eos_token_id": 50_257,
            "decoder_start_token_id": 50_258, "suppress_tokens": [1, 2], "begin_suppress_tokens": [220, 50_257]})
    }

    #[test]
    fn the_order_of_the_tokens_serves_where_the_generation_config_is_missing() {
        let checkpoint = Checkpoint::of(&config(), &Value::Null).unwrap();
        let special = checkpoint.special;
        assert_eq!((special.translate, special.transcribe, special.previous), (50_358, 50_359, 50_361));
        assert_eq!((special.no_speech, special.no_timestamps, special.timestamp_first), (50_362, 50_363, 50_364));
        assert_eq!(checkpoint.languages.len(), 99);
        assert_eq!(checkpoint.language_token(Language::parse("su").unwrap()), Ok(50_357));
        assert_eq!(checkpoint.language_token(Language::parse("yue").unwrap()).unwrap_err().code(), "unknown_language");
        assert_eq!((checkpoint.suppressed, checkpoint.suppressed_first), (vec![1, 2], vec![220, 50_257]));
    }

    #[test]
    fn large_v3_and_english_models_are_told_by_their_vocabulary() {
        let mut large = config();
        (large["vocab_size"], large["num_mel_bins"]) = (json!(51_866), json!(128));
        let large = Checkpoint::of(&large, &Value::Null).unwrap();
        assert_eq!((large.languages.len(), large.special.no_timestamps, large.mels), (100, 50_364, 128));
        let mut english = config();
        for (key, value) in [("vocab_size", 51_864), ("eos_token_id", 50_256), ("decoder_start_token_id", 50_257)] {
            english[key] = json!(value);
        }
        let english = Checkpoint::of(&english, &Value::Null).unwrap();
        assert_eq!((english.is_multilingual, english.special.no_timestamps), (false, 50_362));
        assert!(english.languages.is_empty());
    }

    #[test]
    fn heads_that_the_model_has_not_are_left_out() {
        let generation = json!({"alignment_heads": [[2, 2], [3, 5], [4, 0], [0, 6]]});
        assert_eq!(Checkpoint::of(&config(), &generation).unwrap().alignment_heads, [(2, 2), (3, 5)]);
    }

    #[test]
    fn what_is_no_whisper_is_refused_with_the_reason() {
        let cases = [
            ("model_type", json!("wav2vec2"), "`wav2vec2`"),
            ("num_mel_bins", json!(64), "num_mel_bins is 64"),
            ("d_model", json!(385), "not a multiple"),
            ("decoder_attention_heads", json!(0), "`decoder_attention_heads`"),
            ("max_target_positions", json!(1e12), "`max_target_positions`"),
            ("vocab_size", json!(900), "`vocab_size`"),
            ("vocab_size", json!(40_000), "`no_timestamps_token_id`"),
            ("median_filter_width", json!(4), "median_filter_width is 4"),
        ];
        for (key, value, reason) in cases {
            let mut config = config();
            config[key] = value;
            let error = Checkpoint::of(&config, &Value::Null).unwrap_err();
            assert!(error.0.contains(reason), "{key}: {error}");
        }
        let other = json!({"hop_length": 512});
        assert!(check_preprocessor(&other, &config()).unwrap_err().0.contains("hop_length 512"));
    }
}
