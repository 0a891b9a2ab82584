//! The configuration of a server that is started to be measured.

use crate::arguments::ModelChoices;
pub use crate::model_choice::name_of;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The configuration of a server that is started to be measured.
#[derive(Clone, Debug)]
pub struct ServerSetup {
    text: String,
    choices: ModelChoices,
}

impl ServerSetup {
    /// No models; plans are kept in `plans` alone, and nothing is measured in the background.
    pub fn new(plans: &Path, choices: ModelChoices) -> Self {
        // All streams come from one address here.
        let mut text =
            "[jobs]\nenabled = false\n[server]\nconnections_per_client_max = 10000\ndrain_delay_ms = 0\n".to_owned();
        let _ = writeln!(text, "[plans]\nbackground = false\nfolder = {}", quoted(plans));
        Self { text, choices }
    }

    /// The same with one more model, which `keys` say more about.
    #[must_use]
    pub fn model(mut self, name: &str, path: &Path, keys: &str) -> Self {
        let (engine, precision) = (self.choices.engine.word(), self.choices.precision.word());
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "[models.\"{name}\"]\npath = {}", quoted(path));
        let _ = writeln!(self.text, "engine = \"{engine}\"\nprecision = \"{precision}\"\n{keys}");
        self
    }

    /// The same with a model for each file, named after it.
    #[must_use]
    pub fn files(self, files: &[PathBuf]) -> Self {
        files.iter().fold(self, |setup, file| setup.model(&name_of(file), file, ""))
    }

    /// The same with further sections.
    #[must_use]
    pub fn sections(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    /// Writes it to a file of its own in the temporary folder.
    ///
    /// # Errors
    /// As writing a file.
    pub fn write(&self) -> io::Result<PathBuf> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("samovar-bench-{}-{number}.toml", std::process::id()));
        std::fs::write(&path, &self.text)?;
        Ok(path)
    }
}

/// A path as TOML takes it, from anywhere.
fn quoted(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    toml::Value::String(path.to_string_lossy().into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_a_configuration() {
        let setup = ServerSetup::new(Path::new("plans"), ModelChoices::default());
        let setup =
            setup.files(&["a b.onnx".into(), "c.onnx".into()]).model("d", Path::new("d\"q.onnx"), "preload = false");
        let config = crate::config::check(&setup.text).unwrap();
        assert_eq!(config.models.len(), 3);
        assert!(!config.models["d"].preload && config.models["d"].path.ends_with("d\"q.onnx"));
    }
}
