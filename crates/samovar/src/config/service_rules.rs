//! Rules over what answers texts, pictures and faces: the models' own keys for texts, pairs of towers, defaults for faces.

use super::file::is_model_name;
use super::rules::{Broken, no_such_model};
use super::schema::{Config, FamilyName, ModelSection};

/// Every broken rule of these keys.
pub fn broken(config: &Config) -> Vec<Broken> {
    let texts = config.models.iter().flat_map(|(name, model)| text_rules(name, model));
    let pairs = config.pairs.keys().flat_map(|name| pair_rules(name, config));
    let faces = unknown(config.faces.models(), &["faces"], config);
    texts.chain(pairs).chain(faces).collect()
}

/// The longest text that may stand before another.
const PROMPT_BYTES_MAX: usize = 4 << 10;

fn text_rules(name: &str, model: &ModelSection) -> Vec<Broken> {
    let key = |key: &str| path(&["models", name], key);
    let mut broken = Vec::new();
    let deaf = model.family.filter(|family| !works_on_texts(*family));
    if let (Some(family), Some(first)) = (deaf, text_keys(model).next()) {
        let message = format!("is for models of texts, and `family` says \"{}\"", family.word());
        broken.push((key(first), message));
    }
    for (prompt, text) in &model.prompts {
        if prompt.is_empty() || prompt.len() > 64 {
            broken.push((key("prompts"), "a prompt's name has 1 to 64 bytes".to_owned()));
        }
        if text.len() > PROMPT_BYTES_MAX {
            broken.push((key("prompts"), format!("the prompt `{prompt}` is longer than {PROMPT_BYTES_MAX} bytes")));
        }
    }
    if let (Some(tokens), Some(batch)) = (model.tokens_max, model.batch_tokens_max)
        && batch < tokens
    {
        let message = format!("{batch} tokens hold no text of `tokens_max` = {tokens}; make it at least that");
        broken.push((key("batch_tokens_max"), message));
    }
    broken
}

/// The keys for texts that are set.
fn text_keys(model: &ModelSection) -> impl Iterator<Item = &'static str> {
    let set = [
        ("pooling", model.pooling.is_some()),
        ("normalize", model.normalize.is_some()),
        ("tokens_max", model.tokens_max.is_some()),
        ("batch_tokens_max", model.batch_tokens_max.is_some()),
        ("prompts", !model.prompts.is_empty()),
    ];
    set.into_iter().filter_map(|(key, set)| set.then_some(key))
}

const fn works_on_texts(family: FamilyName) -> bool {
    matches!(family, FamilyName::TextEmbedding | FamilyName::CrossEncoder | FamilyName::ImageTextEmbedding)
}

fn pair_rules(name: &str, config: &Config) -> Vec<Broken> {
    let pair = &config.pairs[name];
    let mut broken = unknown(pair.models(), &["pairs", name], config);
    let told = match () {
        () if !is_model_name(name) => "requests name it like a model, and this is not a model name",
        () if config.models.contains_key(name) => "a model is called so; requests could not tell them apart",
        () if pair.models().next().is_none() => "names no model; set `image`, `text` or both",
        () => return broken,
    };
    broken.push((path(&["pairs"], name), told.to_owned()));
    broken
}

/// A name is checked where models are configured; else it may be one that the command line adds.
fn unknown<'a>(named: impl Iterator<Item = (&'static str, &'a str)>, table: &[&str], config: &Config) -> Vec<Broken> {
    let known = |model: &str| config.models.is_empty() || config.models.contains_key(model);
    named
        .filter(|(_, model)| !known(model))
        .map(|(key, model)| (path(table, key), no_such_model(model, config)))
        .collect()
}

fn path(table: &[&str], key: &str) -> Vec<String> {
    table.iter().copied().chain([key]).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::check;

    fn told(text: &str) -> String {
        let problems = check(text).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn keys_of_texts_are_held_against_the_family() {
        let head = "[models.mini]\npath = \"a.onnx\"\n";
        let right =
            format!("{head}family = \"text-embedding\"\npooling = \"cls\"\nprompts = {{ query = \"query: \" }}\n");
        assert!(check(&right).is_ok());
        assert!(check(&format!("{head}tokens_max = 512\nbatch_tokens_max = 512\n")).is_ok());
        let wrong = told(&format!("{head}family = \"yolo\"\nnormalize = true\n"));
        assert_eq!(wrong, "`models.mini.normalize`: is for models of texts, and `family` says \"yolo\"");
        let small = told(&format!("{head}tokens_max = 512\nbatch_tokens_max = 511\n"));
        assert!(small.starts_with("`models.mini.batch_tokens_max`: 511 tokens hold no text"), "{small}");
        assert!(told(&format!("{head}pooling = \"cla\"\n")).ends_with("did you mean \"cls\"?"));
    }

    #[test]
    fn pairs_name_models_and_are_named_like_them() {
        let head = "[models.image]\npath = \"a.onnx\"\n[models.text]\npath = \"b.onnx\"\n";
        assert!(check(&format!("{head}[pairs.clip]\nimage = \"image\"\ntext = \"text\"\n")).is_ok());
        assert!(check(&format!("{head}[pairs.clip]\ntext = \"text\"\n")).is_ok());
        for (pair, expected) in [
            ("[pairs.clip]\nimage = \"imge\"\n", "did you mean `image`?"),
            ("[pairs.text]\nimage = \"image\"\n", "could not tell them apart"),
            ("[pairs.\"a b\"]\nimage = \"image\"\n", "not a model name"),
            ("[pairs.clip]\n", "set `image`, `text` or both"),
            ("[faces]\ndetector = \"imag\"\n", "did you mean `image`?"),
        ] {
            let found = told(&format!("{head}{pair}"));
            assert!(found.ends_with(expected), "{pair}: {found}");
        }
    }
}
