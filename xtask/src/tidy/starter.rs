//! What ships with Samovar stays small and says what it is: the starter models together, each with its card.

use super::Finding;
use super::tree::Tree;

const MODELS: &str = "starter/models/";
/// What all model files of the starter set may take together.
const MODELS_MAX_BYTES: u64 = 8_000_000;
/// A card says at least what goes in, how good it is, what it cannot do, and whose it is.
const CARD_SECTIONS: [&str; 4] = ["layout", "metrics", "limits", "licence"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let models = || tree.files.iter().filter(|file| file.path.starts_with(MODELS) && file.path.ends_with(".onnx"));
    let mut findings = Vec::new();
    let bytes: u64 = models().map(|file| file.size_bytes).sum();
    if bytes > MODELS_MAX_BYTES {
        let message = format!("the models take {bytes} bytes together, the limit is {MODELS_MAX_BYTES}");
        findings.push(Finding::new(MODELS, 0, message));
    }
    for model in models() {
        let Some((card, text)) = card(tree, &model.path) else {
            findings.push(Finding::new(&model.path, 0, "write a card beside it: NAME.md, or README.md in its folder"));
            continue;
        };
        let headings: String = text.lines().filter(|line| line.starts_with("## ")).map(str::to_lowercase).collect();
        for section in CARD_SECTIONS.iter().filter(|section| !headings.contains(**section)) {
            findings.push(Finding::new(card, 0, format!("the card has no section `## {section}`")));
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

/// The card of a model: the one named like it or like its beginning, for tiers that share one; else that of its folder.
fn card<'t>(tree: &'t Tree, model: &str) -> Option<(&'t str, &'t str)> {
    let name = model.strip_prefix(MODELS)?;
    let describes = |path: &str| match path.strip_prefix(MODELS).and_then(|card| card.strip_suffix(".md")) {
        Some(card) => name.starts_with(card.strip_suffix("README").unwrap_or(card)),
        None => false,
    };
    let file = tree.files.iter().find(|file| describes(&file.path))?;
    Some((&file.path, file.text.as_deref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "# A\n## Layout\n## Metrics on held-out seeds\n## Limits\n## Licence\n";

    fn paths(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn every_model_has_a_card() {
        assert_eq!(paths(&[("starter/models/a.onnx", "")]), ["starter/models/a.onnx"]);
        assert!(paths(&[("starter/models/a.onnx", ""), ("starter/models/a.md", CARD)]).is_empty());
        assert!(paths(&[("starter/models/a-fast.onnx", ""), ("starter/models/a.md", CARD)]).is_empty());
        assert!(paths(&[("starter/models/w/onnx/e.onnx", ""), ("starter/models/w/README.md", CARD)]).is_empty());
    }

    #[test]
    fn a_card_says_what_a_model_cannot_do() {
        let card = CARD.replace("Limits", "Praise");
        assert_eq!(paths(&[("starter/models/a.onnx", ""), ("starter/models/a.md", &card)]), ["starter/models/a.md"]);
    }

    #[test]
    fn models_stay_small_together() {
        let half = "x".repeat(4_000_001);
        let files =
            [("starter/models/a.onnx", &*half), ("starter/models/ab.onnx", &half), ("starter/models/a.md", CARD)];
        assert_eq!(paths(&files), [MODELS]);
    }
}
