//! What came of a recording, as JSON.

use super::{DistressBody, ms};
use crate::error::ApiError;
use samovar_acoustics::{FIGURES, FigureSummary, Summary, VoiceFigures};
use samovar_pipelines::Analysis;
use samovar_service::speech::TranscriptSegment;
use samovar_triage::Decision;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;

/// What came of a recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnalysisBody {
    /// The call's name at `/v1/calls`; null where it is not kept.
    #[schema(example = "6f9619ff8b86d011b42d00c04fc964ff")]
    pub(crate) call_id: Option<String>,
    /// Seconds of sound.
    pub(crate) duration_s: f64,
    /// What was said; null where the model that hears words failed.
    pub(crate) transcript: Option<AnalysisTranscript>,
    /// How it sounded. Measures of sound: none of them says what a person feels.
    pub(crate) acoustics: AcousticsBody,
    /// The second with the highest score, and what that is made of; null where nobody is heard.
    pub(crate) distress: Option<PeakBody>,
    /// How urgent it is, with everything that triggered it.
    #[schema(value_type = Object)]
    pub(crate) triage: Decision,
    /// What is missing from this answer, and why; empty where nothing is.
    pub(crate) degraded: Vec<DegradedBody>,
    /// Where the time went.
    pub(crate) timings: AnalysisTimings,
}

/// What was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnalysisTranscript {
    /// All of it.
    text: String,
    /// What is spoken, as a code; null where nothing was heard.
    #[schema(value_type = Option<String>, example = "en")]
    language: Option<&'static str>,
    /// The configured name of the model.
    model: String,
    /// Its pieces.
    segments: Vec<AnalysisSegment>,
}

/// A piece of what was said.
#[derive(Debug, Serialize, ToSchema)]
struct AnalysisSegment {
    /// Seconds from the beginning.
    start_s: f64,
    /// Seconds from the beginning.
    end_s: f64,
    /// The words.
    text: String,
    /// The mean of its window's tokens' natural log probabilities.
    average_logprob: f32,
    /// How likely it is that nobody speaks in its window, 0 to 1.
    no_speech_prob: f32,
}

/// How a recording sounded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcousticsBody {
    /// Each figure over the whole recording, by its name.
    #[schema(value_type = std::collections::HashMap<String, FigureBody>)]
    summary: BTreeMap<&'static str, FigureBody>,
    /// The figures of the last seconds, once a second; empty unless asked for.
    seconds: Vec<SecondBody>,
}

/// A figure over a whole recording.
#[derive(Debug, Serialize, ToSchema)]
struct FigureBody {
    /// Its unit; `1` for shares and ratios.
    #[schema(example = "Hz")]
    unit: &'static str,
    /// The mean over the seconds that told it.
    mean: f64,
    /// The lowest.
    low: f64,
    /// The highest.
    high: f64,
    /// When it was highest.
    high_at_s: f64,
}

/// The figures of some seconds.
#[derive(Debug, Serialize, ToSchema)]
struct SecondBody {
    /// Their end, in seconds from the beginning.
    at_s: f64,
    /// How many they are.
    duration_s: f64,
    /// Figures by name; what cannot be told, as the pitch of silence, is absent.
    #[schema(value_type = std::collections::HashMap<String, f64>)]
    values: BTreeMap<&'static str, f64>,
}

/// The highest score.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PeakBody {
    /// The end of the seconds that it is of.
    at_s: f64,
    /// The score.
    #[serde(flatten)]
    distress: DistressBody,
}

/// Something that is missing from an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DegradedBody {
    /// `transcript` (words are missing), `audio` (the recording could not be read to its end) or `storage` (the call is not kept).
    #[schema(example = "transcript")]
    pub(crate) part: &'static str,
    /// For programs.
    #[schema(example = "model_not_ready")]
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) detail: String,
}

/// Where the time of an analysis went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnalysisTimings {
    /// Until the recording had arrived.
    pub(crate) receive_ms: f64,
    /// From there until a place was free and the model ready.
    pub(crate) wait_ms: f64,
    /// Words, figures and rules.
    pub(crate) analyse_ms: f64,
    /// The figures alone; they are measured while words are heard.
    pub(crate) figures_ms: f64,
}

impl AnalysisTranscript {
    pub(crate) fn new(language: Option<&'static str>, model: &str, segments: &[TranscriptSegment]) -> Self {
        let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
        let segments = segments.iter().map(|segment| AnalysisSegment {
            start_s: rounded(segment.start_s),
            end_s: rounded(segment.end_s),
            text: segment.text.trim().to_owned(),
            average_logprob: segment.average_logprob,
            no_speech_prob: segment.no_speech_prob,
        });
        Self { text: text.trim().to_owned(), language, model: model.to_owned(), segments: segments.collect() }
    }
}

impl AcousticsBody {
    /// `with_seconds` tells each second as well.
    pub(crate) fn new(analysis: &Analysis, with_seconds: bool) -> Self {
        let seconds = analysis.seconds.iter().filter(|_| with_seconds).map(SecondBody::from);
        Self { summary: summary(&analysis.summary), seconds: seconds.collect() }
    }

    /// About how many numbers it has.
    pub(crate) fn numbers(&self) -> usize {
        (self.summary.len() + self.seconds.len()) * FIGURES.len()
    }
}

fn summary(summary: &Summary) -> BTreeMap<&'static str, FigureBody> {
    let figure = |name: &'static str| {
        let FigureSummary { mean, low, high, high_at_s, .. } = *summary.figures().get(name)?;
        let unit = FIGURES.iter().find(|figure| figure.name == name)?.unit;
        Some((name, FigureBody { unit, mean, low, high, high_at_s }))
    };
    FIGURES.iter().filter_map(|entry| figure(entry.name)).collect()
}

impl From<&VoiceFigures> for SecondBody {
    fn from(figures: &VoiceFigures) -> Self {
        Self { at_s: figures.at_s, duration_s: figures.duration_s, values: figures.values.clone() }
    }
}

impl PeakBody {
    /// The first of the highest scores.
    pub(crate) fn of(seconds: &[VoiceFigures]) -> Option<Self> {
        let scored = seconds.iter().filter_map(|second| Some((second.at_s, second.distress.as_ref()?)));
        let (at_s, distress) = scored.reduce(|best, next| if next.1.score > best.1.score { next } else { best })?;
        Some(Self { at_s, distress: DistressBody::from(distress) })
    }
}

impl DegradedBody {
    pub(crate) fn new(part: &'static str, error: &ApiError) -> Self {
        Self { part, code: error.code(), detail: error.sentence() }
    }
}

impl AnalysisTimings {
    pub(crate) fn new(receive: Duration, wait: Duration, analysis: &Analysis) -> Self {
        Self {
            receive_ms: ms(receive),
            wait_ms: ms(wait),
            analyse_ms: ms(analysis.time),
            figures_ms: ms(analysis.figures_time),
        }
    }
}

/// Seconds with three decimals.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
