//! What is told of vectors: a line for each text, failures with their places, and the totals at the end.

use super::embed_arguments::VectorResultArguments;
use super::lines::Lines;
use super::progress::{Progress, per_second, style};
use super::text_lines::LineNumber;
use super::totals::plural;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use indicatif::ProgressBar;
use samovar_service::text::Embedded;
use serde::Serialize;
use std::time::Instant;

/// Takes every vector and failure, in the order of the texts.
pub struct EmbedReport<'a> {
    results: &'a VectorResultArguments,
    lines: Option<Lines>,
    progress: Progress,
    bar: Option<ProgressBar>,
    /// Texts that were told, failed ones too.
    index: u64,
    failed: u64,
    tokens: u64,
    began: Instant,
}

/// One text with what it came to.
#[derive(Serialize)]
struct EmbedRecord<'a> {
    /// From 0, over all texts.
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<&'a [f32]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a CliError>,
}

/// Numbers of a vector, and characters of a text, that people are shown.
const SHOWN_NUMBERS: usize = 4;
const SHOWN_CHARS: usize = 60;

impl<'a> EmbedReport<'a> {
    /// Of a command that is about to begin.
    ///
    /// # Errors
    /// Where the output cannot be made.
    pub fn new(results: &'a VectorResultArguments) -> Result<Self, CliError> {
        let progress = Progress::new(1, results.quiet);
        let bar = progress.bar("texts").inspect(|bar| {
            bar.set_style(style("{spinner} {pos} {msg}, {rate} a second").with_key("rate", per_second));
        });
        let lines = Lines::open(results.output.as_deref(), results.json)?;
        Ok(Self { results, lines, progress, bar, index: 0, failed: 0, tokens: 0, began: Instant::now() })
    }

    /// Takes the vector of the next text.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn vector(&mut self, place: Option<&LineNumber>, text: &str, vector: &Embedded) -> Result<(), CliError> {
        self.tokens += vector.tokens as u64;
        let numbers = vector.dense.as_deref().unwrap_or_default();
        if self.lines.is_none() {
            let line = sentence(text, numbers, vector.tokens);
            self.progress.around(|| stdout::print(&line))?;
        }
        let shown = (!self.results.no_text).then_some(text);
        let record =
            EmbedRecord { text: shown, embedding: Some(numbers), tokens: Some(vector.tokens), ..self.at(place) };
        self.write(&record)
    }

    /// Takes the failure of the next text.
    ///
    /// # Errors
    /// As [`vector`](Self::vector).
    pub fn failure(&mut self, place: Option<&LineNumber>, error: &CliError) -> Result<(), CliError> {
        self.failed += 1;
        let told = match place {
            Some(LineNumber { input, line: 0 }) => format!("{input}: {error}"),
            Some(LineNumber { input, line }) => format!("{input}: line {line}: {error}"),
            None => format!("text {}: {error}", self.index + 1),
        };
        self.progress.tell(&told);
        self.write(&EmbedRecord { error: Some(error), ..self.at(place) })
    }

    /// Tells the totals, and how the command ends.
    ///
    /// # Errors
    /// Where what is held back cannot be written.
    pub fn end(mut self, interrupted: bool) -> Result<Exit, CliError> {
        self.lines.as_mut().map_or(Ok(()), Lines::flush)?;
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let done = self.index - self.failed;
        if !self.results.quiet {
            stderr::line(&self.totals(done, interrupted));
        }
        Ok(match (interrupted, self.failed, done) {
            (true, ..) => Exit::Interrupted,
            (false, 0, _) => Exit::Ok,
            (false, _, 0) => Exit::Failure,
            (false, ..) => Exit::Partial,
        })
    }

    /// `1204 texts in 2.1 s (573.3 a second), 15034 tokens; 3 failed`.
    fn totals(&self, done: u64, interrupted: bool) -> String {
        let took_s = self.began.elapsed().as_secs_f64();
        let stopped = if interrupted { "stopped: " } else { "" };
        let failed = if self.failed > 0 { format!("; {} failed", self.failed) } else { String::new() };
        let rate = done as f64 / took_s.max(1e-3);
        let (texts, tokens) = (plural(done, "text"), plural(self.tokens, "token"));
        format!("{stopped}{texts} in {took_s:.1} s ({rate:.1} a second), {tokens}{failed}")
    }

    /// Where the next text stands, and nothing else of it.
    fn at<'b>(&self, place: Option<&'b LineNumber>) -> EmbedRecord<'b> {
        EmbedRecord {
            index: self.index,
            input: place.map(|place| &*place.input),
            line: place.map(|place| place.line).filter(|line| *line > 0),
            text: None,
            embedding: None,
            tokens: None,
            error: None,
        }
    }

    fn write(&mut self, record: &EmbedRecord<'_>) -> Result<(), CliError> {
        self.index += 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        let Some(lines) = &mut self.lines else { return Ok(()) };
        self.progress.around(|| lines.write(record))
    }
}

/// `That is a happy person: 384 numbers [-0.0123, 0.0456, 0.0789, -0.0012, …], 8 tokens`.
fn sentence(text: &str, numbers: &[f32], tokens: usize) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    let mut first: Vec<String> = numbers.iter().take(SHOWN_NUMBERS).map(|number| format!("{number:.4}")).collect();
    if numbers.len() > SHOWN_NUMBERS {
        first.push("…".to_owned());
    }
    let (count, tokens) = (plural(numbers.len() as u64, "number"), plural(tokens as u64, "token"));
    format!("{shown}: {count} [{}], {tokens}\n", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_the_beginning_of_what_is_long() {
        assert_eq!(sentence("tea", &[0.5, -1.0], 3), "tea: 2 numbers [0.5000, -1.0000], 3 tokens\n");
        let long = sentence(&"ä\u{1b}".repeat(50), &[0.0; 5], 1);
        assert!(long.starts_with(&"ä ".repeat(30)) && !long.contains('\u{1b}'), "{long}");
        assert!(long.ends_with("…: 5 numbers [0.0000, 0.0000, 0.0000, 0.0000, …], 1 token\n"), "{long}");
    }
}
