//! What is to be shown: which models, which of them the streams use, which clip.

use super::clip::Clip;
use super::looking::Looking;
use crate::arguments::DemoArguments;
use crate::config::{self, Config, ConfigFile};
use crate::failure::{CliError, Exit};
use crate::model_choice::{self, NamedModel};
use crate::{here, starter};
use samovar_media::MediaError;
use std::path::Path;
use std::sync::Arc;

/// What is to be shown.
pub struct Plan {
    /// The server's configuration.
    pub config: Config,
    /// Every model of the server.
    pub models: Vec<NamedModel>,
    /// What the streams are looked at for.
    pub looking: Looking,
    /// What the streams play.
    pub clip: Arc<Clip>,
    /// Its name for people.
    pub clip_name: String,
    /// How many streams.
    pub streams: u32,
}

impl Plan {
    /// What was typed, else the starter configuration and its clip.
    ///
    /// # Errors
    /// The configuration, the model, the clip, and whether there is an ffmpeg to decode it.
    pub fn new(arguments: &DemoArguments, named: Option<&Path>) -> Result<Self, CliError> {
        let (config, models) = match named {
            Some(path) => {
                let config = ConfigFile::read(path)?.config;
                let models = models(arguments, &config)?;
                (config, models)
            }
            None => starter_models(arguments)?,
        };
        let looking = looking(arguments, &models, &config)?;
        let path = arguments.clip.clone().map_or_else(starter::clip, Ok)?;
        let clip_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let clip = Arc::new(read_clip(&path, &config)?);
        Ok(Self { config, models, looking, clip, clip_name, streams: arguments.streams })
    }
}

/// What ships with Samovar: only what is used gets unpacked.
fn starter_models(arguments: &DemoArguments) -> Result<(Config, Vec<NamedModel>), CliError> {
    let config = config::check(starter::CONFIG).expect("a test holds the starter configuration to be right");
    let mut models = models(arguments, &config)?;
    for (name, section) in &mut models {
        // A file that was typed is meant as it is, whatever it is called.
        let configured = config.models.get(name).is_some_and(|configured| configured.path == section.path);
        if let Some(shipped) = starter::model_of_path(&section.path).filter(|_| configured) {
            section.path = shipped.unpacked()?;
        }
    }
    Ok((config, models))
}

/// The model that was typed alone, else all that are configured.
fn models(arguments: &DemoArguments, config: &Config) -> Result<Vec<NamedModel>, CliError> {
    let chosen = |name: &String| model_choice::file_or_name(name, config, &arguments.choices);
    match &arguments.model {
        Some(name) => Ok(vec![chosen(name)?]),
        None => config.models.keys().map(chosen).collect(),
    }
}

/// People and their movements, where there are models for that; objects, where a model was typed.
fn looking(arguments: &DemoArguments, models: &[NamedModel], config: &Config) -> Result<Looking, CliError> {
    match (&config.anomaly.pose, &config.anomaly.sequence) {
        (Some(pose), Some(sequence)) if arguments.model.is_none() => {
            Ok(Looking::Anomaly { pose: pose.clone(), sequence: sequence.clone() })
        }
        _ => model(models, config).map(Looking::Detect),
    }
}

/// The one that finds objects: the default, else the only one.
fn model(models: &[NamedModel], config: &Config) -> Result<String, CliError> {
    let is_default = |(name, _): &&NamedModel| config.server.default_model.as_ref() == Some(name);
    let default = models.iter().find(is_default).or(if let [only] = models { Some(only) } else { None });
    default.map(|(name, _)| name.clone()).ok_or_else(|| {
        CliError::new("model_required", "it is not clear which model the streams are to use")
            .cure("name one with --model, or set `server.default_model`")
            .exit(Exit::Usage)
    })
}

fn read_clip(path: &Path, config: &Config) -> Result<Clip, CliError> {
    let no_ffmpeg = |error: MediaError| {
        CliError::from(error).cure("install it (Debian, Ubuntu: apt install ffmpeg), or: samovar engine install ffmpeg")
    };
    Clip::read(path, here::ffmpeg(config).map_err(no_ffmpeg)?)
}
