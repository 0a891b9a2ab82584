//! Jobs of a running server as people read them.

use comfy_table::{Table, presets};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is shown of a job.
#[derive(Clone, Debug, Deserialize)]
pub struct JobView {
    /// Its name.
    pub id: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    #[serde(default)]
    cancel_asked: bool,
    task: Option<TaskView>,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    created: String,
    retry_at: Option<String>,
    failure: Option<FailureView>,
    /// How far it is.
    #[serde(default)]
    pub progress: ProgressView,
    result: Option<ResultView>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct ProgressView {
    /// Frames.
    pub done: u64,
    /// Frames in all, where that is known.
    pub total: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct TaskView {
    name: String,
    model: String,
}

#[derive(Clone, Debug, Deserialize)]
struct FailureView {
    code: String,
    detail: String,
}

#[derive(Clone, Debug, Deserialize)]
struct ResultView {
    frames: u64,
    end: String,
    damaged_at_ms: Option<f64>,
    #[serde(default)]
    summary: SummaryView,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    outputs_failed: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct SummaryView {
    #[serde(default)]
    detections: u64,
}

impl JobView {
    /// Whether nothing more happens to it by itself.
    pub fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "done" | "failed" | "cancelled")
    }

    /// Whether its result is there.
    pub fn is_done(&self) -> bool {
        self.state == "done"
    }

    /// What its video is called.
    pub fn name(&self) -> &str {
        self.task.as_ref().map_or("-", |task| task.name.as_str())
    }

    /// In one line: `ID film.mp4: done, 1200 frames, 3400 detections; report.html`.
    pub fn line(&self) -> String {
        format!("{} {}: {}", self.id, self.name(), self.standing())
    }

    /// Where it stands, in words.
    pub fn standing(&self) -> String {
        match (&self.result, &self.failure) {
            (Some(result), _) if self.is_done() => result.sentence(),
            (_, Some(failure)) if self.state == "failed" => {
                format!("failed after {} attempt(s): {}: {}", self.attempts, failure.code, failure.detail)
            }
            (_, Some(failure)) if self.state == "queued" => {
                let when = self.retry_at.as_deref().map_or_else(String::new, |at| format!(" at {at}"));
                format!("waits for its next attempt{when}: {}: {}", failure.code, failure.detail)
            }
            _ if self.cancel_asked && !self.has_ended() => "is being cancelled".to_owned(),
            _ if self.state == "running" => format!("running, {}", self.progress.text(false)),
            _ => self.state.clone(),
        }
    }

    fn row(&self) -> [String; 7] {
        let model = self.task.as_ref().map_or("-", |task| task.model.as_str());
        let failure = self.failure.as_ref().map_or("", |failure| failure.code.as_str());
        [
            self.id.clone(),
            self.state.clone(),
            self.progress.text(self.has_ended()),
            self.attempts.to_string(),
            model.to_owned(),
            self.created.clone(),
            if failure.is_empty() { self.name().to_owned() } else { format!("{} ({failure})", self.name()) },
        ]
    }
}

impl ProgressView {
    /// How many frames were expected tells nothing once all are looked at.
    fn text(self, ended: bool) -> String {
        match self.total.filter(|_| !ended) {
            Some(total) if total > 0 => {
                let percent = (self.done as f64 / total as f64 * 100.0).min(100.0);
                format!("{} of {total} frames, {percent:.0} %", self.done)
            }
            _ => format!("{} frames", self.done),
        }
    }
}

impl ResultView {
    fn sentence(&self) -> String {
        let mut text = format!("done, {} frames, {} detections", self.frames, self.summary.detections);
        if self.end != "complete" {
            text += &format!("; the video is {}", self.end);
        }
        if let Some(at) = self.damaged_at_ms {
            text += &format!(" from {:.1} s on", at / 1e3);
        }
        let files: Vec<&str> = self.files.keys().map(String::as_str).collect();
        if !files.is_empty() {
            text += &format!("; {}", files.join(", "));
        }
        for (output, code) in &self.outputs_failed {
            text += &format!("; no {output}: {code}");
        }
        text
    }
}

/// A line for each job.
pub fn table(jobs: &[JobView]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["job", "state", "progress", "attempts", "model", "created", "video"]);
    for job in jobs {
        table.add_row(job.row());
    }
    format!("{}\n", table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn job(more: &Value) -> JobView {
        let mut job = json!({
            "id": "6f96", "state": "running", "task": { "name": "film.mp4", "model": "person" }, "attempts": 1,
            "created": "2026-11-21T06:23:14.120Z", "progress": { "done": 30, "total": 120 },
        });
        job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(job).unwrap()
    }

    #[test]
    fn a_job_is_one_line() {
        assert_eq!(job(&json!({})).line(), "6f96 film.mp4: running, 30 of 120 frames, 25 %");
        let result = json!({
            "frames": 120, "end": "damaged", "damaged_at_ms": 4000.0, "summary": { "detections": 7 },
            "files": { "report.html": "/v1/jobs/6f96/files/report.html" },
            "outputs_failed": { "annotated": "output_failed" },
        });
        assert_eq!(
            job(&json!({ "state": "done", "result": result })).standing(),
            "done, 120 frames, 7 detections; the video is damaged from 4.0 s on; report.html; no annotated: output_failed"
        );
        let failure = json!({ "code": "corrupt_media", "detail": "no video is in it" });
        assert_eq!(
            job(&json!({ "state": "failed", "failure": failure })).standing(),
            "failed after 1 attempt(s): corrupt_media: no video is in it"
        );
        assert_eq!(job(&json!({ "cancel_asked": true })).standing(), "is being cancelled");
    }

    #[test]
    fn jobs_are_a_table() {
        let text = table(&[job(&json!({ "progress": { "done": 3, "total": null } }))]);
        let words: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words.join(" "), "6f96 running 3 frames 1 person 2026-11-21T06:23:14.120Z film.mp4");
    }
}
