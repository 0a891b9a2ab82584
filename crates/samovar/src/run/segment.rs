//! `samovar run segment`: the share of each class in every picture, in order; one that fails does not stop the others.

use super::annotate::Annotator;
use super::event_loop::block_on;
use super::input::{self, Content, Input, Source};
use super::model;
use super::pictures;
use super::segment_record::SegmentRecord;
use crate::arguments::SegmentArguments;
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::{here, signals, stderr, stdout};
use samovar_media::{CLASS_PALETTE, Canvas, FramePool, ImageLimits, MediaError, MediaErrorKind, Picture};
use samovar_models::{ClassMap, SegmentOptions, Segmenter};
use samovar_runtime::{Call, Class, Completed, Pending, StreamKey};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// What keeps it from beginning: the command line, the configuration, the model, the output.
pub fn segment(arguments: &SegmentArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let inputs = input::expand(&arguments.inputs, arguments.recursive)?;
    block_on(async {
        let loaded = model::load_segmenter(&arguments.model, &arguments.choices, &file).await?;
        let annotate = |out| Annotator::new(out, inputs.len() == 1);
        let mut session = Session {
            arguments,
            segmenter: &loaded.segmenter,
            limits: here::image_limits(&file.config),
            in_flight: 2 * loaded.generation.slots,
            waiting: VecDeque::new(),
            annotator: arguments.annotate.as_deref().map(annotate).transpose()?,
            lines: arguments.output.as_deref().map(create).transpose()?,
            done: 0,
            failed: 0,
        };
        session.run(inputs).await
    })
}

fn create(path: &Path) -> Result<BufWriter<File>, CliError> {
    File::create(path).map(BufWriter::new).map_err(|error| stdout::write_error(&path.display().to_string(), &error))
}

/// A picture and where its result will come from.
type Started = Result<(Picture, Pending<ClassMap>), CliError>;

struct Session<'a> {
    arguments: &'a SegmentArguments,
    segmenter: &'a Segmenter,
    limits: ImageLimits,
    /// Pictures at once: twice the slots keep every slot busy while one result is written.
    in_flight: usize,
    /// Oldest first.
    waiting: VecDeque<(Input, Started)>,
    annotator: Option<Annotator>,
    lines: Option<BufWriter<File>>,
    done: usize,
    failed: usize,
}

impl Session<'_> {
    async fn run(&mut self, inputs: Vec<Input>) -> Result<Exit, CliError> {
        let stop = signals::cancel_on_signal()?;
        for input in inputs {
            if stop.is_cancelled() {
                break;
            }
            if self.waiting.len() >= self.in_flight {
                self.settle().await?;
            }
            let started = self.start(&input).await;
            self.waiting.push_back((input, started));
        }
        while !self.waiting.is_empty() {
            self.settle().await?;
        }
        if let Some(lines) = &mut self.lines {
            lines.flush().map_err(|error| stdout::write_error("the output", &error))?;
        }
        Ok(match (stop.is_cancelled(), self.failed, self.done) {
            (true, ..) => Exit::Interrupted,
            (false, 0, _) => Exit::Ok,
            (false, _, 0) => Exit::Failure,
            (false, ..) => Exit::Partial,
        })
    }

    async fn start(&self, input: &Input) -> Started {
        let picture = Picture::encoded(bytes(input)?.into(), self.limits)?;
        let call = Call::new(Class::Job, StreamKey(0));
        let pending = self.segmenter.segment_waiting(picture.clone(), SegmentOptions::default(), call).await?;
        Ok((picture, pending))
    }

    /// Waits for the oldest picture's result and tells it.
    async fn settle(&mut self) -> Result<(), CliError> {
        let Some((input, started)) = self.waiting.pop_front() else { return Ok(()) };
        let outcome = match started {
            Ok((picture, pending)) => pending.await.map(|completed| (picture, completed)).map_err(CliError::from),
            Err(error) => Err(error),
        };
        let drawn = outcome.and_then(|(picture, completed)| {
            self.draw(&input, &picture, &completed.output)?;
            Ok(completed)
        });
        match drawn {
            Ok(completed) => self.tell(&input, &completed),
            Err(error) => self.tell_failure(&input, &error),
        }
    }

    fn draw(&mut self, input: &Input, picture: &Picture, map: &ClassMap) -> Result<(), CliError> {
        /// Half and half: the picture stays visible, the classes can be told apart.
        const ALPHA: f32 = 0.5;
        let Some(annotator) = &mut self.annotator else { return Ok(()) };
        let pool = FramePool::new(1);
        let mut canvas = Canvas::new(&*picture.frame(&pool)?, &pool);
        let background = map.labels.class("background").and_then(|class| u8::try_from(class).ok());
        canvas.blend(&map.classes, &CLASS_PALETTE, ALPHA, background)?;
        annotator.write(input, canvas.frame())
    }

    fn tell(&mut self, input: &Input, completed: &Completed<ClassMap>) -> Result<(), CliError> {
        self.done += 1;
        let record = SegmentRecord::new(&input.label, completed, self.arguments.runs);
        self.line(&serde_json::json!(record))?;
        if self.arguments.json { Ok(()) } else { stdout::print(&record.sentence()) }
    }

    fn tell_failure(&mut self, input: &Input, error: &CliError) -> Result<(), CliError> {
        self.failed += 1;
        stderr::line(&format!("{}: {error}", input.label));
        self.line(&serde_json::json!({ "input": input.label, "error": error }))
    }

    fn line(&mut self, record: &serde_json::Value) -> Result<(), CliError> {
        if self.arguments.json {
            stdout::print(&format!("{record}\n"))?;
        }
        let Some(lines) = &mut self.lines else { return Ok(()) };
        writeln!(lines, "{record}").map_err(|error| stdout::write_error("the output", &error))
    }
}

fn bytes(input: &Input) -> Result<Vec<u8>, MediaError> {
    let no_video =
        || MediaError::new(MediaErrorKind::UnsupportedFormat, "videos are not segmented here: give pictures");
    match &input.source {
        Source::File(path) => match input::content(path)? {
            Content::Picture => pictures::read_file(path),
            Content::Video => Err(no_video()),
        },
        Source::Url(_) => Err(no_video()),
        Source::Stdin => pictures::read_stdin(),
    }
}
