//! The words of a call in a row, each with its time and its language, as patterns look at them.

use crate::Utterance;
use crate::limits::WORDS_MAX;
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a call: the newest of them where there are very many.
#[derive(Debug, Default)]
pub struct Transcript<'a> {
    pub words: Vec<Word<'a>>,
}

/// One word.
#[derive(Debug)]
pub struct Word<'a> {
    /// In lower case, with apostrophes made straight.
    pub text: String,
    utterance: &'a Utterance,
    /// Its bytes in the utterance's text.
    bytes: Range<usize>,
    /// Counts up where a clause ends: at punctuation, and between utterances.
    pub clause: usize,
}

/// The longest pause in seconds over which a phrase may go on in the next utterance.
const PAUSE_MAX_S: f64 = 2.0;

impl<'a> Transcript<'a> {
    /// Of these utterances.
    pub fn new(utterances: &'a [Utterance]) -> Self {
        let mut words = Vec::new();
        let mut clause = 0;
        for utterance in utterances {
            clause += 1;
            for (bytes, ends_clause) in pieces(&utterance.text) {
                let text = folded(&utterance.text[bytes.clone()]);
                words.push(Word { text, utterance, bytes, clause });
                clause += usize::from(ends_clause);
            }
        }
        words.drain(..words.len().saturating_sub(WORDS_MAX));
        Self { words }
    }

    /// Whether a phrase may go on from word `index` to the next one.
    pub fn goes_on(&self, index: usize) -> bool {
        let (Some(this), Some(next)) = (self.words.get(index), self.words.get(index + 1)) else {
            return false;
        };
        this.utterance.language == next.utterance.language
            && next.utterance.start_s - this.utterance.end_s <= PAUSE_MAX_S
    }

    /// The words as they were heard, with what stood between them.
    pub fn quote(&self, range: Range<usize>) -> String {
        let mut quote = String::new();
        let mut begun: Option<(&Utterance, Range<usize>)> = None;
        for word in &self.words[range] {
            match &mut begun {
                Some((utterance, bytes)) if std::ptr::eq(*utterance, word.utterance) => bytes.end = word.bytes.end,
                _ => {
                    push(&mut quote, begun.take());
                    begun = Some((word.utterance, word.bytes.clone()));
                }
            }
        }
        push(&mut quote, begun);
        quote
    }

    /// Seconds at which those words begin and end: where no word has a time, as far into its utterance as its letters are.
    pub fn times(&self, range: Range<usize>) -> (f64, f64) {
        let (first, last) = (&self.words[range.start], &self.words[range.end - 1]);
        (first.at(first.bytes.start), last.at(last.bytes.end))
    }
}

impl Word<'_> {
    /// Whether rules of `language` look at it.
    pub fn is_in(&self, language: Option<&str>) -> bool {
        match (language, &self.utterance.language) {
            (Some(rule), Some(said)) => rule.eq_ignore_ascii_case(said),
            _ => true,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths of utterances are far below 2^52")]
    fn at(&self, byte: usize) -> f64 {
        let Utterance { text, start_s, end_s, .. } = self.utterance;
        start_s + (end_s - start_s) * byte as f64 / text.len().max(1) as f64
    }
}

fn push(quote: &mut String, begun: Option<(&Utterance, Range<usize>)>) {
    if let Some((utterance, bytes)) = begun {
        if !quote.is_empty() {
            quote.push(' ');
        }
        quote.push_str(&utterance.text[bytes]);
    }
}

/// The bytes of each word, and whether a clause ends behind it.
fn pieces(text: &str) -> Vec<(Range<usize>, bool)> {
    let mut pieces: Vec<(Range<usize>, bool)> = Vec::new();
    let mut begun = None;
    for (at, letter) in text.char_indices() {
        match (belongs(letter), begun) {
            (true, None) => begun = Some(at),
            (false, Some(start)) => {
                pieces.push((start..at, ends_clause(letter)));
                begun = None;
            }
            (false, None) if ends_clause(letter) => {
                if let Some(last) = pieces.last_mut() {
                    last.1 = true;
                }
            }
            _ => {}
        }
    }
    if let Some(start) = begun {
        pieces.push((start..text.len(), true));
    }
    pieces
}

/// Whether a letter is a part of words. Hyphens part them, so that "heart-attack" is "heart attack".
/// Combining marks stay with the letter before them.
pub fn belongs(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '\'' | '\u{2019}') || is_combining_mark(letter)
}

const fn ends_clause(letter: char) -> bool {
    matches!(letter, '.' | ',' | ';' | ':' | '!' | '?' | '\u{2026}' | '\u{2014}' | '\n')
}

/// A word as patterns have it: in lower case, composed (NFC), one apostrophe, and one sigma wherever it stands.
pub fn folded(word: &str) -> String {
    let one = |letter| match letter {
        '\u{2019}' => '\'',
        'ς' => 'σ',
        other => other,
    };
    word.chars().flat_map(char::to_lowercase).nfc().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, start_s: f64, end_s: f64) -> Utterance {
        Utterance { text: text.to_owned(), start_s, end_s, language: None }
    }

    #[test]
    fn words_are_told_apart_and_clauses_counted() {
        let utterances = [said("He isn\u{2019}t breathing, the Heart-attack \u{2026} ", 0.0, 4.0)];
        let transcript = Transcript::new(&utterances);
        let words: Vec<(&str, usize)> = transcript.words.iter().map(|word| (word.text.as_str(), word.clause)).collect();
        assert_eq!(
            words,
            [("he", 1), ("isn't", 1), ("breathing", 1), ("the", 2), ("heart", 2), ("attack", 2)],
            "an apostrophe is straight, a comma ends the clause"
        );
    }

    #[test]
    fn a_quote_is_as_it_was_heard_and_has_times() {
        let utterances = [said("There is a fire!", 2.0, 4.0), said("On Mill Road", 4.5, 6.0)];
        let transcript = Transcript::new(&utterances);
        assert_eq!(transcript.quote(3..6), "fire On Mill");
        let (start_s, end_s) = transcript.times(3..4);
        assert!((start_s - 3.375).abs() < 1e-9 && (end_s - 3.875).abs() < 1e-9, "{start_s} {end_s}");
    }

    #[test]
    fn a_phrase_goes_on_over_a_short_pause_only() {
        let utterances = [said("not", 0.0, 1.0), said("breathing", 2.0, 3.0), said("now", 9.0, 9.5)];
        let transcript = Transcript::new(&utterances);
        assert!(transcript.goes_on(0));
        assert!(!transcript.goes_on(1));
        assert!(!transcript.goes_on(2));
    }

    #[test]
    fn the_newest_words_of_an_endless_call_are_looked_at() {
        let utterances = [said(&"word ".repeat(WORDS_MAX), 0.0, 1.0), said("fire", 1.0, 2.0)];
        let transcript = Transcript::new(&utterances);
        assert_eq!(transcript.words.len(), WORDS_MAX);
        assert_eq!(transcript.words.last().unwrap().text, "fire");
    }
}
