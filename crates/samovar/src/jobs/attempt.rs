//! One attempt at a job: from its payload to its result. It goes on where the attempt before it was interrupted.

use super::artifacts::{Artifacts, Written, name_of};
use super::failure::{never, of_recorded, of_run, retry};
use super::machine_use::MachineWatch;
use super::runner::VideoRunner;
use super::video_place::VideoPlace;
use samovar_jobs::{Job, JobContext, JobProgress, RunEnd};
use samovar_media::{FfmpegProgram, Frame, VideoInfo};
use samovar_models::{DetectOptions, DetectionModel, Detector};
use samovar_recorded::{
    Drawing, FrameRecord, FrameWatch, Journal, JournalEnd, JournalHeader, RecordedError, RecordedErrorKind, TaskResult,
    VideoTask, VideoWork, WorkEnd, WorkFolder,
};
use samovar_runtime::{Generation, Hold};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One attempt at a job.
pub struct Attempt<'a> {
    runner: &'a VideoRunner,
    job: &'a Job,
    context: &'a JobContext,
    folder: WorkFolder,
    task: VideoTask,
}

impl<'a> Attempt<'a> {
    /// Reads what is to be done.
    ///
    /// # Errors
    /// A payload that is none.
    pub fn read(
        runner: &'a VideoRunner,
        job: &'a Job,
        context: &'a JobContext,
        folder: WorkFolder,
    ) -> Result<Self, RunEnd> {
        let task: VideoTask = serde_json::from_str(&job.payload).map_err(|error| {
            tracing::warn!(job = %job.id, %error, "the payload of a job cannot be read");
            never("job_unreadable", "what is to be done cannot be read; hand it in to a server of the worker's version")
        })?;
        task.validate().map_err(|error| of_recorded(&error, job))?;
        Ok(Self { runner, job, context, folder, task })
    }

    /// What the video is called.
    pub fn name(&self) -> &str {
        &self.task.name
    }

    /// Does it.
    pub async fn run(&self) -> RunEnd {
        match Box::pin(self.work()).await {
            Ok(result) => match serde_json::to_string(&result) {
                Ok(result) => RunEnd::Done(result),
                Err(error) => never("internal", format!("the result cannot be written as JSON: {error}")),
            },
            Err(end) => end,
        }
    }

    async fn work(&self) -> Result<TaskResult, RunEnd> {
        let program = self.runner.ffmpeg.clone().ok_or_else(|| {
            never(
                "decoder_missing",
                "no video can be read without ffmpeg: run `samovar engine install ffmpeg`, then retry the job",
            )
        })?;
        let model = self.model().await?;
        let video = self.video().await?;
        let journal = self.journal(self.header(&model, &video)).await?;
        let before = journal.summary().frames;
        let used = MachineWatch::begin(&self.runner.monitor);
        let end = match journal.end().cloned() {
            Some(end) => end,
            None => self.frames(&model, program.clone(), (&video, journal)).await?,
        };
        let written = self.artifacts(program, video).await?;
        let (journal, end) = (name_of(&self.journal_path()), with_attempt(end, before, used.end().await));
        Ok(TaskResult { journal, end, artifacts: written.names, outputs_failed: written.failed })
    }

    /// Loads the model where it is not, and keeps it while the job runs.
    async fn model(&self) -> Result<ReadyModel, RunEnd> {
        let handle = self.runner.registry.model(&self.task.model).map_err(|error| of_run(&error))?;
        let hold = handle.hold();
        let opened = tokio::select! {
            biased;
            () = self.context.cancelled.cancelled() => return Err(RunEnd::Stopped),
            opened = handle.open() => opened,
        };
        opened.map_err(|error| of_run(&error))?;
        let generation = handle.generation().map_err(|error| of_run(&error))?;
        let detector = Detector::new(handle);
        let family = detector.model().map_err(|error| of_run(&error))?;
        let options = self.options(&family)?;
        Ok(ReadyModel { detector, family, generation, options, _hold: hold })
    }

    fn options(&self, model: &DetectionModel) -> Result<DetectOptions, RunEnd> {
        let classes =
            self.task.classes.iter().map(|class| class_of(class, model)).collect::<Result<Arc<[u32]>, _>>()?;
        let options = DetectOptions {
            score_min: self.task.score_min,
            iou_max: self.task.iou_max,
            classes: (!classes.is_empty()).then_some(classes),
            ..DetectOptions::default()
        };
        options.validate().map_err(|error| never(error.code(), error.to_string()))?;
        Ok(options)
    }

    async fn video(&self) -> Result<VideoPlace, RunEnd> {
        let (input, folder) = (self.task.input.clone(), self.folder.clone());
        let roots = self.runner.additions.roots.clone();
        let found = tokio::task::spawn_blocking(move || VideoPlace::find(&input, &folder, &roots));
        tokio::select! {
            biased;
            () = self.context.cancelled.cancelled() => Err(RunEnd::Stopped),
            found = found => found.map_err(|_| retry("internal", "the video could not be looked for"))?,
        }
    }

    fn header(&self, model: &ReadyModel, video: &VideoPlace) -> JournalHeader {
        let generation = &model.generation;
        let options = serde_json::json!({
            "score_min": self.task.score_min, "iou_max": self.task.iou_max, "classes": self.task.classes,
        });
        JournalHeader {
            input: self.task.name.clone(),
            source: video.look,
            model: self.task.model.clone(),
            fingerprint: format!("{}-{}", generation.files_word(), generation.engine_version),
            engine: generation.engine.to_owned(),
            precision: generation.precision.name().to_owned(),
            labels: model.family.labels().iter().map(|label| label.to_string()).collect(),
            options,
            choice: self.task.frames.clone(),
        }
    }

    fn journal_path(&self) -> PathBuf {
        self.folder.journal(self.context.token)
    }

    /// The journal of the attempt before, copied and gone on with; a new one where there is none, or it is of other work.
    async fn journal(&self, header: JournalHeader) -> Result<Journal, RunEnd> {
        let (own, earlier) = (self.journal_path(), self.folder.journal_before(self.context.token));
        let opening = tokio::task::spawn_blocking(move || open_journal(&own, earlier.as_deref(), &header));
        // The one before may be long: its copy goes on by itself, and is there for the next attempt.
        let opened = tokio::select! {
            biased;
            () = self.context.cancelled.cancelled() => return Err(RunEnd::Stopped),
            opened = opening => opened.map_err(|_| retry("internal", "the journal could not be opened"))?,
        };
        opened.map_err(|error| self.failed(&error))
    }

    async fn frames(
        &self,
        model: &ReadyModel,
        program: FfmpegProgram,
        (video, journal): (&VideoPlace, Journal),
    ) -> Result<JournalEnd, RunEnd> {
        let work = VideoWork {
            detector: model.detector.clone(),
            options: model.options.clone(),
            choice: self.task.frames.clone(),
            bounds: self.runner.bounds,
            stream: self.runner.stream(),
            program,
            limits: self.runner.limits,
            only_port: video.only_port,
        };
        let done = journal.summary().frames;
        let mut watch = Progress { context: self.context, progress: JobProgress { done, total: None } };
        let end = work.run(video.input.clone(), journal, &mut watch, &self.context.cancelled).await;
        match end.map_err(|error| self.failed(&error))? {
            WorkEnd::Finished(end) => Ok(*end),
            WorkEnd::Cancelled => Err(RunEnd::Stopped),
        }
    }

    async fn artifacts(&self, program: FfmpegProgram, video: VideoPlace) -> Result<Written, RunEnd> {
        let artifacts = Artifacts {
            journal: self.journal_path(),
            drawing: Drawing { program, limits: self.runner.limits, only_port: video.only_port },
            video: video.input,
            folder: self.folder.clone(),
            title: self.task.name.clone(),
        };
        let written = artifacts.write(self.task.outputs.clone(), &self.context.cancelled).await;
        written.map_err(|error| self.failed(&error))?.ok_or(RunEnd::Stopped)
    }

    fn failed(&self, error: &RecordedError) -> RunEnd {
        of_recorded(error, self.job)
    }
}

/// A model that is loaded and stays so.
struct ReadyModel {
    detector: Detector,
    family: Arc<DetectionModel>,
    generation: Arc<Generation>,
    options: DetectOptions,
    _hold: Hold,
}

/// Tells the worker how far the work is.
struct Progress<'a> {
    context: &'a JobContext,
    progress: JobProgress,
}

impl FrameWatch for Progress<'_> {
    fn opened(&mut self, _: &VideoInfo, frames: Option<u64>) {
        self.progress.total = frames;
        self.context.tell(self.progress);
    }

    fn frame(&mut self, _: &Arc<Frame>, _: &FrameRecord) -> Result<(), RecordedError> {
        self.progress.done += 1;
        self.context.tell(self.progress);
        Ok(())
    }
}

/// A class by number or name.
fn class_of(text: &str, model: &DetectionModel) -> Result<u32, RunEnd> {
    match text.parse::<u32>() {
        Ok(class) if (class as usize) < model.labels().len() => Ok(class),
        _ => {
            model.labels().class(text).ok_or_else(|| never("unknown_class", format!("the model has no class `{text}`")))
        }
    }
}

fn open_journal(own: &Path, earlier: Option<&Path>, header: &JournalHeader) -> Result<Journal, RecordedError> {
    if let Some(earlier) = earlier {
        // Under its own name only once it is whole: an attempt that dies here must not hide what the one before it did.
        let unfinished = own.with_extension("part");
        std::fs::copy(earlier, &unfinished).map_err(|error| RecordedError::output(&error))?;
        std::fs::File::open(&unfinished)
            .and_then(|file| file.sync_all())
            .map_err(|error| RecordedError::output(&error))?;
        std::fs::rename(&unfinished, own).map_err(|error| RecordedError::output(&error))?;
        match Journal::resume(own, header) {
            Ok(Some(journal)) => return Ok(journal),
            Ok(None) => {}
            Err(error) if matches!(error.kind(), RecordedErrorKind::OtherWork | RecordedErrorKind::Journal) => {
                tracing::warn!(%error, "a job begins anew");
            }
            Err(error) => return Err(error),
        }
    }
    Journal::create(own, header)
}

/// The end as the journal has it, and of this attempt what was done before it and what the machine did meanwhile.
fn with_attempt(mut end: JournalEnd, frames_before: u64, used: Value) -> JournalEnd {
    if !end.performance.is_object() {
        end.performance = serde_json::json!({});
    }
    end.performance["frames_before"] = frames_before.into();
    end.performance["machine"] = used;
    end
}
