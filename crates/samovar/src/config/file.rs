//! Finds and reads the configuration file, and makes its paths absolute.

use super::check::check;
use super::schema::Config;
use crate::failure::{CliError, Exit};
use crate::model_name;
use std::path::{Path, PathBuf};

/// A configuration and where it came from.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    /// None: no file was named and there is none in the working folder.
    pub path: Option<PathBuf>,
    /// Paths in it are relative to the file's folder no more: they can be opened as they are.
    pub config: Config,
}

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "samovar.toml";

/// What a model may be called, in words.
pub const MODEL_NAME_RULE: &str =
    "a model name begins with a letter or digit, has at most 64 letters, digits, `-`, `_` or `.`, and is not `clear`";

/// Whether a model may be called so. `clear` stands where a name does in the address that frees all models.
pub fn is_model_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let first_is_fine = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    name.len() <= 64 && name.bytes().all(plain) && first_is_fine && name != "clear"
}

impl ConfigFile {
    /// Reads `named`, else the file of `SAMOVAR_CONFIG`, else `samovar.toml` in the working folder; without any, the defaults.
    ///
    /// # Errors
    /// A file that cannot be read, or every mistake in it.
    pub fn find(named: Option<&Path>) -> Result<Self, CliError> {
        let from_environment =
            || std::env::var_os("SAMOVAR_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
        let in_folder = || Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists());
        match named.map(Path::to_path_buf).or_else(from_environment).or_else(in_folder) {
            Some(path) => Self::read(&path),
            None => Ok(Self::default()),
        }
    }

    /// Reads one file.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("the configuration {} cannot be read: {error}", path.display());
            CliError::new("config_unreadable", message)
                .cure("`samovar config example > samovar.toml` makes one")
                .exit(Exit::Usage)
        })?;
        let mut config = check(&text).map_err(|problems| {
            let lines: Vec<String> =
                problems.iter().map(|problem| format!("{}:{}: {problem}", path.display(), problem.place)).collect();
            CliError::new("config_invalid", lines.join("\n"))
                .cure("`samovar config example` shows every key")
                .exit(Exit::Usage)
        })?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(Self { path: Some(path.to_path_buf()), config })
    }
}

impl Config {
    /// Makes paths relative to `folder` openable from here.
    fn resolve(&mut self, folder: &Path) {
        for model in self.models.values_mut() {
            model.path = model_name::resolve_configured(folder, &model.path);
            model.labels = model.labels.take().map(|labels| folder.join(labels));
            model.reference = model.reference.take().map(|reference| folder.join(reference));
            model.adapter = model.adapter.take().map(|adapter| folder.join(adapter));
            model.assets = model.assets.take().map(|assets| folder.join(assets));
        }
        self.plans.folder = self.plans.folder.take().map(|plans| folder.join(plans));
        let tls = &mut self.server.tls;
        for file in [&mut self.server.keys_file, &mut tls.certificate, &mut tls.key, &mut tls.client_ca] {
            *file = file.take().map(|file| folder.join(file));
        }
        self.media.ffmpeg = self.media.ffmpeg.take().map(|ffmpeg| folder.join(ffmpeg));
        self.evidence.folder = self.evidence.folder.take().map(|evidence| folder.join(evidence));
        self.mqtt.password_file = self.mqtt.password_file.take().map(|password| folder.join(password));
        for webhook in self.webhooks.values_mut() {
            webhook.secret_file = webhook.secret_file.take().map(|secret| folder.join(secret));
        }
        for source in self.sources.values_mut().filter(|source| !source.address.contains("://")) {
            source.address = folder.join(&source.address).display().to_string();
        }
        self.calls.folder = self.calls.folder.take().map(|calls| folder.join(calls));
        self.triage.rules = self.triage.rules.take().map(|rules| folder.join(rules));
        self.jobs.folder = self.jobs.folder.take().map(|jobs| folder.join(jobs));
        for root in self.source_additions.roots.iter_mut().chain(&mut self.jobs.roots) {
            *root = folder.join(&root);
        }
    }
}
