//! What a job writes besides its results: the report, the video with its boxes, small pictures.

use samovar_media::VideoInput;
use samovar_recorded::{
    Drawing, RecordedError, RecordedErrorKind, ReportOptions, TaskOutputs, WorkFolder, write_report,
};
use std::path::{Path, PathBuf};
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

/// Sample frames of a report.
const SAMPLES: usize = 6;

impl Artifacts {
    /// Writes what was asked for and tells the names of the files; none where it was cancelled. What was begun then goes on for less than
    /// a second, and leaves nothing behind.
    ///
    /// # Errors
    /// What cannot be read or written.
    pub async fn write(
        self,
        outputs: TaskOutputs,
        cancelled: &CancellationToken,
    ) -> Result<Option<Vec<String>>, RecordedError> {
        if outputs == TaskOutputs::default() {
            return Ok(Some(Vec::new()));
        }
        let token = cancelled.clone();
        let writing = tokio::task::spawn_blocking(move || self.write_all(&outputs, &token));
        let written = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Ok(None),
            written = writing => written,
        };
        let broken = |_| RecordedError::new(RecordedErrorKind::Run("internal"), "writing the report failed; try again");
        let names = written.map_err(broken)??;
        Ok((!cancelled.is_cancelled()).then_some(names))
    }

    fn write_all(&self, outputs: &TaskOutputs, cancelled: &CancellationToken) -> Result<Vec<String>, RecordedError> {
        let mut names = Vec::new();
        if outputs.thumbnails > 0 {
            let place = |number| self.folder.thumbnail(number);
            let wanted = (self.journal.as_path(), outputs.thumbnails);
            let count = self.drawing.thumbnails(wanted, &self.video, place, cancelled)?;
            names.extend((1..=count).map(|number| name_of(&place(number))));
        }
        if outputs.annotated
            && self.drawing.annotate(&self.journal, self.video.clone(), &self.folder.annotated(), cancelled)?
        {
            names.push(name_of(&self.folder.annotated()));
        }
        if outputs.report && !cancelled.is_cancelled() {
            let options = ReportOptions {
                title: self.title.clone(),
                ffmpeg: Some(self.drawing.program.clone()),
                samples: SAMPLES,
            };
            write_report(&[(self.journal.clone(), self.file())], &options, &self.folder.report())?;
            names.push(name_of(&self.folder.report()));
        }
        Ok(names)
    }

    /// The video's file, where it is one: sample frames are read from nowhere else.
    fn file(&self) -> Option<PathBuf> {
        match &self.video {
            VideoInput::File(path) => Some(path.clone()),
            _ => None,
        }
    }
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
