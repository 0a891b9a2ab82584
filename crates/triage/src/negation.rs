//! Words that turn a match round: "there is no fire".

use crate::transcript::{Transcript, folded};
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
    pub fn new(texts: BTreeMap<String, NegationText>) -> Self {
        let by_language = texts.into_iter().map(|(language, text)| {
            let words = text.words.iter().map(|word| folded(word)).collect();
            (language.to_lowercase(), (words, text.distance))
        });
        Self { by_language: by_language.collect() }
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

const fn usual_distance() -> usize {
    3
}
