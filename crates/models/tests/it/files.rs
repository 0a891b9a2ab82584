//! Where the models and media are: those that ship with Samovar, and the real ones that never lie in the repository.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of real models and media; none, with a line that says so, where it is absent.
///
/// # Panics
/// Where it is absent and `CI` is `true`: a check that cannot run must not look like one that passed.
pub(crate) fn shared() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let folder = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "the test models are absent");
    println!("skipped: the test models are absent; set SAMOVAR_TEST_MODELS to their folder");
    None
}

/// A file that ships with Samovar.
pub(crate) fn starter(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path)
}

/// `shared:media/bus.jpg` or `starter:samples/still-1.jpg` as a path; none where the folder is absent.
pub(crate) fn resolve(name: &Value) -> Option<PathBuf> {
    match name.as_str().and_then(|name| name.split_once(':')) {
        Some(("shared", path)) => shared().map(|folder| folder.join(path)),
        Some(("starter", path)) => Some(starter(path)),
        _ => panic!("{name} names no file"),
    }
}
