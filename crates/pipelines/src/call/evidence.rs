//! What rules look at, made of what was heard: the same for live calls and for recordings.

use samovar_acoustics::VoiceFigures;
use samovar_models::whisper::{Language, Segment};
use samovar_triage::{Measurement, RuleBook, Utterance};

/// A segment as rules look at it.
pub(super) fn utterance(segment: &Segment, language: Option<Language>) -> Utterance {
    Utterance {
        text: segment.text.trim().to_owned(),
        start_s: segment.start_s,
        end_s: segment.end_s,
        language: language.map(|language| language.code().to_owned()),
    }
}

/// The figures of a window that some rule of the book looks at. They stand for the second that is new in the window, so that those of one
/// window and the next neither overlap nor leave a gap.
pub(super) fn measurements(figures: &VoiceFigures, book: &RuleBook) -> Vec<Measurement> {
    let duration_s = figures.duration_s.min(STEP_S);
    let measurement = |feature: &str, value: f64| Measurement {
        at_s: figures.at_s - duration_s,
        duration_s,
        feature: feature.to_owned(),
        value,
    };
    let wanted = book.features().into_iter();
    wanted.filter_map(|feature| figures.values.get(feature).map(|value| measurement(feature, *value))).collect()
}

/// Windows are told once a second.
const STEP_S: f64 = 1.0;
