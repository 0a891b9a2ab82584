//! One run of `samovar run detect`: pictures and videos side by side, then the files that are made of what was found.

use super::annotate::{Annotator, make_folder_of};
use super::detect::Order;
use super::input::{Content, Input, Source};
use super::journals::{JournalHeaders, same_work};
use super::lines::Lines;
use super::model::LoadedModel;
use super::output_names::OutputNames;
use super::partial::Partial;
use super::pictures::{self, PicturesInFlight, Settled};
use super::progress::Progress;
use super::report::{Report, ResultLines};
use super::result_target::ResultTarget;
use super::result_writer::{ResultPart, ResultWriter, STOPPED, stopped};
use super::side_lines::SideLines;
use super::totals::Totals;
use super::videos::{Video, Videos, existing, in_background};
use crate::failure::{CliError, Exit};
use crate::{here, signals, stderr};
use parking_lot::Mutex;
use samovar_media::MediaError;
use samovar_models::DetectOptions;
use samovar_recorded::{ReportOptions, write_report};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One run of the command.
pub struct DetectRun<'a> {
    order: Order<'a>,
    model: LoadedModel,
    options: DetectOptions,
    /// None where pictures alone go straight into one file, or nowhere.
    partial: Option<Partial>,
    videos: Vec<Video>,
    /// Of pictures; videos have their places already.
    annotator: Mutex<Option<Annotator>>,
    writer: Option<ResultWriter>,
    report: Mutex<Report>,
    cancelled: CancellationToken,
}

/// Sample frames of each video in a report.
const SAMPLES: usize = 6;

impl<'a> DetectRun<'a> {
    /// Makes ready: the folder of work in progress, the journals, the output.
    ///
    /// # Errors
    /// Output that cannot be written, and an earlier run's part that this one cannot go on with.
    pub fn new(mut order: Order<'a>, model: LoadedModel, options: DetectOptions) -> Result<Self, CliError> {
        let mut partial = partial(&order)?;
        let videos = videos(&mut order, &model, &options, partial.as_mut())?;
        let report = report(&order, partial.as_ref())?;
        let cancelled = signals::cancel_on_signal()?;
        let writer = match (&order.target, &partial, &report.lines) {
            (Some(target), Some(partial), ResultLines::Kept(lines)) => Some(ResultWriter::new(
                target,
                order.arguments.results.track,
                (partial.folder(), lines.path()),
                &cancelled,
            )),
            _ => None,
        };
        let annotator = Mutex::new(order.annotator.take());
        let report = Mutex::new(report);
        Ok(Self { order, model, options, partial, videos, annotator, writer, report, cancelled })
    }

    /// Does it, and tells how the command ends.
    ///
    /// # Errors
    /// Output that cannot be written.
    pub async fn run(mut self, stdin: Option<Result<Vec<u8>, MediaError>>) -> Result<Exit, CliError> {
        tokio::try_join!(self.pictures(stdin), self.all_videos())?;
        self.report.lock().flush()?;
        let mut goes_on_later = self.cancelled.is_cancelled() && !self.order.is_live();
        if !goes_on_later {
            match self.results().await {
                Err(error) if error.code == STOPPED => goes_on_later = true,
                written => written?,
            }
        }
        let interrupted = self.cancelled.is_cancelled();
        let unfinished = self.report.lock().unfinished > 0;
        let partial = self.partial.take().filter(|_| self.order.target.is_some());
        let exit = self.report.into_inner().end(interrupted);
        match partial {
            Some(_) if goes_on_later => stderr::line("  the same command with --resume goes on from here"),
            Some(_) if unfinished => stderr::line("  the same command with --resume tries again what failed"),
            Some(partial) => partial.remove(),
            None => {}
        }
        Ok(exit)
    }

    async fn all_videos(&self) -> Result<(), CliError> {
        let configured = self.order.config.video.videos_at_once;
        let typed = self.order.arguments.bounds.at_once.map(usize::from);
        let videos = Videos {
            detector: self.model.detector.clone(),
            options: self.options.clone(),
            choice: self.order.choice.clone(),
            bounds: self.order.bounds,
            at_once: typed.or(configured).unwrap_or(self.model.generation.slots).max(1),
            program: here::ffmpeg(self.order.config).map_err(CliError::from),
            report: &self.report,
            writer: self.writer.as_ref(),
            cancelled: &self.cancelled,
        };
        videos.run(&self.videos).await
    }

    async fn pictures(&self, mut stdin: Option<Result<Vec<u8>, MediaError>>) -> Result<(), CliError> {
        let limits = here::image_limits(self.order.config);
        let in_flight = 2 * self.model.generation.slots;
        let mut waiting = PicturesInFlight::new(self.model.detector.clone(), self.options.clone(), limits, in_flight);
        for (index, input, error) in &self.order.pictures {
            if self.cancelled.is_cancelled() {
                break;
            }
            if waiting.is_full()
                && let Some(settled) = waiting.settle().await
            {
                self.settled(&settled)?;
            }
            let bytes = match (error, &input.source) {
                (Some(error), _) => Err(error.clone()),
                (None, Source::File(path)) => pictures::read_file(path),
                (None, _) => stdin.take().unwrap_or_else(|| Ok(Vec::new())),
            };
            waiting.start(*index, input.clone(), bytes).await;
        }
        while let Some(settled) = waiting.settle().await {
            self.settled(&settled)?;
        }
        Ok(())
    }

    fn settled(&self, Settled { index, input, outcome }: &Settled) -> Result<(), CliError> {
        let mut report = self.report.lock();
        let (picture, completed) = match outcome {
            Ok(done) => done,
            Err(error) => return report.failure(*index, input, error),
        };
        report.picture(*index, input, completed)?;
        let mut annotator = self.annotator.lock();
        let drawn = annotator.as_mut().map_or(Ok(()), |annotator| annotator.picture(input, picture, &completed.output));
        drawn.or_else(|error| report.failure(*index, input, &error))
    }

    /// Writes the files of results that are not written yet, and the report.
    async fn results(&self) -> Result<(), CliError> {
        if let (Some(target), Some(writer)) = (&self.order.target, &self.writer) {
            let parts = (0..self.order.inputs.len()).map(|index| self.part(index));
            let own: Vec<(PathBuf, Vec<ResultPart>)> = if target.is_folder {
                let files = target.files(&self.order.inputs).into_iter().zip(parts.map(|part| vec![part]));
                // Files of videos that came to an end are there.
                let interrupted = self.cancelled.is_cancelled();
                let is_left = |index: usize| interrupted || self.video(index).is_none();
                files.enumerate().filter_map(|(index, file)| is_left(index).then_some(file)).collect()
            } else {
                vec![(target.path.clone(), parts.collect())]
            };
            let mut writer = writer.clone();
            if self.cancelled.is_cancelled() {
                // What a camera sent until now is its result.
                writer.cancelled = CancellationToken::new();
            }
            in_background(move || own.iter().try_for_each(|(file, parts)| writer.write(parts, file))).await?;
        }
        self.html().await
    }

    /// What an input gives to the results.
    fn part(&self, index: usize) -> ResultPart {
        ResultPart {
            journal: self.video(index).and_then(|video| existing(video.journal.as_deref())),
            line: self.report.lock().lines.place(index),
        }
    }

    /// The input with that place, where it is a video. There may be very many.
    fn video(&self, index: usize) -> Option<&Video> {
        self.videos.binary_search_by_key(&index, |video| video.index).ok().map(|at| &self.videos[at])
    }

    async fn html(&self) -> Result<(), CliError> {
        let Some(out) = self.order.arguments.results.report.clone() else { return Ok(()) };
        let file = |input: &Input| if let Source::File(path) = &input.source { Some(path.clone()) } else { None };
        let videos: Vec<(PathBuf, Option<PathBuf>)> = self
            .videos
            .iter()
            .filter_map(|video| Some((existing(video.journal.as_deref())?, file(&video.input))))
            .collect();
        let title = match self.videos.as_slice() {
            [video] => video.input.label.clone(),
            videos => format!("{} videos", videos.len()),
        };
        let options = ReportOptions { title, ffmpeg: here::ffmpeg(self.order.config).ok(), samples: SAMPLES };
        let mut cancelled = self.cancelled.clone();
        if cancelled.is_cancelled() {
            // As with the results: what a camera sent until now is reported.
            cancelled = CancellationToken::new();
        }
        in_background(move || {
            make_folder_of(&out)?;
            if write_report(&videos, &options, &out, &cancelled)? { Ok(()) } else { Err(stopped()) }
        })
        .await
    }
}

/// The folder of work in progress.
fn partial(order: &Order<'_>) -> Result<Option<Partial>, CliError> {
    match &order.target {
        Some(ResultTarget { is_folder: false, .. }) if order.videos.is_empty() => Ok(None),
        None if !order.videos.iter().any(|(_, input)| is_kept(order, input)) => Ok(None),
        Some(target) if !target.is_special() => Partial::beside(target, &order.arguments.results).map(Some),
        _ => Partial::temporary().map(Some),
    }
}

/// Whether what is found in a video is asked for once more after it was told. What is drawn of an address is drawn while it comes.
fn is_kept(order: &Order<'_>, input: &Input) -> bool {
    let results = &order.arguments.results;
    let is_drawn = results.annotate.is_some() || results.thumbnails.is_some();
    order.target.is_some() || results.report.is_some() || (is_drawn && matches!(input.source, Source::File(_)))
}

/// The videos, each with its places; what an earlier run left of them belongs to the same work.
fn videos(
    order: &mut Order<'_>,
    model: &LoadedModel,
    options: &DetectOptions,
    mut partial: Option<&mut Partial>,
) -> Result<Vec<Video>, CliError> {
    let headers = JournalHeaders::new(&model.detector, &model.generation, options, &order.choice)?;
    let files = order.target.as_ref().filter(|target| target.is_folder).map(|target| target.files(&order.inputs));
    let thumbnails = order.arguments.results.thumbnails.as_deref();
    let (mut videos, mut names) = (Vec::new(), OutputNames::default());
    for (index, input) in &order.videos {
        let (is_kept, header) = (is_kept(order, input), headers.of(input));
        let journal = partial.as_mut().filter(|_| is_kept).map(|partial| partial.journal(input));
        journal.as_deref().map_or(Ok(()), |journal| same_work(journal, &header))?;
        let annotated = order.annotator.as_mut().map(|annotator| annotator.place(input, Content::Video));
        let file = files.as_ref().map(|files| files[*index].clone());
        let thumbnails = thumbnails.map(|folder| names.under(folder, &input.output_name, "jpg"));
        videos.push(Video { index: *index, input: input.clone(), journal, header, annotated, thumbnails, file });
    }
    Ok(videos)
}

fn report(order: &Order<'_>, partial: Option<&Partial>) -> Result<Report, CliError> {
    let results = &order.arguments.results;
    let lines = match (&order.target, partial) {
        (None, _) => ResultLines::Nowhere,
        (Some(_), Some(partial)) => ResultLines::Kept(SideLines::in_folder(partial.folder())?),
        (Some(target), None) => ResultLines::Straight(Lines::create(&target.path)?),
    };
    let several = order.inputs.len() > 1;
    let progress = Arc::new(Progress::new(order.inputs.len(), results.quiet));
    Ok(Report {
        stdout: Lines::open(None, results.json)?,
        lines,
        sentences: !results.json,
        several,
        quiet: results.quiet,
        progress,
        totals: Totals::start(),
        unfinished: 0,
    })
}
