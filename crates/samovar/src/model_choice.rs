//! From what names a model (a configured name, a file, `NAME=FILE`) to what the runtime loads.

use crate::arguments::ModelChoices;
use crate::config::{
    Config, EngineName, FamilyName, MODEL_NAME_RULE, ModelSection, OptimizeName, PoolingName, PrecisionName,
    VersionsSetting, is_model_name, parse_size,
};
use crate::failure::{CliError, Exit};
use crate::{assets, model_name};
use samovar_engine_api::ModelFiles;
use samovar_models::{FamilyHints, FamilyKind, Pooling, TextHints, binder};
use samovar_runtime::{
    EngineChoice, ModelSource, ModelSpec, Optimize, Precision, PrecisionChoice, Tolerance, VersionChoice,
};
use std::path::Path;
use std::time::Duration;

/// A model by name, with its options.
pub type NamedModel = (String, ModelSection);

/// The model that `text` means: a configured name, else what [`model_name::resolve`] makes of it.
///
/// # Errors
/// Where it is neither.
pub fn file_or_name(text: &str, config: &Config, choices: &ModelChoices) -> Result<NamedModel, CliError> {
    if let Some(section) = config.models.get(text) {
        let mut section = section.clone();
        overrule(&mut section, choices);
        return Ok((text.to_owned(), section));
    }
    file(text, config, choices)
}

/// The model that `[NAME=]FILE` means, where FILE is what [`model_name::resolve`] takes.
///
/// # Errors
/// A name that is none, or a file that is not there.
pub fn named_file(text: &str, choices: &ModelChoices) -> Result<NamedModel, CliError> {
    file(text, &Config::default(), choices)
}

fn file(text: &str, config: &Config, choices: &ModelChoices) -> Result<NamedModel, CliError> {
    let (name, file) = match text.split_once('=') {
        Some((name, file)) if !name.contains('/') => (name.to_owned(), file),
        _ => (name_of(Path::new(text)), text),
    };
    let path = model_name::resolve(file, config)?;
    if !is_model_name(&name) {
        let message = format!("`{name}` is not a model name: {MODEL_NAME_RULE}");
        return Err(CliError::new("model_name_invalid", message).cure("--model NAME=FILE").exit(Exit::Usage));
    }
    if path.is_dir() && newest_of(&path).look().is_err() {
        let message = format!("{} is a folder, and no folder of versions", path.display());
        return Err(CliError::new("model_file_unreadable", message)
            .cure("give the ONNX file in it, or lay versions down like 1/model.onnx, 2/model.onnx"));
    }
    let mut section = ModelSection::of_file(path);
    overrule(&mut section, choices);
    Ok((name, section))
}

/// What the runtime loads.
///
/// # Errors
/// A labels file that cannot be used, or a name of the catalogue that has not been pulled.
pub fn spec(named: &NamedModel) -> Result<ModelSpec, CliError> {
    spec_for(named, &[])
}

/// The same for pictures of these sizes (width, height) alone; empty for any.
///
/// # Errors
/// As [`spec`].
pub fn spec_for((name, section): &NamedModel, pictures: &[(u32, u32)]) -> Result<ModelSpec, CliError> {
    model_name::make_sure_of(&section.path)?;
    let hints = FamilyHints { pictures: pictures.to_vec(), ..hints(section)? };
    Ok(ModelSpec {
        companions: hints.companions(),
        adapter: section.adapter.as_deref().map(adapter_name),
        reference: section.reference.clone().map(|path| ModelFiles { path }),
        engine: engine_choice(section.engine),
        precision: precision_choice(section.precision),
        tolerance: section.tolerance.map_or_else(Tolerance::default, |relative| Tolerance { relative }),
        batch_max: section.batch_max,
        batch_delay: Duration::from_millis(section.batch_delay_ms),
        preload: section.preload,
        optimize: optimize(section.optimize),
        pinned: section.pinned,
        idle_ttl: section.idle_ttl_s.map(Duration::from_secs),
        watch: section.watch,
        ..ModelSpec::new(name.as_str(), source(section)?, binder(hints))
    })
}

/// Where a model's bytes are: its file, or a version of its folder.
///
/// # Errors
/// Versions of something that is one file.
pub fn source(section: &ModelSection) -> Result<ModelSource, CliError> {
    let choice = match section.versions {
        Some(VersionsSetting::Pinned(version)) => VersionChoice::Pinned(version),
        _ => VersionChoice::Latest { keep: section.versions_keep.unwrap_or(VERSIONS_KEEP) },
    };
    let wanted = section.versions.is_some() || section.versions_keep.is_some();
    if wanted && section.path.is_file() {
        let message = format!("{} is one file, but `versions` is set", section.path.display());
        return Err(CliError::new("versions_of_a_file", message)
            .cure("leave `versions` out, or set `path` to a folder with 1/model.onnx, 2/model.onnx")
            .exit(Exit::Usage));
    }
    if wanted || section.path.is_dir() {
        return Ok(ModelSource::Versions { folder: section.path.clone(), choice });
    }
    Ok(ModelSource::file(&section.path))
}

/// The newest version, and the one before it where the newest cannot be loaded at start.
const VERSIONS_KEEP: usize = 2;

fn newest_of(folder: &Path) -> ModelSource {
    ModelSource::Versions { folder: folder.to_path_buf(), choice: VersionChoice::Latest { keep: 1 } }
}

/// What the configuration says about a model's family.
///
/// # Errors
/// A labels file that cannot be used.
pub fn hints(section: &ModelSection) -> Result<FamilyHints, CliError> {
    Ok(FamilyHints {
        family: section.family.map(family_kind),
        labels: section.labels.as_deref().map(read_labels).transpose()?,
        input_size: section.input_size.as_deref().and_then(parse_size),
        assets: assets::of(section),
        adapter: section.adapter.clone(),
        text: text_hints(section),
        ..FamilyHints::default()
    })
}

fn text_hints(section: &ModelSection) -> TextHints {
    TextHints {
        pooling: section.pooling.map(pooling),
        normalize: section.normalize,
        tokens_max: section.tokens_max,
        batch_tokens_max: section.batch_tokens_max,
        prompts: section.prompts.clone(),
    }
}

/// An adapter is shown by the name of its folder.
fn adapter_name(folder: &Path) -> String {
    let shown = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    shown.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file's name as a model's: what may not stand in one becomes `-`.
pub fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    stem.chars().map(plain).take(64).collect::<String>().trim_start_matches(['-', '_', '.']).to_owned()
}

/// What the command line says goes before what the configuration says.
fn overrule(section: &mut ModelSection, choices: &ModelChoices) {
    if choices.engine != EngineName::Auto {
        section.engine = choices.engine;
    }
    if choices.precision != PrecisionName::Auto {
        section.precision = choices.precision;
    }
    section.family = choices.family.or(section.family);
}

/// One class name a line; empty lines at the end are left out.
fn read_labels(path: &Path) -> Result<Vec<String>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::new("labels_unreadable", format!("the labels {} cannot be read: {error}", path.display()))
    })?;
    let labels: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    if labels.is_empty() {
        let message = format!("the labels file {} is empty", path.display());
        return Err(CliError::new("labels_unreadable", message).cure("write one class name a line"));
    }
    Ok(labels)
}

const fn family_kind(name: FamilyName) -> FamilyKind {
    match name {
        FamilyName::Yolo => FamilyKind::Yolo,
        FamilyName::Yolox => FamilyKind::Yolox,
        FamilyName::YoloPose => FamilyKind::YoloPose,
        FamilyName::Segmentation => FamilyKind::Segmentation,
        FamilyName::StgNf => FamilyKind::StgNf,
        FamilyName::ReIdentification => FamilyKind::ReIdentification,
        FamilyName::TextEmbedding => FamilyKind::TextEmbedding,
        FamilyName::CrossEncoder => FamilyKind::CrossEncoder,
        FamilyName::ImageTextEmbedding => FamilyKind::ImageTextEmbedding,
        FamilyName::Yunet => FamilyKind::Yunet,
        FamilyName::FaceEmbedding => FamilyKind::FaceEmbedding,
        FamilyName::SileroVad => FamilyKind::SileroVad,
        FamilyName::Whisper => FamilyKind::Whisper,
        FamilyName::Tensor => FamilyKind::Tensor,
    }
}

const fn pooling(name: PoolingName) -> Pooling {
    match name {
        PoolingName::Mean => Pooling::Mean,
        PoolingName::Cls => Pooling::Cls,
        PoolingName::LastToken => Pooling::LastToken,
    }
}

fn engine_choice(name: EngineName) -> EngineChoice {
    match name {
        EngineName::Auto => EngineChoice::Auto,
        EngineName::Openvino => EngineChoice::Named("openvino".to_owned()),
        EngineName::Onnxruntime => EngineChoice::Named("onnxruntime".to_owned()),
        EngineName::Rten => EngineChoice::Named("rten".to_owned()),
    }
}

/// What a plan is measured for.
pub const fn optimize(name: OptimizeName) -> Optimize {
    match name {
        OptimizeName::Throughput => Optimize::Throughput,
        OptimizeName::Latency => Optimize::Latency,
    }
}

const fn precision_choice(name: PrecisionName) -> PrecisionChoice {
    match name {
        PrecisionName::Auto => PrecisionChoice::Auto,
        PrecisionName::F32 => PrecisionChoice::Fixed(Precision::F32),
        PrecisionName::Bf16 => PrecisionChoice::Fixed(Precision::Bf16),
        PrecisionName::F16 => PrecisionChoice::Fixed(Precision::F16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_itself() {
        assert_eq!(name_of(Path::new("models/yolov8n.onnx")), "yolov8n");
        assert_eq!(name_of(Path::new("a b/größe 2.onnx")), "gr--e-2");
        assert!(is_model_name(&name_of(Path::new("_x.onnx"))));
    }

    #[test]
    fn a_name_that_is_no_file_is_told_with_what_is_near() {
        let config = crate::config::check("[models.person]\npath = \"a.onnx\"\n").unwrap();
        let error = file_or_name("persn", &config, &ModelChoices::default()).unwrap_err();
        assert_eq!(error.code, "model_not_found");
        assert_eq!(error.cure.unwrap(), "did you mean `person`?");
    }

    #[test]
    fn a_folder_of_versions_is_a_model() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("person");
        std::fs::create_dir_all(path.join("3")).unwrap();
        let text = path.to_str().unwrap();
        let error = named_file(text, &ModelChoices::default()).unwrap_err();
        assert!(error.message.ends_with("no folder of versions"), "{error}");
        std::fs::write(path.join("3/model.onnx"), "").unwrap();
        let (name, section) = named_file(text, &ModelChoices::default()).unwrap();
        let (version, files) = source(&section).unwrap().look().unwrap();
        assert_eq!((name.as_str(), version), ("person", Some(3)));
        let mut file = ModelSection::of_file(files.path);
        file.versions = Some(VersionsSetting::Pinned(3));
        assert_eq!(source(&file).unwrap_err().code, "versions_of_a_file");
    }

    #[test]
    fn the_command_line_goes_before_the_configuration() {
        let config = crate::config::check("[models.person]\npath = \"a.onnx\"\nengine = \"openvino\"\n").unwrap();
        let choices = ModelChoices { engine: EngineName::Rten, ..ModelChoices::default() };
        let (_, section) = file_or_name("person", &config, &choices).unwrap();
        assert_eq!(section.engine, EngineName::Rten);
    }
}
