//! What an attempt that failed tells, and whether another may help.

use samovar_jobs::{Attempted, Job, JobFailure, RunEnd};
use samovar_recorded::{RecordedError, RecordedErrorKind};
use samovar_runtime::{RunError, RunErrorKind};

/// Attempts in which the decoder may die before its video counts as one that kills decoders.
const DECODER_ATTEMPTS_MAX: u32 = 3;

/// An end that no further attempt changes.
pub fn never(code: &str, message: impl Into<String>) -> RunEnd {
    RunEnd::Failed(failure(code, message), Attempted::Never)
}

/// An end after which another attempt may help.
pub fn retry(code: &str, message: impl Into<String>) -> RunEnd {
    RunEnd::Failed(failure(code, message), Attempted::Retry)
}

/// How the attempt ends where its model has no result.
pub fn of_run(error: &RunError) -> RunEnd {
    let attempted = match error.kind() {
        RunErrorKind::UnknownModel | RunErrorKind::Input { .. } => Attempted::Never,
        // Another server, or this one once it has started again, goes on.
        RunErrorKind::ShuttingDown => return RunEnd::Stopped,
        _ => Attempted::Retry,
    };
    RunEnd::Failed(failure(error.kind().code(), error.to_string()), attempted)
}

/// How the attempt ends where its video has no result.
pub fn of_recorded(error: &RecordedError, job: &Job) -> RunEnd {
    let attempted = match error.kind() {
        RecordedErrorKind::Media("decoder_failed") if job.attempts < DECODER_ATTEMPTS_MAX => Attempted::Retry,
        RecordedErrorKind::Media("output_failed") => Attempted::Retry,
        // An address may answer later; a file that cannot be read stays so.
        RecordedErrorKind::Media("media_unreadable") => Attempted::Retry,
        RecordedErrorKind::Media(_) | RecordedErrorKind::Invalid => Attempted::Never,
        RecordedErrorKind::Run("shutting_down") => return RunEnd::Stopped,
        RecordedErrorKind::Run(code) if is_for_now(code) => Attempted::Retry,
        RecordedErrorKind::Run(_) => Attempted::Never,
        // Whoever has accepted a job finishes it when there is space again, however long that takes.
        RecordedErrorKind::StorageFull => Attempted::Later,
        RecordedErrorKind::Output | RecordedErrorKind::OtherWork | RecordedErrorKind::Journal => Attempted::Retry,
    };
    RunEnd::Failed(failure(error.code(), error.to_string()), attempted)
}

/// What a model fails with that may work another time.
fn is_for_now(code: &str) -> bool {
    matches!(code, "model_not_ready" | "queue_full" | "frame_displaced" | "deadline_exceeded" | "internal")
}

fn failure(code: &str, message: impl Into<String>) -> JobFailure {
    JobFailure { code: code.to_owned(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_jobs::{JobId, JobProgress, JobState, JobTime};

    fn job(attempts: u32) -> Job {
        Job {
            id: JobId::random(),
            kind: "detect".into(),
            owner: String::new(),
            payload: String::new(),
            priority: 5,
            state: JobState::Running,
            attempts,
            progress: JobProgress::default(),
            result: None,
            failure: None,
            created: JobTime(0),
            started: None,
            ended: None,
            not_before: JobTime(0),
            cancel_asked: false,
            revision: 0,
        }
    }

    #[test]
    fn what_the_video_is_to_blame_for_is_not_tried_again_and_a_dead_decoder_twice() {
        let told = |kind, attempts| match of_recorded(&RecordedError::new(kind, "no"), &job(attempts)) {
            RunEnd::Failed(failure, attempted) => (failure.code, attempted),
            end => panic!("{end:?}"),
        };
        for code in ["corrupt_media", "unsupported_media", "media_too_large", "decoder_missing"] {
            assert_eq!(told(RecordedErrorKind::Media(code), 1), (code.to_owned(), Attempted::Never));
        }
        let decoder = |attempts| told(RecordedErrorKind::Media("decoder_failed"), attempts).1;
        assert_eq!([1, 2, 3].map(decoder), [Attempted::Retry, Attempted::Retry, Attempted::Never]);
        assert_eq!(told(RecordedErrorKind::StorageFull, 4), ("storage_full".to_owned(), Attempted::Later));
        assert_eq!(told(RecordedErrorKind::Run("model_not_ready"), 1).1, Attempted::Retry);
        assert_eq!(told(RecordedErrorKind::Run("wrong_family"), 1).1, Attempted::Never);
    }
}
