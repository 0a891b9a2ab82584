//! Transcripts as text and JSON, with the names that OpenAI's API uses.

use super::input::Input;
use super::transcribe_arguments::TranscriptFormat;
use crate::failure::CliError;
use samovar_models::whisper::Word;
use samovar_service::speech::{Transcript, TranscriptSegment, subtitles};
use serde::Serialize;

/// All of a transcript.
#[derive(Debug, Serialize)]
struct WholeRecord<'a> {
    task: &'static str,
    /// In English, lower case; none where there was nothing to hear.
    language: Option<&'static str>,
    /// Seconds.
    duration: f64,
    text: String,
    segments: Vec<SegmentFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<WordRecord<'a>>>,
    /// Why a part of it was not heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorRecord>,
}

/// Its text alone.
#[derive(Debug, Serialize)]
struct TextRecord {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorRecord>,
}

/// One segment on a line of its own.
#[derive(Debug, Serialize)]
struct SegmentLine<'a> {
    input: &'a str,
    #[serde(flatten)]
    segment: SegmentFields<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<WordRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct SegmentFields<'a> {
    id: u64,
    /// Where the window begins that it was heard in, in frames of 10 ms.
    seek: u64,
    /// Seconds from the beginning.
    start: f64,
    end: f64,
    text: &'a str,
    tokens: &'a [u32],
    temperature: f32,
    avg_logprob: f32,
    compression_ratio: f32,
    no_speech_prob: f32,
}

#[derive(Debug, Serialize)]
struct WordRecord<'a> {
    word: &'a str,
    start: f64,
    end: f64,
    probability: f32,
}

#[derive(Debug, Serialize)]
struct ErrorRecord {
    code: &'static str,
    message: String,
}

/// A whole transcript in that format.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn rendered(format: TranscriptFormat, input: &Input, transcript: &Transcript) -> Result<String, CliError> {
    match format {
        TranscriptFormat::Text => Ok(transcript.segments.iter().map(text_line).collect()),
        TranscriptFormat::Json => pretty(&TextRecord { text: transcript.text(), error: error(transcript) }),
        TranscriptFormat::VerboseJson => pretty(&WholeRecord::new(transcript)),
        TranscriptFormat::Srt => Ok(subtitles::srt(transcript)),
        TranscriptFormat::Vtt => Ok(subtitles::vtt(transcript)),
        TranscriptFormat::Jsonl => transcript.segments.iter().map(|segment| json_line(input, segment)).collect(),
    }
}

/// `There is a fire.`
pub fn text_line(segment: &TranscriptSegment) -> String {
    format!("{}\n", segment.text.trim())
}

/// `[00:02.790 --> 00:04.080]  There is a fire.`
pub fn timed_line(segment: &TranscriptSegment) -> String {
    let [start, end] = [segment.start_s, segment.end_s].map(subtitles::vtt_time);
    format!("[{start} --> {end}]  {}\n", segment.text.trim())
}

/// One line of JSON.
///
/// # Errors
/// As [`rendered`].
pub fn json_line(input: &Input, segment: &TranscriptSegment) -> Result<String, CliError> {
    let words = segment.words.iter().map(WordRecord::from).collect();
    line(&SegmentLine { input: &input.label, segment: segment.into(), words })
}

/// Any record as a line.
///
/// # Errors
/// As [`rendered`].
pub fn line(record: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(record).map(|line| line + "\n").map_err(|error| unwritable(&error))
}

impl<'a> WholeRecord<'a> {
    fn new(transcript: &'a Transcript) -> Self {
        let words: Vec<_> = transcript.words().map(WordRecord::from).collect();
        Self {
            task: if transcript.translated { "translate" } else { "transcribe" },
            language: transcript.language.map(samovar_models::whisper::Language::name),
            duration: milliseconds(transcript.duration_s),
            text: transcript.text(),
            segments: transcript.segments.iter().map(SegmentFields::from).collect(),
            words: (!words.is_empty()).then_some(words),
            error: error(transcript),
        }
    }
}

impl<'a> From<&'a TranscriptSegment> for SegmentFields<'a> {
    fn from(segment: &'a TranscriptSegment) -> Self {
        Self {
            id: segment.id,
            seek: segment.seek,
            start: milliseconds(segment.start_s),
            end: milliseconds(segment.end_s),
            text: &segment.text,
            tokens: &segment.tokens,
            temperature: segment.temperature,
            avg_logprob: segment.average_logprob,
            compression_ratio: segment.compression_ratio,
            no_speech_prob: segment.no_speech_prob,
        }
    }
}

impl<'a> From<&'a Word> for WordRecord<'a> {
    fn from(word: &'a Word) -> Self {
        let (start, end) = (milliseconds(word.start_s), milliseconds(word.end_s));
        Self { word: &word.text, start, end, probability: word.probability }
    }
}

fn error(transcript: &Transcript) -> Option<ErrorRecord> {
    let failure = transcript.failure.as_ref()?;
    Some(ErrorRecord { code: failure.kind().code(), message: failure.message().to_owned() })
}

/// Sums of hundredths have a tail of digits that says nothing.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}

fn pretty(record: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(record).map(|text| text + "\n").map_err(|error| unwritable(&error))
}

fn unwritable(error: &serde_json::Error) -> CliError {
    CliError::new("internal", format!("the transcript cannot be written as JSON: {error}"))
}
