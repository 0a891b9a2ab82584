//! `samovar run anomaly`: every video in order, one that fails not stopping the others.

use super::annotate::{AnnotatedVideo, Annotator};
use super::anomaly_arguments::AnomalyArguments;
use super::anomaly_models::{self, LoadedAnomaly};
use super::anomaly_report::AnomalyReport;
use super::event_loop::block_on;
use super::input::{self, Input, Source};
use super::progress::{Progress, VideoLine};
use super::reading::{VideoReading, judge};
use super::scene_drawing::SceneDrawing;
use crate::config::{AnomalySection, Config, ConfigFile, anomaly_options};
use crate::failure::{CliError, Exit};
use crate::{here, signals};
use samovar_media::{FfmpegProgram, VideoEnd};
use samovar_pipelines::{AnomalyOptions, AnomalyOutcome, AnomalyScenes, AnomalyVideo, VideoBounds};
use samovar_recorded::FrameChoice;
use samovar_runtime::StreamKey;
use std::num::NonZeroU32;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Runs the command.
///
/// # Errors
/// What keeps it from beginning: the command line, the configuration, the models, the output.
pub fn anomaly(arguments: &AnomalyArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let options = options(arguments, &file.config)?;
    let choice = arguments.looked_at.choice(NonZeroU32::MIN)?;
    let inputs = input::expand(&arguments.inputs, arguments.recursive)?;
    block_on(async {
        let loaded = anomaly_models::load(arguments, &file).await?;
        let annotate = |out| Annotator::new(out, inputs.len() == 1);
        let session = Session {
            config: &file.config,
            options,
            choice,
            first: 0,
            loaded,
            progress: Progress::new(inputs.len(), false),
            annotator: arguments.annotate.as_deref().map(annotate).transpose()?,
            report: AnomalyReport::new(arguments)?,
            cancelled: signals::cancel_on_signal()?,
        };
        session.run(inputs).await
    })
}

/// What is typed goes before what is configured.
fn options(arguments: &AnomalyArguments, config: &Config) -> Result<AnomalyOptions, CliError> {
    let typed = AnomalySection {
        score_start: arguments.score_start,
        score_end: arguments.score_end,
        ..AnomalySection::default()
    };
    anomaly_options(&typed.over(&config.anomaly))
        .map_err(|message| CliError::new("invalid_option", message).exit(Exit::Usage))
}

/// One run of the command.
struct Session<'a> {
    config: &'a Config,
    options: AnomalyOptions,
    choice: FrameChoice,
    /// The number of the first frame that is looked at, in the video of which it is the turn.
    first: u64,
    progress: Progress,
    loaded: LoadedAnomaly,
    annotator: Option<Annotator>,
    report: AnomalyReport,
    cancelled: CancellationToken,
}

/// A video that is drawn while it is worked through.
struct Drawn {
    video: AnnotatedVideo,
    drawing: SceneDrawing,
}

impl Session<'_> {
    async fn run(mut self, inputs: Vec<Input>) -> Result<Exit, CliError> {
        for input in inputs {
            if self.cancelled.is_cancelled() {
                break;
            }
            match self.video(&input).await {
                Ok(()) => self.progress.input_ended(false),
                Err(error) if error.code == "output_failed" => return Err(error),
                Err(error) => {
                    self.progress.input_ended(true);
                    self.progress.around(|| self.report.failure(&input, &error))?;
                }
            }
        }
        self.progress.end();
        self.report.end(self.cancelled.is_cancelled())
    }

    async fn video(&mut self, input: &Input) -> Result<(), CliError> {
        let program = playable(input).and_then(|()| Ok(here::ffmpeg(self.config)?))?;
        let cancelled = self.cancelled.clone();
        // As many between decoder and poses as between poses and scores, and one that is drawn.
        let in_flight = 2 * self.loaded.slots;
        let frames = self.choice.clone();
        let reading = VideoReading { frames, frames_held: 2 * in_flight + 2, cancelled: &cancelled };
        let Some(decoder) = reading.open(input, program.clone()).await? else { return Ok(()) };
        let drawn = self.drawn(input, program)?;
        let line = self.progress.video(&input.output_name.display().to_string());
        line.opened(self.choice.frames_expected(decoder.info()), 0);
        self.first = 0;
        let rate = decoder.info().declared_frames_per_second;
        let stream = StreamKey(1);
        let bounds = VideoBounds { max_queue_size: Some(in_flight), ..VideoBounds::default() };
        let video = AnomalyVideo { options: self.options.clone(), stream, bounds, recorded_at: None };
        let scenes = video.start(self.loaded.models.clone(), decoder);
        let end = self.frames(input, scenes, drawn, (&line, rate)).await;
        self.report.video(input)?;
        judge(end?)
    }

    fn drawn(&mut self, input: &Input, program: FfmpegProgram) -> Result<Option<Drawn>, CliError> {
        let options = &self.options;
        let video = self.annotator.as_mut().map(|annotator| annotator.video(input, program)).transpose()?;
        Ok(video.map(|video| Drawn { video, drawing: SceneDrawing::new(options) }))
    }

    /// Works the frames through; what was drawn is whole whatever ends it.
    async fn frames(
        &mut self,
        input: &Input,
        mut scenes: AnomalyScenes,
        mut drawn: Option<Drawn>,
        (line, rate): (&VideoLine, Option<f64>),
    ) -> Result<Option<VideoEnd>, CliError> {
        let worked = self.each_frame(input, &mut scenes, drawn.as_mut(), (line, rate)).await;
        for event in scenes.finish_events() {
            self.report.event(input, self.number(event.frame), &event, &self.progress)?;
        }
        drawn.map_or(Ok(()), |drawn| drawn.video.finish())?;
        let cancelled = worked?;
        if cancelled { Ok(None) } else { Ok(scenes.end()?) }
    }

    /// Tells whether it was cancelled.
    async fn each_frame(
        &mut self,
        input: &Input,
        scenes: &mut AnomalyScenes,
        mut drawn: Option<&mut Drawn>,
        (line, rate): (&VideoLine, Option<f64>),
    ) -> Result<bool, CliError> {
        let cancelled = self.cancelled.clone();
        loop {
            let next = tokio::select! {
                biased;
                () = cancelled.cancelled() => return Ok(true),
                next = scenes.next() => next,
            };
            let Some(outcome) = next else { return Ok(false) };
            let outcome: AnomalyOutcome = outcome?;
            if outcome.index == 0 && self.choice.start_s > 0.0 {
                let number = outcome.frame.timestamp().as_secs_f64() * rate.unwrap_or(0.0);
                self.first = number.round() as u64;
            }
            if let Some(Drawn { video, drawing }) = drawn.as_deref_mut() {
                video.add(&outcome.frame, |canvas| drawing.draw(canvas, &outcome.scene.persons))?;
            }
            self.report.frame(input, self.number(outcome.index), &outcome)?;
            for event in &outcome.events {
                self.report.event(input, self.number(event.frame), event, &self.progress)?;
            }
            line.step();
        }
    }

    /// The number of a frame among all of its video, from its number among those that are looked at.
    fn number(&self, index: u64) -> u64 {
        self.first + index * u64::from(self.choice.every.get())
    }
}

/// Movements need a video.
fn playable(input: &Input) -> Result<(), CliError> {
    let is_picture = match &input.source {
        Source::File(path) => input::content(path)? == input::Content::Picture,
        Source::Stdin => true,
        Source::Url(_) => false,
    };
    if is_picture {
        return Err(CliError::new("unsupported_media", "movements cannot be seen in one picture: give a video"));
    }
    Ok(())
}
