//! A phrase to look for: words, word beginnings, and gaps between them.

use crate::limits::{DISTANCE_MAX, PATTERN_WORDS_MAX};
use crate::transcript::{Transcript, belongs, folded};
use std::ops::Range;

/// A phrase to look for: `chest pain`, `burn*` (every word that begins so), `chest <3> pain` (up to three words between).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    text: String,
    /// Any word that begins with it.
    is_beginning: bool,
    /// Words that may stand between it and the term before.
    gap: usize,
}

impl Pattern {
    /// Reads a phrase.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(phrase: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        let mut gap = None;
        for piece in phrase.split_whitespace() {
            if let Some(words) = piece.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
                if gap.is_some() || terms.is_empty() {
                    return Err(format!("{phrase:?}: a gap stands between two words"));
                }
                gap = Some(gap_of(words).ok_or_else(|| format!("{phrase:?}: a gap is <1> to <{DISTANCE_MAX}>"))?);
            } else {
                terms.push(Term::parse(piece, gap.take().unwrap_or(0)).map_err(|what| format!("{phrase:?}: {what}"))?);
            }
        }
        match terms.len() {
            0 => Err("a phrase needs a word".to_owned()),
            _ if gap.is_some() => Err(format!("{phrase:?}: a gap stands between two words")),
            PATTERN_WORDS_MAX.. => Err(format!("{phrase:?} has more than {} words", PATTERN_WORDS_MAX - 1)),
            _ => Ok(Self { terms }),
        }
    }

    /// The words from `start` on that it matches, if it does.
    pub fn match_at(&self, transcript: &Transcript<'_>, start: usize, language: Option<&str>) -> Option<Range<usize>> {
        let (first, rest) = self.terms.split_first()?;
        let word = transcript.words.get(start)?;
        if !word.is_in(language) || !first.is(&word.text) {
            return None;
        }
        Some(start..rest_from(rest, transcript, start)?)
    }
}

/// Where the match of `terms` ends that follow word `last`. Every gap is tried: a near word that fits may lead nowhere.
fn rest_from(terms: &[Term], transcript: &Transcript<'_>, last: usize) -> Option<usize> {
    let mut reached = vec![last];
    for term in terms {
        let (mut next, mut looked) = (Vec::new(), 0);
        for &at in &reached {
            // Gaps overlap: no place is looked at twice for a term, so that no phrase costs more than its length in words and gaps.
            let places = (looked.max(at + 1)..=at + 1 + term.gap).take_while(|&place| transcript.goes_on(place - 1));
            for place in places {
                looked = place + 1;
                if term.is(&transcript.words[place].text) {
                    next.push(place);
                }
            }
        }
        reached = next;
    }
    reached.first().map(|&end| end + 1)
}

/// Whether all of it is one word: letters, digits, apostrophes and the marks on letters.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(belongs)
}

impl Term {
    fn parse(piece: &str, gap: usize) -> Result<Self, String> {
        let (text, is_beginning) = piece.strip_suffix('*').map_or((piece, false), |text| (text, true));
        if !is_word(text) {
            return Err(format!(
                "{piece:?} is no word: letters and digits, with * at its end for every word that begins so"
            ));
        }
        Ok(Self { text: folded(text), is_beginning, gap })
    }

    fn is(&self, word: &str) -> bool {
        if self.is_beginning { word.starts_with(&self.text) } else { word == self.text }
    }
}

fn gap_of(words: &str) -> Option<usize> {
    words.parse().ok().filter(|gap| (1..=DISTANCE_MAX).contains(gap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Utterance;

    fn found(phrase: &str, text: &str) -> Option<Range<usize>> {
        let said = [Utterance { text: text.to_owned(), start_s: 0.0, end_s: 1.0, language: Some("en".to_owned()) }];
        let transcript = Transcript::new(&said);
        let pattern = Pattern::parse(phrase).unwrap();
        (0..transcript.words.len()).find_map(|start| pattern.match_at(&transcript, start, Some("en")))
    }

    #[test]
    fn words_beginnings_and_gaps_are_found() {
        assert_eq!(found("chest pain", "My CHEST pain is back"), Some(1..3));
        assert_eq!(found("chest pain", "my chest has pain"), None);
        assert_eq!(found("chest <2> pain", "my chest has pain"), Some(1..4));
        assert_eq!(found("chest <2> pain", "my chest has got some pain"), None);
        assert_eq!(found("burn*", "the house is burning"), Some(3..4));
        assert_eq!(found("burn", "the house is burning"), None);
        assert_eq!(found("can't breathe", "I can\u{2019}t breathe"), Some(1..3));
    }

    #[test]
    fn a_near_word_that_leads_nowhere_does_not_hide_the_right_one() {
        assert_eq!(found("a <3> b c", "a b x b c"), Some(0..5));
    }

    /// Gaps in gaps over a call in which every word fits but the last: a search that tries all ways would not end.
    #[test]
    fn many_gaps_over_a_long_call_are_looked_through_once() {
        let phrase = format!("{}z", "a <50> ".repeat(PATTERN_WORDS_MAX - 2));
        assert_eq!(found(&phrase, &"a ".repeat(20_000)), None);
        assert_eq!(found(&phrase, &format!("{}z", "a ".repeat(700))), Some(0..701));
    }

    #[test]
    fn a_letter_is_the_same_however_it_is_written() {
        assert_eq!(found("erwu\u{308}rgt", "Er w\u{fc}rde ERW\u{dc}RGT"), Some(2..3), "in two parts, in the file");
        assert_eq!(found("erw\u{fc}rgt", "erwu\u{308}rgt"), Some(0..1), "in two parts, in the text");
        assert_eq!(
            found("\u{3c6}\u{3cc}\u{3bd}\u{3bf}\u{3c2}", "\u{3a6}\u{38c}\u{39d}\u{39f}\u{3a3}"),
            Some(0..1),
            "a final sigma"
        );
        assert_eq!(
            found("\u{939}\u{924}\u{94d}\u{92f}\u{93e}", "\u{939}\u{924}\u{94d}\u{92f}\u{93e} hui"),
            Some(0..1),
            "marks of Hindi part no word"
        );
    }

    #[test]
    fn what_is_no_phrase_is_refused() {
        for phrase in ["", "  ", "<2>", "<2> a", "a <2>", "a <0> b", "a <51> b", "a <2> <2> b", "a-b", "*", "a, b"] {
            assert!(Pattern::parse(phrase).is_err(), "{phrase:?}");
        }
        assert!(Pattern::parse(&"a ".repeat(PATTERN_WORDS_MAX)).is_err());
        assert!(Pattern::parse(&"a ".repeat(PATTERN_WORDS_MAX - 1)).is_ok());
    }
}
