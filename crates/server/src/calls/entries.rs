//! What is written down of a recording.

use samovar_calls::{Decided, Entry, Features, Segment};
use samovar_pipelines::Analysis;
use samovar_service::speech::TranscriptSegment;

/// Everything that is written down of a recording, in pieces that are written at once.
pub(super) fn of_recording(analysis: &Analysis, said: &[TranscriptSegment]) -> impl Iterator<Item = Vec<Entry>> {
    let language = analysis.language.map(|language| language.code());
    let segments = said.iter().map(move |segment| Entry::Segment(spoken(segment, language)));
    let features = analysis.seconds.iter().map(|figures| Entry::Features(Features::from(figures)));
    let decided = Decided { at_s: analysis.heard_s, decision: analysis.decision.clone() };
    let mut all = segments.chain(features).chain([Entry::Decided(decided)]);
    std::iter::from_fn(move || Some(all.by_ref().take(AT_ONCE).collect()).filter(|piece: &Vec<_>| !piece.is_empty()))
}

/// Entries of one transaction.
const AT_ONCE: usize = 512;

fn spoken(segment: &TranscriptSegment, language: Option<&str>) -> Segment {
    Segment {
        start_s: segment.start_s,
        end_s: segment.end_s,
        text: segment.text.trim().to_owned(),
        language: language.map(str::to_owned),
        average_logprob: Some(f64::from(segment.average_logprob)),
        no_speech_prob: Some(f64::from(segment.no_speech_prob)),
    }
}
