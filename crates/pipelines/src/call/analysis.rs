//! A recording heard in one pass: its words, how the voice sounds and how urgent it is. Of the sound there is never more in memory than a
//! window and some blocks; what is kept of it is the text, and one set of figures a second.

use super::evidence::{measurements, utterance};
use samovar_acoustics::{Summary, VoiceAnalyser, VoiceFigures};
use samovar_models::whisper::{DecodeOptions, Language, SampleSource, Transcriber, WindowText};
use samovar_runtime::{Call, RunError, RunErrorKind};
use samovar_triage::{Decision, Evidence, RuleBook, Utterance};
use std::time::{Duration, Instant};

/// How a recording is analysed.
#[derive(Clone, Copy, Debug)]
pub struct AnalysisOptions<'a> {
    /// How its words are heard.
    pub decode: &'a DecodeOptions,
    /// In whose turn, and until when.
    pub call: Call,
    /// How urgent it is.
    pub rules: &'a RuleBook,
}

/// What came of a recording. The windows' texts were told on the way.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Seconds of sound.
    pub heard_s: f64,
    /// What is spoken; none where no words were heard.
    pub language: Option<Language>,
    /// How it sounded, once a second.
    pub seconds: Vec<VoiceFigures>,
    /// The same of the whole.
    pub summary: Summary,
    /// How urgent it is, by all that was heard.
    pub decision: Decision,
    /// Why not all words were heard although the sound was; none where they were.
    pub failure: Option<RunError>,
    /// Time that the figures of the voice took.
    pub figures_time: Duration,
    /// Time until all was heard, the figures included.
    pub time: Duration,
}

/// Analyses a recording; `heard` gets the words of each window in the recording's times. Whoever drops the future ends it.
///
/// A model that fails costs the words and not the figures: they, and what the rules make of them, come with the reason in
/// [`Analysis::failure`]. `transcriber` may be the reason itself.
///
/// # Errors
/// Those of the source; `DeadlineExceeded`, `ShuttingDown`, and options that the model has not.
pub async fn analyse(
    source: &mut impl SampleSource,
    transcriber: Result<&Transcriber, RunError>,
    options: AnalysisOptions<'_>,
    mut heard: impl FnMut(WindowText) + Send,
) -> Result<Analysis, RunError> {
    let begun = Instant::now();
    let mut measured = Measured::new(source);
    let mut utterances = Vec::new();
    let tell = |text: WindowText| {
        utterances.extend(text.segments.iter().map(|segment| utterance(segment, Some(text.language))));
        heard(text);
    };
    let outcome = match transcriber {
        Ok(transcriber) => transcriber.recording(&mut measured, options.decode, options.call, tell).await,
        Err(reason) => Err(reason),
    };
    let (language, failure) = match outcome {
        Ok(end) => (end.language, None),
        Err(error) if measured.has_failed || !costs_words_only(&error) => return Err(error),
        Err(error) => (None, Some(error)),
    };
    while measured.next_block().await?.is_some() {}
    let evidence = Evidence { measurements: measured.of_rules(options.rules), utterances };
    Ok(Analysis {
        heard_s: measured.samples as f64 / RATE_HZ,
        language,
        decision: judged(options.rules, evidence),
        seconds: measured.seconds,
        summary: measured.summary,
        failure,
        figures_time: measured.time,
        time: begun.elapsed(),
    })
}

/// What the rules say of all of it: a day of talk is put before them in pieces, for they look at the newest words alone where there are very
/// many. The most urgent piece decides, with the reasons of all.
fn judged(rules: &RuleBook, evidence: Evidence) -> Decision {
    let Evidence { utterances, measurements } = evidence;
    let decide =
        |utterances: Vec<Utterance>| rules.decide(&Evidence { utterances, measurements: measurements.clone() });
    let (first, more) = match utterances.len() {
        0..=UTTERANCES_AT_ONCE => (utterances, Vec::new()),
        _ => (utterances[..UTTERANCES_AT_ONCE].to_vec(), utterances[UTTERANCES_AT_ONCE..].to_vec()),
    };
    more.chunks(UTTERANCES_AT_ONCE).fold(decide(first), |all, piece| both(all, decide(piece.to_vec())))
}

/// The more urgent of two decisions, with the reasons of both; the earlier where they are alike.
fn both(earlier: Decision, later: Decision) -> Decision {
    let (mut leading, other) = if later.priority < earlier.priority { (later, earlier) } else { (earlier, later) };
    for (reasons, more) in [(&mut leading.reasons, other.reasons), (&mut leading.negated, other.negated)] {
        let new: Vec<_> = more.into_iter().filter(|reason| !reasons.contains(reason)).collect();
        reasons.extend(new);
    }
    leading
}

/// Segments of an hour and more: fewer words than the rules look at.
const UTTERANCES_AT_ONCE: usize = 1_000;

/// A source whose sound is measured as it goes by.
struct Measured<'a, S> {
    source: &'a mut S,
    /// None at the end, and while it measures.
    analyser: Option<VoiceAnalyser>,
    seconds: Vec<VoiceFigures>,
    summary: Summary,
    samples: u64,
    time: Duration,
    has_failed: bool,
}

impl<'a, S: SampleSource> Measured<'a, S> {
    fn new(source: &'a mut S) -> Self {
        Self {
            source,
            analyser: Some(VoiceAnalyser::new()),
            seconds: Vec::new(),
            summary: Summary::default(),
            samples: 0,
            time: Duration::ZERO,
            has_failed: false,
        }
    }

    /// What the rules look at, of all seconds.
    fn of_rules(&self, rules: &RuleBook) -> Vec<samovar_triage::Measurement> {
        self.seconds.iter().flat_map(|figures| measurements(figures, rules)).collect()
    }

    /// On a thread that may take its time: some milliseconds for a second of sound.
    async fn measure(&mut self, block: Option<Vec<f32>>) -> Result<Option<Vec<f32>>, RunError> {
        let Some(mut analyser) = self.analyser.take() else { return Ok(block) };
        let begun = Instant::now();
        let measuring = tokio::task::spawn_blocking(move || match block {
            Some(block) => {
                let told = analyser.push(&block);
                (Some(analyser), told, Some(block))
            }
            None => (None, analyser.finish().into_iter().collect(), None),
        });
        let (analyser, told, block) = measuring.await.map_err(|_| lost())?;
        told.iter().for_each(|figures| self.summary.add(figures));
        self.seconds.extend(told);
        self.analyser = analyser;
        self.time += begun.elapsed();
        Ok(block)
    }
}

impl<S: SampleSource> SampleSource for Measured<'_, S> {
    async fn next_block(&mut self) -> Result<Option<Vec<f32>>, RunError> {
        let block = self.source.next_block().await.inspect_err(|_| self.has_failed = true)?;
        self.samples += block.as_ref().map_or(0, Vec::len) as u64;
        self.measure(block).await.inspect_err(|_| self.has_failed = true)
    }
}

/// Whether the rest of the answer is worth having without the words: the model broke, is not there, or has no room. Whoever asked for what
/// it has not, or comes too late, is told so.
const fn costs_words_only(error: &RunError) -> bool {
    matches!(error.kind(), RunErrorKind::NotReady { .. } | RunErrorKind::QueueFull { .. } | RunErrorKind::Internal)
}

fn lost() -> RunError {
    RunError::new(RunErrorKind::Internal, "the voice could not be measured; the log says more")
}

/// Samples of a second.
const RATE_HZ: f64 = 16_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_triage::Priority;

    #[test]
    fn what_was_said_first_in_a_day_of_talk_counts_to_its_end() {
        let said = |index: u32, text: &str| Utterance {
            text: text.to_owned(),
            start_s: f64::from(index),
            end_s: f64::from(index) + 1.0,
            language: Some("en".to_owned()),
        };
        let mut utterances: Vec<_> = (0..20_000).map(|index| said(index, "nothing of note is said here")).collect();
        utterances[3].text = "The house is on fire".to_owned();
        utterances[19_990].text = "He is not breathing".to_owned();
        let decision = judged(&RuleBook::shipped(), Evidence { utterances, measurements: Vec::new() });
        assert_eq!((decision.priority, decision.category.as_str()), (Priority::P1, "medical"));
        let quotes: Vec<_> = decision.reasons.iter().filter_map(|reason| reason.quote.as_deref()).collect();
        assert!(quotes.contains(&"fire") && quotes.contains(&"not breathing"), "{quotes:?}");
    }
}
