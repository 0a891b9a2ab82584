//! What was done in all, for the line at the end.

use samovar_models::Detections;
use samovar_recorded::{DetectionRecord, Summary};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Counts over all inputs.
#[derive(Debug)]
pub struct Totals {
    started: Instant,
    pictures: u64,
    frames: u64,
    /// Frames of earlier runs.
    earlier_frames: u64,
    failed: u64,
    by_label: BTreeMap<String, u64>,
}

impl Totals {
    /// Nothing yet; time counts from now.
    pub fn start() -> Self {
        let by_label = BTreeMap::new();
        Self { started: Instant::now(), pictures: 0, frames: 0, earlier_frames: 0, failed: 0, by_label }
    }

    /// Counts a picture.
    pub fn picture(&mut self, found: &Detections) {
        self.pictures += 1;
        self.found(found.items.iter().map(|item| &*item.label));
    }

    /// Counts a frame of a video.
    pub fn frame(&mut self, found: &[DetectionRecord]) {
        self.frames += 1;
        self.found(found.iter().map(|item| &*item.label));
    }

    /// Counts what an earlier run has found in a video that this one goes on with.
    pub fn earlier(&mut self, summary: &Summary) {
        self.earlier_frames += summary.frames;
        for (label, class) in &summary.classes {
            *self.by_label.entry(label.clone()).or_default() += class.detections;
        }
    }

    /// Counts an input that failed, wholly or from some frame on.
    pub const fn failure(&mut self) {
        self.failed += 1;
    }

    /// Pictures and frames that have a result.
    pub const fn done(&self) -> u64 {
        self.pictures + self.frames + self.earlier_frames
    }

    /// Inputs that failed.
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    fn found<'a>(&mut self, labels: impl Iterator<Item = &'a str>) {
        for label in labels {
            match self.by_label.get_mut(label) {
                Some(count) => *count += 1,
                None => drop(self.by_label.insert(label.to_owned(), 1)),
            }
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.started.elapsed();
        let counts = [(self.pictures, "picture"), (self.frames, "frame")];
        let counts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(n, word)| plural(*n, word)).collect();
        let done = if counts.is_empty() { "nothing done".to_owned() } else { counts.join(" and ") };
        write!(f, "{done} in {:.1} s{}", took.as_secs_f64(), rate(self.pictures + self.frames, took))?;
        if self.earlier_frames > 0 {
            write!(f, " after {} before", plural(self.earlier_frames, "frame"))?;
        }
        write!(f, "; found: {}", summary(self.by_label.iter().map(|(label, count)| (label.as_str(), *count))))?;
        if self.failed > 0 { write!(f, "; {} failed", plural(self.failed, "input")) } else { Ok(()) }
    }
}

/// `3 pictures`, `1 frame`.
pub fn plural(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// `4 × person, 1 × bus`, the commonest first.
pub fn summary<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut counts: Vec<(&str, u64)> = counts.collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let words: Vec<String> = counts.iter().map(|(label, count)| format!("{count} × {label}")).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// ` (12.5 a second)`; nothing where that would say nothing.
pub fn rate(done: u64, took: Duration) -> String {
    if done < 2 { String::new() } else { format!(" ({:.1} a second)", done as f64 / took.as_secs_f64().max(1e-6)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told_with_the_commonest_first() {
        assert_eq!(summary([("bus", 1), ("person", 4)].into_iter()), "4 × person, 1 × bus");
        assert_eq!(summary(std::iter::empty()), "nothing");
    }
}
