//! The videos of a command: several at the same time on one model, each into its journal, one that fails not stopping the others.

use super::annotate::{AnnotatedVideo, make_folder_of};
use super::input::{Input, Source};
use super::progress::VideoLine;
use super::reading::{damaged, limits, source};
use super::report::Report;
use super::result_writer::{ResultPart, ResultWriter, STOPPED};
use super::video_watch::VideoWatch;
use crate::failure::CliError;
use crate::stdout;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use samovar_media::FfmpegProgram;
use samovar_models::{DetectOptions, Detector};
use samovar_pipelines::VideoBounds;
use samovar_recorded::{Drawing, FrameChoice, Journal, JournalEnd, JournalHeader, VideoWork, WorkEnd};
use samovar_runtime::StreamKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// What all videos of a command share.
pub struct Videos<'a> {
    /// The model.
    pub detector: Detector,
    /// Thresholds.
    pub options: DetectOptions,
    /// Which frames.
    pub choice: FrameChoice,
    /// How much of each is on its way.
    pub bounds: VideoBounds,
    /// Videos at the same time.
    pub at_once: usize,
    /// The program that decodes; why there is none fails each video.
    pub program: Result<FfmpegProgram, CliError>,
    /// Takes every frame.
    pub report: &'a Mutex<Report>,
    /// Writes the file of a video that has one of its own.
    pub writer: Option<&'a ResultWriter>,
    /// Ends everything early.
    pub cancelled: &'a CancellationToken,
}

/// One video that is to be worked through.
#[derive(Clone, Debug)]
pub struct Video {
    /// Its place among the inputs.
    pub index: usize,
    /// Where it comes from.
    pub input: Input,
    /// Where its journal lies; none where nobody asks for it afterwards.
    pub journal: Option<PathBuf>,
    /// What its journal is of.
    pub header: JournalHeader,
    /// Where its annotated copy goes, where there is to be one.
    pub annotated: Option<Result<PathBuf, CliError>>,
    /// Where its thumbnails go, without their numbers, where there are to be some.
    pub thumbnails: Option<PathBuf>,
    /// Its own file of results, where each input has one.
    pub file: Option<PathBuf>,
}

/// Thumbnails of a video at most.
const THUMBNAILS: u32 = 9;

/// What came of a video.
struct Worked {
    /// None where it was cancelled.
    end: Option<JournalEnd>,
    /// Frames that this run did.
    frames: u64,
    took: Duration,
}

impl Videos<'_> {
    /// Works all of them through, in their order as far as they do not go on at the same time.
    ///
    /// # Errors
    /// Where output cannot be written: nothing else could be kept either.
    pub async fn run(&self, videos: &[Video]) -> Result<(), CliError> {
        let mut waiting = videos.iter();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.at_once && !self.cancelled.is_cancelled() {
                let Some(video) = waiting.next() else { break };
                running.push(self.video(video));
            }
            match running.next().await {
                Some(ended) => ended?,
                None => return Ok(()),
            }
        }
    }

    async fn video(&self, video: &Video) -> Result<(), CliError> {
        let outcome = self.work(video).await;
        let failure = match outcome {
            Ok(Worked { end: None, .. }) => return Ok(()),
            Ok(Worked { end: Some(end), frames, took }) => match judge(&end) {
                Ok(()) => {
                    self.report.lock().video(&video.input, &end.summary, (frames, took));
                    None
                }
                Err(error) => Some(error),
            },
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => Some(error),
        };
        if let Some(error) = failure {
            let mut report = self.report.lock();
            report.unfinished += u64::from(may_pass(&error));
            report.failure(video.index, &video.input, &error)?;
        }
        self.write(video).await
    }

    async fn work(&self, video: &Video) -> Result<Worked, CliError> {
        let began = Instant::now();
        let program = self.program.clone()?;
        let annotated = video.annotated.clone().transpose()?;
        let is_address = matches!(video.input.source, Source::Url(_));
        let journal = self.journal(video).await?;
        let earlier = journal.summary().clone();
        let progress = Arc::clone(&self.report.lock().progress);
        self.report.lock().totals.earlier(&earlier);
        let line = progress.video(&video.input.output_name.display().to_string());
        // An address cannot be read a second time: what is drawn of it is drawn while it comes.
        let meanwhile = annotated.as_ref().filter(|_| is_address);
        let mut watch = VideoWatch {
            header: &video.header,
            report: self.report,
            line: &line,
            earlier: earlier.frames,
            frames: 0,
            annotated: meanwhile.map(|path| AnnotatedVideo::new(path.clone(), program.clone())),
            failure: None,
        };
        let work = self.one(video, program.clone());
        let ended = work.run(source(&video.input)?, journal, &mut watch, self.cancelled).await;
        let frames = watch.frames;
        watch.annotated.map_or(Ok(()), AnnotatedVideo::finish)?;
        let mut end = match ended {
            Ok(WorkEnd::Finished(end)) => Some(*end),
            Ok(WorkEnd::Cancelled) => None,
            Err(error) => return Err(watch.failure.unwrap_or_else(|| error.into())),
        };
        if end.as_ref().is_some_and(|end| end.frames > 0) && !is_address && !self.draw(video, program, &line).await? {
            end = None;
        }
        Ok(Worked { end, frames, took: began.elapsed() })
    }

    /// Makes pictures of what the journal holds, unless an earlier run has; false where it was cancelled.
    async fn draw(&self, video: &Video, program: FfmpegProgram, line: &VideoLine) -> Result<bool, CliError> {
        let Some(journal) = video.journal.clone() else { return Ok(true) };
        let drawn = journal.with_extension("drawn");
        if (video.annotated.is_none() && video.thumbnails.is_none()) || drawn.exists() {
            return Ok(true);
        }
        line.drawing();
        let (video, cancelled) = (video.clone(), self.cancelled.clone());
        in_background(move || {
            let (journal, source) = (&journal, source(&video.input)?);
            let drawing = Drawing { program, limits: limits(), only_port: None };
            if let Some(out) = video.annotated.transpose()?
                && !drawing.annotate(journal, source.clone(), &out, &cancelled)?
            {
                return Ok(false);
            }
            if let Some(stem) = video.thumbnails {
                make_folder_of(&stem)?;
                let place = |number| stem.with_extension(format!("{number}.jpg"));
                drawing.thumbnails((journal, THUMBNAILS), &source, place, &cancelled)?;
            }
            if cancelled.is_cancelled() {
                return Ok(false);
            }
            let marked = std::fs::write(&drawn, "");
            marked.map(|()| true).map_err(|error| stdout::write_error(&drawn.display().to_string(), &error))
        })
        .await
    }

    fn one(&self, video: &Video, program: FfmpegProgram) -> VideoWork {
        VideoWork {
            detector: self.detector.clone(),
            options: self.options.clone(),
            choice: self.choice.clone(),
            bounds: self.bounds,
            stream: StreamKey(video.index as u64 + 1),
            program,
            limits: limits(),
            only_port: None,
        }
    }

    /// The journal to go on with, or a new one. Reading a long one takes a while.
    async fn journal(&self, video: &Video) -> Result<Journal, CliError> {
        let Some(path) = video.journal.clone() else { return Ok(Journal::unkept()) };
        let header = video.header.clone();
        let opening = tokio::task::spawn_blocking(move || match Journal::resume(&path, &header)? {
            Some(journal) => Ok(journal),
            None => Journal::create(&path, &header),
        });
        Ok(opening.await.map_err(|_| CliError::new("internal", "opening a journal failed"))??)
    }

    /// Its own file of results.
    async fn write(&self, video: &Video) -> Result<(), CliError> {
        let (Some(writer), Some(file)) = (self.writer.cloned(), video.file.clone()) else { return Ok(()) };
        let line = self.report.lock().lines.place(video.index);
        let part = ResultPart { journal: existing(video.journal.as_deref()), line };
        match in_background(move || writer.write(&[part], &file)).await {
            Err(error) if error.code == STOPPED => Ok(()),
            written => written,
        }
    }
}

/// The journal, where the work came as far as having one.
pub fn existing(journal: Option<&Path>) -> Option<PathBuf> {
    journal.filter(|journal| journal.is_file()).map(Path::to_path_buf)
}

/// Does what takes a while where signals are still heard.
///
/// # Errors
/// Its own.
pub async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(CliError::new("internal", "writing the results failed")))
}

/// Whether a video counts as worked through.
fn judge(end: &JournalEnd) -> Result<(), CliError> {
    if end.end == "damaged" { Err(damaged(end.damaged_at_ms.unwrap_or(0.0) / 1_000.0)) } else { Ok(()) }
}

/// What would fail every other input as well.
fn is_fatal(error: &CliError) -> bool {
    matches!(&*error.code, "output_failed" | "storage_full")
}

/// Whether the reason may be gone at the next try: not where it lies in the video itself.
fn may_pass(error: &CliError) -> bool {
    !matches!(&*error.code, "unsupported_media" | "corrupt_media" | "media_unreadable" | "media_too_large")
}
