//! Words that turn a match round: "there is no fire".

use crate::limits::DISTANCE_MAX;
use crate::pattern::is_word;
use crate::transcript::{Transcript, folded};
use crate::{TriageError, TriageErrorKind};
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};

/// The words of one language that turn a match round.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegationText {
    /// In lower case or not; whole words.
    pub words: Vec<String>,
    /// How many words may stand between one of them and the match.
    #[serde(default = "usual_distance")]
    pub distance: usize,
}

/// Words that turn a match round, by language.
#[derive(Clone, Debug, Default)]
pub struct Negations {
    by_language: BTreeMap<String, (HashSet<String>, usize)>,
}

impl Negations {
    /// Of a file's table.
    ///
    /// # Errors
    /// `Rule` for what could never turn anything round, and for a distance that is too large.
    pub fn new(texts: BTreeMap<String, NegationText>) -> Result<Self, TriageError> {
        let of_language = |(language, text): (String, NegationText)| {
            if let Some(fault) = text.fault() {
                return Err(TriageError::new(TriageErrorKind::Rule, format!("negation {language:?}: {fault}")));
            }
            let words = text.words.iter().map(|word| folded(word)).collect();
            Ok((language.to_lowercase(), (words, text.distance)))
        };
        Ok(Self { by_language: texts.into_iter().map(of_language).collect::<Result<_, _>>()? })
    }

    /// The word in the same clause, shortly before word `start`, that turns a match round which begins there.
    pub fn before(&self, transcript: &Transcript<'_>, start: usize) -> Option<usize> {
        let clause = transcript.words.get(start)?.clause;
        self.by_language.iter().find_map(|(language, (words, distance))| {
            let first = start.saturating_sub(distance + 1);
            let near = (first..start).rev().take_while(|&at| transcript.words[at].clause == clause);
            near.into_iter().find(|&at| {
                let word = &transcript.words[at];
                word.is_in(Some(language)) && words.contains(&word.text)
            })
        })
    }
}

impl NegationText {
    fn fault(&self) -> Option<String> {
        if self.distance > DISTANCE_MAX {
            return Some(format!("`distance` is 0 to {DISTANCE_MAX} words"));
        }
        let other = self.words.iter().find(|word| !is_word(word))?;
        Some(format!("{other:?} is no word: one word each, of letters and digits"))
    }
}

const fn usual_distance() -> usize {
    3
}
