//! What a worker tells of its jobs: when one begins, and how its attempt ended.

use crate::{stderr, stdout};
use samovar_jobs::{Attempted, Job, RunEnd};
use serde_json::{Value, json};
use std::time::Duration;

/// Who is told of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobLog {
    /// The log alone.
    Log,
    /// A person: lines on stderr.
    Person,
    /// A program: one JSON object a line on stdout.
    Program,
}

impl JobLog {
    /// An attempt begins. `name` is what the video is called.
    pub fn begun(self, job: &Job, name: &str) {
        let (id, attempt) = (job.id, job.attempts);
        tracing::info!(job = %id, attempt, "a job begins");
        match self {
            Self::Log => {}
            Self::Person => stderr::line(&format!("{id} begun{}: {name}", nth(attempt))),
            Self::Program => {
                program(&json!({ "job": id.to_string(), "event": "begun", "attempt": attempt, "name": name }));
            }
        }
    }

    /// An attempt has ended; what is told here is recorded next.
    pub fn ended(self, job: &Job, end: &RunEnd, took: Duration) {
        let id = job.id;
        let word = word(end);
        tracing::info!(job = %id, attempt = job.attempts, end = word, took_ms = took.as_millis() as u64, "an attempt ended");
        match self {
            Self::Log => {}
            Self::Person => stderr::line(&format!("{id} {word}{}", sentence(end, took))),
            Self::Program => program(&record(job, end, took)),
        }
    }
}

/// Nothing of a first attempt.
fn nth(attempt: u32) -> String {
    if attempt > 1 { format!(", attempt {attempt}") } else { String::new() }
}

const fn word(end: &RunEnd) -> &'static str {
    match end {
        RunEnd::Done(_) => "done",
        RunEnd::Failed(_, Attempted::Never) => "failed",
        RunEnd::Failed(_, Attempted::Retry) => "failed for now",
        RunEnd::Failed(_, Attempted::Later) => "waits",
        RunEnd::Stopped => "stopped",
    }
}

fn sentence(end: &RunEnd, took: Duration) -> String {
    match end {
        RunEnd::Done(result) => {
            let figures = figures(result);
            let frames = figures["frames"].as_u64().unwrap_or(0);
            let how = figures["end"].as_str().filter(|end| *end != "complete");
            let how = how.map_or_else(String::new, |how| format!(", {how}"));
            let detections = figures["summary"]["detections"].as_u64().unwrap_or(0);
            format!(": {frames} frames, {detections} detections in {:.1} s{how}", took.as_secs_f64())
        }
        RunEnd::Failed(failure, _) => format!(": {}: {}", failure.code, failure.message),
        RunEnd::Stopped => format!(" after {:.1} s", took.as_secs_f64()),
    }
}

fn record(job: &Job, end: &RunEnd, took: Duration) -> Value {
    let mut record = json!({
        "job": job.id.to_string(), "event": word(end), "attempt": job.attempts, "took_s": took.as_secs_f64(),
    });
    match end {
        RunEnd::Done(result) => {
            let figures = figures(result);
            for key in ["frames", "end"] {
                record[key] = figures[key].clone();
            }
            record["frames_before"] = figures["performance"]["frames_before"].clone();
        }
        RunEnd::Failed(failure, _) => record["failure"] = json!({ "code": failure.code, "message": failure.message }),
        RunEnd::Stopped => {}
    }
    record
}

/// The end of the video as the result has it.
fn figures(result: &str) -> Value {
    serde_json::from_str::<Value>(result).map_or(Value::Null, |mut result| result["end"].take())
}

/// Whoever does not read any more is told nothing; the work goes on.
fn program(record: &Value) {
    let _ = stdout::print(&format!("{record}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_jobs::JobFailure;

    #[test]
    fn an_end_is_one_sentence() {
        let took = Duration::from_millis(2_500);
        let done = r#"{"journal":"j","artifacts":[],"end":{"frames":50,"end":"damaged","summary":{"detections":7}}}"#;
        assert_eq!(sentence(&RunEnd::Done(done.into()), took), ": 50 frames, 7 detections in 2.5 s, damaged");
        let failure = JobFailure { code: "corrupt_media".into(), message: "no video".into() };
        let failed = RunEnd::Failed(failure, Attempted::Never);
        assert_eq!((word(&failed), sentence(&failed, took).as_str()), ("failed", ": corrupt_media: no video"));
    }
}
