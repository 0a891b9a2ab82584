//! `samovar models`: its subcommands, and what is in one file, told without loading a weight.

use crate::arguments::{ModelChoices, ModelsArguments, ModelsCommand};
use crate::config::{ConfigFile, EngineName, ModelSection};
use crate::failure::{CliError, Exit};
use crate::{model_choice, model_name, models_list, pull, remote, sha256, stdout};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{OnnxFile, rten_lacks};
use samovar_models::{DetectionModel, Labels, SegmentationModel, recognise};
use samovar_runtime::{FailureKind, Family};
use samovar_service::text::VectorFacts;
use serde::Serialize;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Runs the command.
///
/// # Errors
/// The configuration, or a file that is shown and cannot be read.
pub fn run(arguments: &ModelsArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    match &arguments.command {
        None => models_list::list(&ConfigFile::find(config)?, arguments.json),
        Some(ModelsCommand::Show { model, json }) => show(model, &ConfigFile::find(config)?, *json),
        Some(ModelsCommand::List(arguments)) => pull::list(arguments),
        Some(ModelsCommand::Pull(arguments)) => pull::pull(arguments),
        Some(ModelsCommand::Load(arguments)) => remote::load(arguments, config),
        Some(ModelsCommand::Unload(arguments)) => remote::unload(arguments, config),
        Some(ModelsCommand::Reload(arguments)) => remote::reload(arguments, config),
        Some(ModelsCommand::Swap(arguments)) => remote::swap(arguments, config),
        Some(ModelsCommand::Clear(arguments)) => remote::clear(arguments, config),
    }
}

/// A model as it is told.
#[derive(Debug, Serialize)]
pub struct ModelFacts {
    name: String,
    /// The file, whose version comes first where there are versions.
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    size_bytes: u64,
    family: Option<String>,
    /// Width and height in pixels, the commonest first.
    input_sizes: Vec<(u32, u32)>,
    labels: Vec<String>,
    engine: String,
    precision: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    metadata: BTreeMap<String, String>,
    /// Files with weights beside the graph.
    data_files: Vec<String>,
    /// Of models of texts and pictures for comparing.
    #[serde(skip)]
    vectors: Option<VectorFacts>,
    /// Operators of the graph.
    #[serde(skip)]
    operators: BTreeSet<String>,
    /// Why it cannot serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<CliError>,
}

impl ModelFacts {
    /// Reads what the file says of itself and binds its family.
    ///
    /// # Errors
    /// A file or labels that cannot be read. A family that does not fit is a fact like the others.
    pub fn read(name: &str, section: &ModelSection) -> Result<Self, CliError> {
        model_name::make_sure_of(&section.path)?;
        let (version, files) = model_choice::source(section)?
            .look()
            .map_err(|(kind, reason)| CliError::new(kind.code(), reason).cure(kind.cure()))?;
        let onnx = OnnxFile::read(&files.path).map_err(|error| {
            let kind = if error.kind() == EngineErrorKind::File { FailureKind::File } else { FailureKind::Model };
            CliError::new(kind.code(), error.to_string()).cure(kind.cure())
        })?;
        let hints = model_choice::hints(section)?;
        let bound = recognise(&onnx.signature, &hints);
        let (input_sizes, labels) = bound.as_ref().map(sizes_and_labels).unwrap_or_default();
        let contract = |error: &samovar_runtime::ContractError| {
            CliError::new(FailureKind::Contract.code(), error.to_string()).cure(FailureKind::Contract.cure())
        };
        Ok(Self {
            name: name.to_owned(),
            path: files.path.display().to_string(),
            version,
            size_bytes: onnx.size_bytes,
            family: bound.as_ref().ok().map(|family| family.name().to_owned()),
            input_sizes,
            labels,
            engine: section.engine.word().to_owned(),
            precision: section.precision.word().to_owned(),
            inputs: onnx.signature.inputs.iter().map(ToString::to_string).collect(),
            outputs: onnx.signature.outputs.iter().map(ToString::to_string).collect(),
            metadata: onnx.signature.metadata,
            vectors: bound.as_ref().ok().and_then(|family| VectorFacts::of(&**family)),
            data_files: onnx.external_files.iter().map(|path| path.display().to_string()).collect(),
            problem: bound.as_ref().err().map(contract).or_else(|| lacking(section, &onnx.operators)),
            operators: onnx.operators,
        })
    }

    /// Why it cannot serve, where it cannot.
    pub const fn problem(&self) -> Option<&CliError> {
        self.problem.as_ref()
    }

    /// Why no engine could run it where the built-in one is the only one.
    pub fn problem_with_rten_alone(&self) -> Option<CliError> {
        without(&self.operators)
    }

    /// The family that fits.
    pub fn family(&self) -> Option<&str> {
        self.family.as_deref()
    }

    /// What its vectors are, where it makes some.
    pub const fn vectors(&self) -> Option<&VectorFacts> {
        self.vectors.as_ref()
    }

    /// The file that would be loaded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Bytes of the file and of what lies beside it.
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The version of a folder that would be loaded.
    pub const fn version(&self) -> Option<u64> {
        self.version
    }

    /// Classes that it tells apart.
    pub const fn class_count(&self) -> usize {
        self.labels.len()
    }

    /// One line on what it is: `yolo, 640×640, 80 classes, version 2`.
    pub fn summary(&self) -> String {
        let version = self.version.map_or_else(String::new, |version| format!(", version {version}"));
        match &self.family {
            Some(family) if self.labels.is_empty() => format!("{family}{}{version}", self.vector_summary()),
            Some(family) => format!("{family}, {}, {} classes{version}", self.sizes(), self.labels.len()),
            None => "no family fits".to_owned(),
        }
    }

    /// `, 384 numbers, 256 tokens`.
    fn vector_summary(&self) -> String {
        let Some(vectors) = &self.vectors else { return String::new() };
        let tower = vectors.tower.map(|tower| format!(", the tower for {}s", tower.name()));
        let width = vectors.dimensions.map(|width| format!(", {width} numbers"));
        let tokens = vectors.tokens_max.map(|tokens| format!(", at most {tokens} tokens"));
        [tower, width, tokens].into_iter().flatten().collect()
    }

    /// The input sizes in a word: `640×640`.
    pub fn sizes(&self) -> String {
        match self.input_sizes.as_slice() {
            [] => "-".to_owned(),
            [(width, height)] => format!("{width}×{height}"),
            [(width, height), rest @ ..] => format!("{width}×{height} (+{} sizes)", rest.len()),
        }
    }
}

/// Operators that the engine which is asked for lacks. Only the built-in one tells them without loading the model.
fn lacking(section: &ModelSection, operators: &BTreeSet<String>) -> Option<CliError> {
    if section.engine == EngineName::Rten { without(operators) } else { None }
}

fn without(operators: &BTreeSet<String>) -> Option<CliError> {
    let lacking = rten_lacks(operators);
    let message = || format!("the engine `rten` has no operator `{}`", lacking.join("`, `"));
    let kind = FailureKind::Unsupported;
    (!lacking.is_empty())
        .then(|| CliError::new(kind.code(), message()).cure("install another engine: samovar engine install openvino"))
}

/// The input sizes and class names of a family that works on pictures.
fn sizes_and_labels(family: &Arc<dyn Family>) -> (Vec<(u32, u32)>, Vec<String>) {
    let owned = |labels: &Labels| labels.iter().map(str::to_owned).collect();
    let any: &(dyn Any + Send + Sync) = &**family;
    if let Some(model) = any.downcast_ref::<DetectionModel>() {
        return (model.input_sizes().to_vec(), owned(model.labels()));
    }
    let model = any.downcast_ref::<SegmentationModel>();
    model.map(|model| (model.input_sizes().to_vec(), owned(model.labels()))).unwrap_or_default()
}

fn show(text: &str, file: &ConfigFile, json: bool) -> Result<Exit, CliError> {
    let (name, section) = model_choice::file_or_name(text, &file.config, &ModelChoices::default())?;
    let facts = ModelFacts::read(&name, &section)?;
    let digest = sha256::of_file(Path::new(&facts.path))
        .map_err(|error| CliError::new(FailureKind::File.code(), format!("{}: {error}", facts.path)))?;
    if json {
        let mut value = serde_json::to_value(&facts).unwrap_or_default();
        value["sha256"] = digest.into();
        stdout::print_json(&value)?;
    } else {
        stdout::print(&page(&facts, &digest))?;
    }
    Ok(if facts.problem.is_some() { Exit::Failure } else { Exit::Ok })
}

/// Classes that are listed; the rest is counted.
const LABELS_SHOWN: usize = 12;

fn page(facts: &ModelFacts, digest: &str) -> String {
    let mut lines = vec![
        format!("name      {}", facts.name),
        format!("file      {} ({:.1} MiB)", facts.path, facts.size_bytes as f64 / 1_048_576.0),
        format!("sha256    {digest}"),
        format!("family    {}", facts.family.as_deref().unwrap_or("none fits")),
    ];
    lines.extend(facts.version.map(|version| format!("version   {version}")));
    if !facts.input_sizes.is_empty() {
        lines.push(format!("input     {}", facts.sizes()));
    }
    if !facts.labels.is_empty() {
        let more = facts.labels.len().saturating_sub(LABELS_SHOWN);
        let shown = facts.labels.iter().take(LABELS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let rest = if more > 0 { format!(" … and {more} more (--json)") } else { String::new() };
        lines.push(format!("classes   {}: {shown}{rest}", facts.labels.len()));
    }
    lines.extend(facts.inputs.iter().map(|port| format!("in        {port}")));
    lines.extend(facts.outputs.iter().map(|port| format!("out       {port}")));
    lines.extend(facts.data_files.iter().map(|path| format!("weights   {path}")));
    let short = |value: &str| value.chars().take(100).collect::<String>();
    lines.extend(facts.metadata.iter().map(|(key, value)| format!("metadata  {key} = {}", short(value))));
    lines.extend(facts.problem.iter().map(ToString::to_string));
    lines.join("\n") + "\n"
}
