//! What was shown, in a few lines that a person understands at a glance.

use super::figures::ModelFigures;
use super::setup::Plan;
use super::status::{ProcessStatus, Status};
use super::table::{process, size};
use crate::run::{plural, summary};
use serde::Serialize;

/// What was shown in all.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The models that the streams used.
    used: Vec<String>,
    /// From the first frame to the last one's event, frames not sent any more left out.
    seconds: f64,
    /// Frames in each second that the streams sent, each.
    frames_per_s: f64,
    /// Why streams broke off; empty where none did.
    failures: Vec<String>,
    /// The end.
    #[serde(flatten)]
    status: Status,
}

impl Summary {
    /// Of what was planned, how it ended, and why streams broke off.
    pub fn new(plan: &Plan, status: Status, failures: Vec<String>) -> Self {
        let used = plan.looking.models().into_iter().map(str::to_owned).collect();
        let frames_per_s = plan.clip.frames_per_second;
        Self { used, seconds: status.elapsed_s, frames_per_s, failures, status }
    }

    /// Whether every stream came to its end with every frame accounted for.
    pub fn is_good(&self) -> bool {
        let total = &self.status.total;
        self.failures.is_empty() && total.refused == 0 && total.unanswered == 0 && self.status.process.panics == 0
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut lines = vec![self.streams()];
        let events = &self.status.total.events;
        if !events.is_empty() {
            lines.push(format!("events: {}", summary(events.iter().map(|(name, count)| (name.as_str(), *count)))));
        }
        lines.extend(self.status.models.iter().filter(|model| model.loads > 0).map(model_line));
        lines.push(process(&self.status.process));
        lines.extend(self.failures.iter().map(|failure| format!("FAILED: {failure}")));
        if self.status.total.dropped > 0 {
            lines.push(too_much(&self.status.process));
        }
        lines.join("\n") + "\n\n" + &next()
    }

    fn streams(&self) -> String {
        let total = &self.status.total;
        let sent_per_s = total.sent as f64 / self.seconds.max(1e-3) / self.status.streams.len().max(1) as f64;
        let mut text = format!(
            "{} × {sent_per_s:.1} fps for {:.0} s: {} of {} frames answered, {} dropped, p50 {:.0} ms, p99 {:.0} ms",
            plural(self.status.streams.len() as u64, "stream"),
            self.seconds,
            total.answered,
            total.sent,
            total.dropped,
            total.p50_ms,
            total.p99_ms
        );
        for (count, what) in [(total.refused, "refused"), (total.unanswered, "never heard of")] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        text
    }
}

fn too_much(process: &ProcessStatus) -> String {
    format!(
        "Dropped frames: newer ones took their place, because {:.1} of {} cores, which is what this process got, were too few.\n\
         Fewer streams (--streams) or a faster engine (samovar engine install openvino) help.",
        process.cores_busy, process.cores
    )
}

/// What to do next, with the program called as it was called this time.
fn next() -> String {
    let samovar = std::env::args().next().unwrap_or_else(|| "samovar".to_owned());
    format!(
        "Next, with a model for real pictures (`models list` tells of more):\n  \
         {samovar} models pull yolox-nano\n  \
         {samovar} demo --model yolox-nano --clip your.mp4\n  \
         {samovar} serve --model yolox-nano\n"
    )
}

fn model_line(model: &ModelFigures) -> String {
    let skipped = match model.warm_ups_skipped {
        0 => String::new(),
        count => format!(", {} skipped", plural(count, "warm-up")),
    };
    format!(
        "{} on {} in {}: loaded {} ({:.0} ms), warmed {} ({:.0} ms){skipped}; {}",
        model.model,
        model.engine,
        model.precision,
        times(model.loads),
        model.load_ms,
        times(model.warm_ups),
        model.warm_up_ms,
        size(model.memory_bytes)
    )
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::status::tests::status;

    fn summary(status: Status, failures: Vec<String>) -> Summary {
        Summary { used: vec!["starter-detect".to_owned()], seconds: 2.0, frames_per_s: 12.0, failures, status }
    }

    #[test]
    fn the_first_lines_say_it_all() {
        let text = summary(status(), Vec::new()).text();
        let expected = "\
2 streams × 12.0 fps for 2 s: 47 of 48 frames answered, 1 dropped, p50 10 ms, p99 10 ms
starter-detect on rten in f32: loaded once (38 ms), warmed once (21 ms), 1 warm-up skipped; 61 MB
101 MB in all, 300 kB a stream, 0.8 of 2 cores
Dropped frames: newer ones";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn drops_are_allowed_and_losses_are_not() {
        assert!(summary(status(), Vec::new()).is_good());
        assert!(!summary(status(), vec!["a stream failed".to_owned()]).is_good());
        let spoil: [fn(&mut Status); 3] = [
            |status| status.total.unanswered = 1,
            |status| status.total.refused = 1,
            |status| status.process.panics = 1,
        ];
        for spoil in spoil {
            let mut status = status();
            spoil(&mut status);
            assert!(!summary(status, Vec::new()).is_good());
        }
    }
}
