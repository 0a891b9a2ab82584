//! `samovar run detect`: pictures and videos on one model, several at the same time, one that fails not stopping the others.

use super::annotate::Annotator;
use super::detect_arguments::{BoundsArguments, DetectArguments};
use super::detect_run::DetectRun;
use super::event_loop::block_on;
use super::input::{self, Content, Input, Source};
use super::model::{self, LoadHints};
use super::pictures;
use super::result_target::ResultTarget;
use super::video_sizes::video_sizes;
use crate::config::{Config, ConfigFile};
use crate::failure::{CliError, Exit};
use crate::here;
use samovar_media::{MediaError, UrlScheme};
use samovar_models::{DetectOptions, DetectionModel};
use samovar_pipelines::{VideoBounds, VideoBoundsError};
use samovar_recorded::{FrameChoice, ResultFormat};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the command.
///
/// # Errors
/// What keeps it from beginning: the command line, the configuration, the model, the output.
pub fn detect(arguments: &DetectArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let order = Order::new(arguments, &file)?;
    // Read while Ctrl-C still ends the process: somebody may wait at a terminal for nothing.
    let stdin = order.pictures.iter().any(|(_, input, _)| input.source == Source::Stdin).then(pictures::read_stdin);
    block_on(async {
        let hints = LoadHints { batch_size: order.bounds.batch_size, pictures: order.sizes() };
        let model = model::load_for(&arguments.model, &arguments.choices, &file, &hints).await?;
        order.bounds.validate_for(model.generation.family.batch_max()).map_err(|error| wrong_bounds(&error))?;
        let mut options = thresholds(arguments);
        options.classes = classes(arguments, &*model.detector.model()?)?;
        DetectRun::new(order, model, options)?.run(stdin).await
    })
}

/// What is to be done, as typed and configured, checked as far as that goes without a model.
pub struct Order<'a> {
    /// What was typed.
    pub arguments: &'a DetectArguments,
    /// What is configured.
    pub config: &'a Config,
    /// Every input, in the order that results have.
    pub inputs: Vec<Input>,
    /// Pictures, and what is neither: its place among the inputs, and why it cannot be one.
    pub pictures: Vec<(usize, Input, Option<MediaError>)>,
    /// Videos, each with its place among the inputs.
    pub videos: Vec<(usize, Input)>,
    /// Which frames.
    pub choice: FrameChoice,
    /// How much of a video is on its way.
    pub bounds: VideoBounds,
    /// Where results go.
    pub target: Option<ResultTarget>,
    /// Where annotated copies go.
    pub annotator: Option<Annotator>,
}

impl<'a> Order<'a> {
    fn new(arguments: &'a DetectArguments, file: &'a ConfigFile) -> Result<Self, CliError> {
        let config = &file.config;
        thresholds(arguments)
            .validate()
            .map_err(|error| CliError::new(error.code(), error.to_string()).exit(Exit::Usage))?;
        let choice = arguments.looked_at.choice(config.video.frame_skip_factor)?;
        let bounds = bounds(&arguments.bounds, config)?;
        let target = ResultTarget::of(&arguments.results)?;
        let inputs = input::expand(&arguments.inputs, arguments.recursive)?;
        let (mut pictures, mut videos) = (Vec::new(), Vec::new());
        for (index, input) in inputs.iter().cloned().enumerate() {
            match content(&input) {
                Ok(Content::Video) => videos.push((index, input)),
                Ok(Content::Picture) => pictures.push((index, input, None)),
                Err(error) => pictures.push((index, input, Some(error))),
            }
        }
        let annotate = |out| Annotator::new(out, inputs.len() == 1);
        let annotator = arguments.results.annotate.as_deref().map(annotate).transpose()?;
        let order = Self { arguments, config, inputs, pictures, videos, choice, bounds, target, annotator };
        order.check_places()?;
        order.check_formats()?;
        order.check_resume()?;
        Ok(order)
    }

    /// Whether some of the videos has no end of its own: Ctrl-C ends it then.
    pub fn is_live(&self) -> bool {
        let is_camera = |url: &str| matches!(UrlScheme::of(url), Some(UrlScheme::Rtsp | UrlScheme::Rtsps));
        self.videos.iter().any(|(_, input)| matches!(&input.source, Source::Url(url) if is_camera(url)))
    }

    /// The sizes of all that will come, where they are known.
    fn sizes(&self) -> Vec<(u32, u32)> {
        let file = |(_, input): &'_ (usize, Input)| match &input.source {
            Source::File(path) => Some(path.clone()),
            Source::Url(_) | Source::Stdin => None,
        };
        let files: Option<Vec<PathBuf>> = self.videos.iter().map(file).collect();
        let files = files.filter(|_| self.pictures.is_empty()).unwrap_or_default();
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        here::ffmpeg(self.config).map_or_else(|_| Vec::new(), |program| video_sizes(&paths, &program))
    }

    /// Neither an input nor the model is written over, and no result by another.
    fn check_places(&self) -> Result<(), CliError> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let files = self.inputs.iter().filter_map(|input| match &input.source {
            Source::File(path) => Some(real(path)),
            Source::Url(_) | Source::Stdin => None,
        });
        let mut taken: HashSet<PathBuf> = files.chain([real(Path::new(&self.arguments.model))]).collect();
        let target = self
            .target
            .as_ref()
            .map(|target| if target.is_folder { target.files(&self.inputs) } else { vec![target.path.clone()] });
        let results = &self.arguments.results;
        for place in target.iter().flatten().chain(&results.report).chain(&results.annotate) {
            // Folders take many files, and devices any number of them.
            let is_shared = place.metadata().is_ok_and(|found| !found.is_file());
            if !is_shared && !taken.insert(real(place)) {
                let message = format!("{} would be written over what is read, or over another result", place.display());
                let cure = "give each result a place of its own";
                return Err(CliError::new("output_failed", message).cure(cure).exit(Exit::Usage));
            }
        }
        Ok(())
    }

    fn check_formats(&self) -> Result<(), CliError> {
        let usage =
            |message: String, cure: &str| Err(CliError::new("invalid_option", message).cure(cure).exit(Exit::Usage));
        let Some(target) = self.target.as_ref().filter(|target| target.format != ResultFormat::Jsonl) else {
            return Ok(());
        };
        let name = target.format.name();
        if let Some((_, input, _)) = self.pictures.iter().find(|(.., error)| error.is_none()) {
            let message = format!("{name} is written of videos, and {} is a picture", input.label);
            return usage(message, "give videos alone, or write JSON Lines: -o FILE.jsonl");
        }
        if target.format == ResultFormat::Mot && !target.is_folder && self.videos.len() > 1 {
            let message = "one MOT file holds one video".to_owned();
            return usage(message, "give a folder for one file each: -o FOLDER/ --format mot");
        }
        Ok(())
    }

    fn check_resume(&self) -> Result<(), CliError> {
        let refused =
            |message: &str| Err(CliError::new("invalid_option", message).cure("leave --resume out").exit(Exit::Usage));
        let is_special = self.target.as_ref().is_some_and(ResultTarget::is_special);
        match (self.arguments.results.resume, self.is_live(), is_special) {
            (true, true, _) => refused("a camera's stream has gone on meanwhile: it cannot be resumed"),
            (true, _, true) => refused("the output is no file: nothing is kept beside it to go on with"),
            _ => Ok(()),
        }
    }
}

fn content(input: &Input) -> Result<Content, MediaError> {
    match &input.source {
        Source::File(path) => input::content(path),
        Source::Url(_) => Ok(Content::Video),
        Source::Stdin => Ok(Content::Picture),
    }
}

/// What is typed goes before what is configured.
fn bounds(typed: &BoundsArguments, config: &Config) -> Result<VideoBounds, CliError> {
    let configured = config.video.bounds();
    let bounds = VideoBounds {
        batch_size: typed.batch_size.or(configured.batch_size),
        max_queue_size: typed.queue_size.or(configured.max_queue_size),
        buffer_pool_size: typed.pool_size.or(configured.buffer_pool_size),
    };
    bounds.validate().map_err(|error| wrong_bounds(&error))?;
    Ok(bounds)
}

fn wrong_bounds(error: &VideoBoundsError) -> CliError {
    CliError::new(error.code(), error.to_string()).cure("--batch-size, --queue-size, --pool-size").exit(Exit::Usage)
}

fn thresholds(arguments: &DetectArguments) -> DetectOptions {
    DetectOptions { score_min: arguments.score_min, iou_max: arguments.iou_max, ..DetectOptions::default() }
}

/// Classes by number or name; none for all.
fn classes(arguments: &DetectArguments, model: &DetectionModel) -> Result<Option<Arc<[u32]>>, CliError> {
    if arguments.classes.is_empty() {
        return Ok(None);
    }
    let class = |text: &String| match text.parse() {
        Ok(class) if (class as usize) < model.labels().len() => Ok(class),
        _ => model.labels().class(text).ok_or_else(|| unknown_class(text, model)),
    };
    arguments.classes.iter().map(class).collect::<Result<Arc<[u32]>, _>>().map(Some)
}

fn unknown_class(text: &str, model: &DetectionModel) -> CliError {
    let near = model.labels().iter().find(|label| strsim::jaro_winkler(text, label) > 0.85);
    let cure = near.map_or_else(
        || "`samovar models show FILE` lists the classes".to_owned(),
        |label| format!("did you mean `{label}`?"),
    );
    CliError::new("unknown_class", format!("the model has no class `{text}`")).cure(cure).exit(Exit::Usage)
}
