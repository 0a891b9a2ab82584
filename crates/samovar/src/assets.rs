//! Where what belongs to a graph lies: tokenizer and settings, as they are downloaded with it.

use crate::config::ModelSection;
use std::path::{Path, PathBuf};

/// Any of these makes a folder one of assets.
const KNOWN: [&str; 4] =
    ["tokenizer.json", "config.json", "preprocessor_config.json", "config_sentence_transformers.json"];

/// The folder of a model's assets: the one that is configured, else the graph's own or the one above it, where either has some.
/// Of a folder of versions the folder itself goes before its newest version, so that a swap takes no other tokenizer along.
pub fn of(section: &ModelSection) -> Option<PathBuf> {
    if section.assets.is_some() {
        return section.assets.clone();
    }
    let path = &section.path;
    if path.is_dir() {
        let newest = crate::model_choice::source(section).ok()?.look().ok()?.1.path;
        return [Some(path.as_path()), newest.parent()].into_iter().flatten().find(has_some).map(Path::to_path_buf);
    }
    beside(path)
}

/// Hub repositories keep graphs in `onnx` and everything else above it.
fn beside(graph: &Path) -> Option<PathBuf> {
    let own = graph.parent().map(|own| if own.as_os_str().is_empty() { Path::new(".") } else { own })?;
    let above = own.parent().filter(|_| own.file_name().is_some_and(|name| name == "onnx"));
    [Some(own), above].into_iter().flatten().find(has_some).map(Path::to_path_buf)
}

fn has_some(folder: &&Path) -> bool {
    KNOWN.iter().any(|file| folder.join(file).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_lie_beside_the_graph_or_above_the_folder_onnx() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("onnx");
        std::fs::create_dir(&inner).unwrap();
        let graph = inner.join("model.onnx");
        assert_eq!(beside(&graph), None);
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        assert_eq!(beside(&graph).as_deref(), Some(folder.path()));
        std::fs::write(inner.join("tokenizer.json"), "{}").unwrap();
        assert_eq!(beside(&graph), Some(inner));
        assert_eq!(
            beside(&folder.path().join("other/model.onnx")),
            None,
            "only from `onnx` is the folder above looked at"
        );
    }
}
