//! One rule: what has to be said or heard, and how urgent that is.

use crate::acoustic_rule::Held;
use crate::limits::{DISTANCE_MAX, QUOTES_MAX};
use crate::negation::Negations;
use crate::pattern::Pattern;
use crate::transcript::Transcript;
use crate::{AcousticRule, Measurement, Priority, Reason, TriageError};
use serde::Deserialize;
use std::ops::Range;

/// A rule as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    pub id: String,
    pub category: Option<String>,
    pub priority: Option<Priority>,
    /// Steps by which it raises what other rules say.
    #[serde(default)]
    pub raise: u8,
    pub language: Option<String>,
    /// One of these phrases.
    #[serde(default)]
    pub any: Vec<String>,
    /// One phrase of each of these groups, near to each other.
    #[serde(default)]
    pub all: Vec<Vec<String>>,
    /// Words within which `all` are found.
    #[serde(default = "usual_distance")]
    pub distance: usize,
    /// Every one of these conditions.
    #[serde(default)]
    pub acoustic: Vec<AcousticRule>,
    /// Whether it holds as well where a negation stands before: for "not breathing" nothing is needed, its phrase has the "not".
    #[serde(default)]
    pub even_negated: bool,
}

/// A rule, ready to be asked.
#[derive(Clone, Debug)]
pub struct Rule {
    text: RuleText,
    /// One of each group; empty where nothing needs to be said.
    groups: Vec<Vec<Pattern>>,
}

/// For each word of a call, where the longest phrase of a group ends that begins there.
type Ends = Vec<Option<usize>>;

/// What a rule found.
#[derive(Debug, Default)]
pub struct Found {
    pub reasons: Vec<Reason>,
    pub negated: Vec<Reason>,
}

impl Rule {
    /// Checks and prepares a rule.
    ///
    /// # Errors
    /// `Rule`, with its name and what is wrong.
    pub fn new(text: RuleText) -> Result<Self, TriageError> {
        if let Some(fault) = fault(&text) {
            return Err(TriageError::rule(&text.id, fault));
        }
        let read = |phrases: &Vec<String>| phrases.iter().map(|phrase| Pattern::parse(phrase)).collect();
        let any = (!text.any.is_empty()).then_some(&text.any);
        let groups: Result<Vec<Vec<Pattern>>, String> = any.into_iter().chain(&text.all).map(read).collect();
        let groups = groups.map_err(|what| TriageError::rule(&text.id, what))?;
        Ok(Self { text, groups })
    }

    pub fn category(&self) -> Option<&str> {
        self.text.category.as_deref()
    }

    pub const fn priority(&self) -> Option<Priority> {
        self.text.priority
    }

    pub const fn raise(&self) -> u8 {
        self.text.raise
    }

    pub fn patterns(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Figures of the voice that it looks at.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.text.acoustic.iter().map(|condition| condition.feature.as_str())
    }

    /// What triggers it; no reasons where it does not hold.
    pub fn find(&self, transcript: &Transcript<'_>, measurements: &[Measurement], negations: &Negations) -> Found {
        let Some(heard) = self.heard(measurements) else {
            return Found::default();
        };
        let mut found = Found::default();
        if !self.groups.is_empty() {
            self.find_said(transcript, negations, &mut found);
            if found.reasons.is_empty() {
                return found;
            }
        }
        found.reasons.extend(heard);
        found
    }

    /// A reason for each acoustic condition; none where one does not hold.
    fn heard(&self, measurements: &[Measurement]) -> Option<Vec<Reason>> {
        let conditions = self.text.acoustic.iter();
        conditions.map(|condition| Some(self.sounded(&condition.feature, condition.held(measurements)?))).collect()
    }

    fn find_said(&self, transcript: &Transcript<'_>, negations: &Negations, found: &mut Found) {
        let ends: Vec<Ends> = self.groups.iter().map(|group| self.ends(group, transcript)).collect();
        let mut start = 0;
        while start < transcript.words.len() && found.reasons.len() < QUOTES_MAX {
            let Some(range) = self.match_at(&ends, start) else {
                start += 1;
                continue;
            };
            start = range.end;
            let turned = if self.text.even_negated { None } else { negations.before(transcript, range.start) };
            match turned {
                None => found.reasons.push(self.said(transcript, range)),
                Some(first) if found.negated.len() < QUOTES_MAX => {
                    found.negated.push(self.said(transcript, first..range.end));
                }
                Some(_) => {}
            }
        }
    }

    /// Looked up once for each word: groups near each other would otherwise be looked for again from every word.
    fn ends(&self, group: &[Pattern], transcript: &Transcript<'_>) -> Ends {
        let language = self.text.language.as_deref();
        let at = |place| {
            let ends = group.iter().filter_map(|pattern| pattern.match_at(transcript, place, language));
            ends.map(|range| range.end).max()
        };
        (0..transcript.words.len()).map(at).collect()
    }

    /// The words from `start` on in which one phrase of every group is found, whichever comes first.
    fn match_at(&self, ends: &[Ends], start: usize) -> Option<Range<usize>> {
        let leading = ends.iter().position(|group| group[start].is_some())?;
        let mut end = ends[leading][start]?;
        for (_, group) in ends.iter().enumerate().filter(|&(index, _)| index != leading) {
            let last = (start + self.text.distance).min(group.len());
            end = end.max(group[start..last].iter().find_map(|found| *found)?);
        }
        Some(start..end)
    }

    fn said(&self, transcript: &Transcript<'_>, range: Range<usize>) -> Reason {
        let (start_s, end_s) = transcript.times(range.clone());
        Reason { quote: Some(transcript.quote(range)), start_s, end_s, ..self.reason() }
    }

    fn sounded(&self, feature: &str, held: Held) -> Reason {
        let Held { start_s, end_s, value } = held;
        Reason { feature: Some(feature.to_owned()), value: Some(value), start_s, end_s, ..self.reason() }
    }

    fn reason(&self) -> Reason {
        Reason {
            rule: self.text.id.clone(),
            category: self.text.category.clone(),
            priority: self.text.priority,
            raise: self.text.raise,
            quote: None,
            feature: None,
            value: None,
            start_s: 0.0,
            end_s: 0.0,
        }
    }
}

fn fault(text: &RuleText) -> Option<String> {
    let decides = text.priority.is_some();
    if text.id.is_empty() || text.id.len() > ID_BYTES_MAX || text.id.chars().any(char::is_control) {
        return Some("`id` is a short name".to_owned());
    }
    if decides == (text.raise > 0) {
        return Some("it needs either `priority` or `raise`".to_owned());
    }
    if decides && text.category.is_none() {
        return Some("with `priority` goes a `category`".to_owned());
    }
    if text.any.is_empty() && text.all.is_empty() && text.acoustic.is_empty() {
        return Some("it has no condition: give `any`, `all` or `acoustic`".to_owned());
    }
    if text.all.iter().any(Vec::is_empty) {
        return Some("a group of `all` is empty, so it could never hold".to_owned());
    }
    if !(1..=DISTANCE_MAX).contains(&text.distance) {
        return Some(format!("`distance` is 1 to {DISTANCE_MAX} words"));
    }
    text.acoustic.iter().find_map(AcousticRule::fault)
}

const fn usual_distance() -> usize {
    10
}

/// Bytes of a rule's name.
const ID_BYTES_MAX: usize = 128;
