//! From what names a model where a file is expected to the file: the file itself, else the name of a model that ships, else a
//! name of the catalogue that has been pulled.

use crate::config::Config;
use crate::failure::{CliError, Exit};
use crate::starter;
use samovar_hub::{Catalogue, CatalogueModel, HubSettings};
use std::path::{Path, PathBuf};

/// The file that `text` means.
///
/// # Errors
/// Where it is neither a file nor a name, or the name's files have not been pulled.
pub fn resolve(text: &str, config: &Config) -> Result<PathBuf, CliError> {
    let path = PathBuf::from(text);
    if path.exists() {
        return Ok(encoder_in(&path).unwrap_or(path));
    }
    if let Some(shipped) = starter::model(text) {
        return shipped.unpacked();
    }
    match Catalogue::get().find(text) {
        Some(model) => pulled(model)?.ok_or_else(|| not_pulled(model)),
        None if looks_like_a_file(text) => {
            let message = format!("there is no model file {text}");
            Err(CliError::new("model_file_unreadable", message).cure("check that the path is right"))
        }
        None => Err(unknown(text, config)),
    }
}

/// The file that `path` of a configuration in `folder` means; where it is neither there nor a name whose file is here,
/// the path as it would be, so that loading it tells what is wrong.
pub fn resolve_configured(folder: &Path, path: &Path) -> PathBuf {
    let joined = folder.join(path);
    let named = |name: &str| match starter::model(name) {
        Some(shipped) => shipped.unpacked().ok(),
        None => Catalogue::get().find(name).and_then(|model| pulled(model).ok()?),
    };
    if joined.exists() {
        return encoder_in(&joined).unwrap_or(joined);
    }
    path.to_str().and_then(named).unwrap_or(joined)
}

/// The encoder in the folder of a Whisper, laid out as exports and Hub repositories are: in `onnx`, or beside the rest.
fn encoder_in(folder: &Path) -> Option<PathBuf> {
    const ENCODER: &str = "encoder_model.onnx";
    let places = [folder.join("onnx").join(ENCODER), folder.join(ENCODER)];
    places.into_iter().find(|path| path.is_file()).filter(|_| folder.join("config.json").is_file())
}

/// What is to be done about a file that is absent because a name of the catalogue stands for it.
///
/// # Errors
/// That it has to be pulled.
pub fn make_sure_of(path: &Path) -> Result<(), CliError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match Catalogue::get().find(name).filter(|_| !path.exists()) {
        Some(model) => Err(not_pulled(model)),
        None => Ok(()),
    }
}

/// A name that nothing is called, with those that may have been meant.
pub fn unknown(text: &str, config: &Config) -> CliError {
    let known = config.models.keys().map(String::as_str).chain(starter::models().iter().map(|model| model.name));
    let known = known.filter(|name| strsim::jaro_winkler(text, name) > 0.8);
    let near: Vec<String> = known.chain(Catalogue::get().near(text)).map(|name| format!("`{name}`")).collect();
    let cure = match (near.is_empty(), config.models.is_empty()) {
        (false, _) => format!("did you mean {}?", near.join(" or ")),
        (true, false) => {
            "`samovar models` lists the configured names, `samovar models list` the catalogue's".to_owned()
        }
        (true, true) => "give the ONNX file itself, or a name that `samovar models list` tells".to_owned(),
    };
    CliError::new(
        "model_not_found",
        format!("`{text}` is neither a configured model, a file nor a name of the catalogue"),
    )
    .cure(cure)
    .exit(Exit::Usage)
}

fn pulled(model: &CatalogueModel) -> Result<Option<PathBuf>, CliError> {
    Ok(model.find(&HubSettings::from_environment()?.cache))
}

fn not_pulled(model: &CatalogueModel) -> CliError {
    let message = format!("`{}` is in the catalogue and has not been pulled", model.name);
    CliError::new("model_not_pulled", message).cure(format!("samovar models pull {}", model.name))
}

fn looks_like_a_file(text: &str) -> bool {
    text.contains('/') || Path::new(text).extension().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_before_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, "").unwrap();
        assert_eq!(resolve(path.to_str().unwrap(), &Config::default()).unwrap(), path);
        assert_eq!(resolve_configured(folder.path(), Path::new("model.onnx")), path);
        assert_eq!(resolve_configured(folder.path(), Path::new("other.onnx")), folder.path().join("other.onnx"));
    }

    #[test]
    fn the_folder_of_a_whisper_stands_for_its_encoder() {
        let folder = tempfile::tempdir().unwrap();
        let (whisper, text) = (folder.path().join("tiny"), folder.path().join("tiny/"));
        let encoder = whisper.join("onnx/encoder_model.onnx");
        std::fs::create_dir_all(whisper.join("onnx")).unwrap();
        std::fs::write(&encoder, "").unwrap();
        let resolved = || resolve(text.to_str().unwrap(), &Config::default()).unwrap();
        assert_eq!(resolved(), text, "nothing says that it is one");
        std::fs::write(whisper.join("config.json"), "{}").unwrap();
        assert_eq!(resolved(), encoder);
        assert_eq!(resolve_configured(folder.path(), Path::new("tiny")), encoder);
    }

    #[test]
    fn what_is_nothing_is_told_with_what_is_near() {
        let code = |text: &str| resolve(text, &Config::default()).unwrap_err().code;
        for absent in ["absent.onnx", "folder/absent"] {
            assert_eq!(code(absent), "model_file_unreadable");
        }
        let name = &Catalogue::get().models()[0].name;
        let error = resolve(&format!("{name}x"), &Config::default()).unwrap_err();
        assert_eq!(error.code, "model_not_found");
        assert!(error.cure.unwrap().starts_with(&format!("did you mean `{name}`")));
    }
}
