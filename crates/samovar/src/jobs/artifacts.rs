//! What a job writes besides its results: the report, the video with its boxes, small pictures.

use samovar_media::VideoInput;
use samovar_recorded::{
    Drawing, RecordedError, RecordedErrorKind, ReportOptions, TaskOutputs, WorkFolder, write_report,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// From what a job's artifacts are made.
pub struct Artifacts {
    /// What was found.
    pub journal: PathBuf,
    /// The video.
    pub video: VideoInput,
    /// Reads and draws it.
    pub drawing: Drawing,
    /// Where they are written.
    pub folder: WorkFolder,
    /// What the video is called.
    pub title: String,
}

/// What was written.
#[derive(Debug, Default, PartialEq)]
pub struct Written {
    /// Files, by name.
    pub names: Vec<String>,
    /// What could not be written, and the code of why.
    pub failed: BTreeMap<String, String>,
}

/// What can be asked for.
#[derive(Clone, Copy)]
enum Output {
    Thumbnails(u32),
    Annotated,
    Report,
}

/// Sample frames of a report.
const SAMPLES: usize = 6;

impl Artifacts {
    /// Writes what was asked for; none where it was cancelled. What was begun then goes on for less than a second, and leaves nothing behind.
    /// What cannot be written keeps nothing else from being: what was found is there already.
    ///
    /// # Errors
    /// `StorageFull`: another time there may be space.
    pub async fn write(
        self,
        outputs: TaskOutputs,
        cancelled: &CancellationToken,
    ) -> Result<Option<Written>, RecordedError> {
        let (own, mut written) = (Arc::new(self), Written::default());
        for output in Output::of(&outputs) {
            let (of, token) = (Arc::clone(&own), cancelled.clone());
            let writing = tokio::task::spawn_blocking(move || of.write_one(output, &token));
            let names = tokio::select! {
                biased;
                () = cancelled.cancelled() => return Ok(None),
                names = writing => names.unwrap_or_else(|_| Err(fallen())),
            };
            match names {
                Ok(names) => written.names.extend(names),
                Err(error) if own.wants_space(&error) => return Err(full()),
                Err(error) => {
                    tracing::warn!(output = output.name(), %error, "what a job was to write besides its results is left out");
                    written.failed.insert(output.name().to_owned(), error.code().to_owned());
                }
            }
        }
        Ok((!cancelled.is_cancelled()).then_some(written))
    }

    fn write_one(&self, output: Output, cancelled: &CancellationToken) -> Result<Vec<String>, RecordedError> {
        match output {
            Output::Thumbnails(most) => {
                let place = |number| self.folder.thumbnail(number);
                let wanted = (self.journal.as_path(), most);
                let count = self.drawing.thumbnails(wanted, &self.video, place, cancelled)?;
                Ok((1..=count).map(|number| name_of(&place(number))).collect())
            }
            Output::Annotated => {
                let out = self.folder.annotated();
                let drawn = self.drawing.annotate(&self.journal, self.video.clone(), &out, cancelled)?;
                Ok(drawn.then(|| name_of(&out)).into_iter().collect())
            }
            Output::Report => {
                let options = ReportOptions {
                    title: self.title.clone(),
                    ffmpeg: Some(self.drawing.program.clone()),
                    samples: SAMPLES,
                };
                let out = self.folder.report();
                let told = write_report(&[(self.journal.clone(), self.file())], &options, &out, cancelled)?;
                Ok(told.then(|| name_of(&out)).into_iter().collect())
            }
        }
    }

    /// Whether it is space that is missing: an encoder does not tell.
    fn wants_space(&self, error: &RecordedError) -> bool {
        let is_full = || rustix::fs::statvfs(self.folder.path()).is_ok_and(|disk| disk.f_bavail == 0);
        match error.kind() {
            RecordedErrorKind::StorageFull => true,
            RecordedErrorKind::Media("output_failed") | RecordedErrorKind::Output => is_full(),
            _ => false,
        }
    }

    /// The video's file, where it is one: sample frames are read from nowhere else.
    fn file(&self) -> Option<PathBuf> {
        match &self.video {
            VideoInput::File(path) => Some(path.clone()),
            _ => None,
        }
    }
}

impl Output {
    fn of(outputs: &TaskOutputs) -> impl Iterator<Item = Self> + use<> {
        let thumbnails = (outputs.thumbnails > 0).then_some(Self::Thumbnails(outputs.thumbnails));
        let (annotated, report) =
            (outputs.annotated.then_some(Self::Annotated), outputs.report.then_some(Self::Report));
        [thumbnails, annotated, report].into_iter().flatten()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Thumbnails(_) => "thumbnails",
            Self::Annotated => "annotated",
            Self::Report => "report",
        }
    }
}

fn fallen() -> RecordedError {
    RecordedError::new(
        RecordedErrorKind::Run("internal"),
        "writing it ended by a fault of the program: look at the log",
    )
}

fn full() -> RecordedError {
    RecordedError::new(RecordedErrorKind::StorageFull, "the disk is full; make space, then go on")
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_media::{FfmpegProgram, VideoLimits};
    use samovar_recorded::{FrameChoice, Journal, JournalEnd, JournalHeader, Summary};
    use serde_json::{Value, json};

    fn finished(folder: &WorkFolder) -> PathBuf {
        let journal = folder.journal(1);
        let header = JournalHeader {
            input: "a.mp4".into(),
            source: None,
            model: "m".into(),
            fingerprint: "f".into(),
            engine: "e".into(),
            precision: "f32".into(),
            labels: vec!["cat".into()],
            options: json!({}),
            choice: FrameChoice::default(),
        };
        let end = JournalEnd {
            frames: 0,
            end: "complete".into(),
            damaged_at_ms: None,
            summary: Summary::default(),
            performance: Value::Null,
        };
        Journal::create(&journal, &header).unwrap().finish(&end).unwrap();
        journal
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_told_and_the_rest_is_written() {
        let Ok(program) = FfmpegProgram::find() else { return println!("skipped: no ffmpeg") };
        let place = tempfile::tempdir().unwrap();
        let folder = WorkFolder::new(place.path(), "0");
        // What is in the way of the report cannot be replaced by a file.
        std::fs::create_dir_all(folder.report().join("in the way")).unwrap();
        let artifacts = || Artifacts {
            journal: finished(&folder),
            video: VideoInput::File(place.path().join("gone.mp4")),
            drawing: Drawing { program: program.clone(), limits: VideoLimits::default(), only_port: None },
            folder: folder.clone(),
            title: "a.mp4".into(),
        };
        let outputs = TaskOutputs { report: true, annotated: true, thumbnails: 2 };
        let token = CancellationToken::new();
        let written = artifacts().write(outputs.clone(), &token).await.unwrap().unwrap();
        let failed: Vec<&str> = written.failed.keys().map(String::as_str).collect();
        assert_eq!((failed, written.failed["report"].as_str()), (vec!["annotated", "report"], "output_failed"));
        std::fs::remove_dir_all(folder.report()).unwrap();
        let written = artifacts().write(outputs, &token).await.unwrap().unwrap();
        assert_eq!((written.names, written.failed.len()), (vec!["report.html".to_owned()], 1));
        token.cancel();
        let outputs = TaskOutputs { report: true, ..TaskOutputs::default() };
        assert_eq!(artifacts().write(outputs, &token).await.unwrap(), None);
    }
}
