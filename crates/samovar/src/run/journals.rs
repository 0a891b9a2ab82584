//! The journals of a run: what each is of, and whether what an earlier run left belongs to the same work.

use super::input::{Input, Source};
use crate::failure::{CliError, Exit};
use samovar_models::{DetectOptions, Detector};
use samovar_recorded::{FrameChoice, JournalHeader, JournalReader};
use samovar_runtime::Generation;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What the journals of all videos of a run share.
#[derive(Clone, Debug)]
pub struct JournalHeaders {
    shared: JournalHeader,
}

impl JournalHeaders {
    /// Of runs with that model, thresholds and frames.
    ///
    /// # Errors
    /// A model that does not serve.
    pub fn new(
        detector: &Detector,
        generation: &Generation,
        options: &DetectOptions,
        choice: &FrameChoice,
    ) -> Result<Self, CliError> {
        let options = serde_json::json!({
            "score_min": options.score_min,
            "iou_max": options.iou_max,
            "classes": options.classes.as_deref(),
        });
        let shared = JournalHeader {
            input: String::new(),
            source: None,
            model: generation.name.to_string(),
            fingerprint: generation.files_word(),
            engine: generation.engine.to_owned(),
            precision: generation.precision.name().to_owned(),
            labels: detector.model()?.labels().iter().map(str::to_owned).collect(),
            options,
            choice: choice.clone(),
        };
        Ok(Self { shared })
    }

    /// What the journal of a video is of.
    pub fn of(&self, input: &Input) -> JournalHeader {
        let source = match &input.source {
            Source::File(path) => path.metadata().ok().map(|file| (file.len(), changed_ms(&file))),
            Source::Url(_) | Source::Stdin => None,
        };
        JournalHeader { input: input.label.clone(), source, ..self.shared.clone() }
    }
}

/// Holds what an earlier run left against what is to be done now.
///
/// # Errors
/// What differs, and what to do.
pub fn same_work(path: &Path, wanted: &JournalHeader) -> Result<(), CliError> {
    // One that cannot be read holds nothing to go on with; resuming it tells why.
    let Ok(journal) = JournalReader::open(path) else { return Ok(()) };
    let differences = differences(journal.header(), wanted);
    if differences.is_empty() {
        return Ok(());
    }
    let message =
        format!("{}: the earlier run cannot be gone on with, because {}", wanted.input, differences.join(", and "));
    let cure = "give what was given then; or begin anew: --overwrite in place of --resume";
    Err(CliError::new("journal_mismatch", message).cure(cure).exit(Exit::Usage))
}

fn differences(found: &JournalHeader, wanted: &JournalHeader) -> Vec<String> {
    let pairs = [
        (found.source != wanted.source, "the file has changed since".to_owned()),
        (found.model != wanted.model, format!("the model was `{}`, not `{}`", found.model, wanted.model)),
        (
            found.model == wanted.model && found.fingerprint != wanted.fingerprint,
            format!("the file of the model `{}` has changed since", wanted.model),
        ),
        (
            (&found.engine, &found.precision) != (&wanted.engine, &wanted.precision),
            format!("{} {} ran it, not {} {}", found.engine, found.precision, wanted.engine, wanted.precision),
        ),
        (as_read(&found.options) != as_read(&wanted.options), "the thresholds or classes were others".to_owned()),
        (as_read(&found.choice) != as_read(&wanted.choice), "other frames were looked at".to_owned()),
    ];
    pairs.into_iter().filter_map(|(differs, words)| differs.then_some(words)).collect()
}

/// As JSON gives it back: what it cannot hold to the last bit counts as the same.
fn as_read(value: &impl serde::Serialize) -> Option<serde_json::Value> {
    serde_json::to_string(value).ok().and_then(|text| serde_json::from_str(&text).ok())
}

fn changed_ms(file: &std::fs::Metadata) -> u64 {
    let since = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> JournalHeader {
        JournalHeader {
            input: "walk.mp4".to_owned(),
            source: Some((7, 8)),
            model: "person".to_owned(),
            fingerprint: "a".to_owned(),
            engine: "rten".to_owned(),
            precision: "f32".to_owned(),
            labels: vec!["person".to_owned()],
            options: serde_json::json!({ "score_min": 0.1_f32 }),
            choice: FrameChoice::default(),
        }
    }

    #[test]
    fn what_differs_is_named() {
        assert!(differences(&header(), &header()).is_empty());
        let choice = FrameChoice { fps: Some(2.0), ..FrameChoice::default() };
        let other = JournalHeader { source: Some((7, 9)), fingerprint: "b".to_owned(), choice, ..header() };
        let told = [
            "the file has changed since",
            "the file of the model `person` has changed since",
            "other frames were looked at",
        ];
        assert_eq!(differences(&header(), &other), told);
    }
}
