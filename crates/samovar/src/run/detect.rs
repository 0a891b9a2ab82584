//! `samovar run detect`: every input in order, one that fails not stopping the others.

use super::annotate::Annotator;
use super::event_loop::block_on;
use super::input::{self, Content, Input, Source};
use super::model::{self, LoadedModel};
use super::pictures::{self, PicturesInFlight, Settled};
use super::progress::Progress;
use super::report::Report;
use super::videos::VideoWork;
use crate::arguments::DetectArguments;
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::{here, signals};
use samovar_media::MediaError;
use samovar_models::{DetectOptions, DetectionModel};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Runs the command.
///
/// # Errors
/// What keeps it from beginning: the command line, the configuration, the model, the output.
pub fn detect(arguments: &DetectArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    thresholds(arguments)
        .validate()
        .map_err(|error| CliError::new(error.code(), error.to_string()).exit(Exit::Usage))?;
    let inputs = input::expand(&arguments.inputs, arguments.recursive)?;
    // Read while Ctrl-C still ends the process: somebody may wait at a terminal for nothing.
    let stdin = inputs.iter().any(|input| input.source == Source::Stdin).then(pictures::read_stdin);
    block_on(async {
        let model = model::load(&arguments.model, &arguments.choices, &file).await?;
        let mut session = Session::new(arguments, &file, model, inputs.len())?;
        session.run(inputs, stdin).await?;
        session.report.end()
    })
}

/// One run of the command.
struct Session<'a> {
    arguments: &'a DetectArguments,
    file: &'a ConfigFile,
    model: LoadedModel,
    options: DetectOptions,
    pictures: PicturesInFlight,
    annotator: Option<Annotator>,
    report: Report,
    progress: Progress,
    cancelled: CancellationToken,
}

impl<'a> Session<'a> {
    fn new(
        arguments: &'a DetectArguments,
        file: &'a ConfigFile,
        model: LoadedModel,
        inputs: usize,
    ) -> Result<Self, CliError> {
        let mut options = thresholds(arguments);
        options.classes = classes(arguments, &*model.detector.model()?)?;
        let in_flight = 2 * model.generation.slots;
        let limits = here::image_limits(&file.config);
        let annotate = |out| Annotator::new(out, inputs == 1);
        Ok(Self {
            arguments,
            file,
            pictures: PicturesInFlight::new(model.detector.clone(), options.clone(), limits, in_flight),
            options,
            model,
            annotator: arguments.annotate.as_deref().map(annotate).transpose()?,
            report: Report::new(arguments, inputs)?,
            progress: Progress::new((inputs > 1).then_some(inputs as u64), "pictures"),
            cancelled: signals::cancel_on_signal()?,
        })
    }

    async fn run(
        &mut self,
        inputs: Vec<Input>,
        mut stdin: Option<Result<Vec<u8>, MediaError>>,
    ) -> Result<(), CliError> {
        for input in inputs {
            if self.cancelled.is_cancelled() {
                break;
            }
            let content = match &input.source {
                Source::File(path) => input::content(path),
                Source::Url(_) => Ok(Content::Video),
                Source::Stdin => Ok(Content::Picture),
            };
            match content {
                Ok(Content::Video) => self.video(&input).await?,
                Ok(Content::Picture) => {
                    let bytes = match &input.source {
                        Source::File(path) => pictures::read_file(path),
                        _ => stdin.take().unwrap_or_else(|| Ok(Vec::new())),
                    };
                    self.picture(input, bytes).await?;
                }
                Err(error) => self.picture(input, Err(error)).await?,
            }
        }
        while let Some(settled) = self.pictures.settle().await {
            self.settled(&settled)?;
        }
        self.progress.end();
        if self.cancelled.is_cancelled() {
            self.report.interrupt();
        }
        Ok(())
    }

    async fn picture(&mut self, input: Input, bytes: Result<Vec<u8>, MediaError>) -> Result<(), CliError> {
        while self.pictures.is_full() {
            let Some(settled) = self.pictures.settle().await else { break };
            self.settled(&settled)?;
        }
        self.pictures.start(input, bytes).await;
        Ok(())
    }

    fn settled(&mut self, Settled { input, outcome }: &Settled) -> Result<(), CliError> {
        let drawn = match (outcome, &mut self.annotator) {
            (Ok((picture, completed)), Some(annotator)) => annotator.picture(input, picture, &completed.output),
            _ => Ok(()),
        };
        match outcome {
            Ok((_, completed)) => self.report.picture(input, completed, &self.progress)?,
            Err(error) => self.report.failure(input, error, &self.progress)?,
        }
        drawn.or_else(|error| self.report.failure(input, &error, &self.progress))
    }

    async fn video(&mut self, input: &Input) -> Result<(), CliError> {
        while let Some(settled) = self.pictures.settle().await {
            self.settled(&settled)?;
        }
        let work = VideoWork {
            arguments: self.arguments,
            detector: &self.model.detector,
            options: &self.options,
            in_flight: 2 * self.model.generation.slots,
            cancelled: &self.cancelled,
        };
        let outcome = match here::ffmpeg(&self.file.config) {
            Ok(program) => work.run(input, program, self.annotator.as_mut(), &mut self.report).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(error) if error.code == "output_failed" => Err(error),
            Err(error) => self.report.failure(input, &error, &self.progress),
        }
    }
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
