//! Examples with the decision that is expected of them: a file of rules is tested with them before it is used.

use crate::limits::FILE_BYTES_MAX;
use crate::{Decision, Evidence, Measurement, Priority, RuleBook, TriageError, TriageErrorKind, Utterance};
use serde::Deserialize;

/// A file of examples.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// In the file's order.
    pub cases: Vec<Case>,
}

/// One example. What is not expected is not looked at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The call's words, one utterance a line.
    #[serde(default)]
    pub said: Vec<String>,
    /// A code of two letters.
    #[serde(default)]
    pub language: Option<String>,
    /// How the call sounds.
    #[serde(default)]
    pub sounded: Vec<Measurement>,
    /// How urgent it is.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// What it is about.
    #[serde(default)]
    pub category: Option<String>,
    /// Rules that hold, in any order, and no others.
    #[serde(default)]
    pub rules: Option<Vec<String>>,
}

/// How an example went.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// What was decided.
    pub decision: Decision,
    /// What is not as expected, a sentence each; empty where all is.
    pub differences: Vec<String>,
}

impl CaseFile {
    /// The examples that the shipped rules are tested with.
    pub fn shipped() -> Self {
        Self::parse(SHIPPED).expect("the tests read the file that is compiled in")
    }

    /// The text of [`CaseFile::shipped`], to begin one's own from.
    pub const fn shipped_text() -> &'static str {
        SHIPPED
    }

    /// Reads a file of examples.
    ///
    /// # Errors
    /// `Syntax`; `TooLarge`.
    pub fn parse(text: &str) -> Result<Self, TriageError> {
        if text.len() > FILE_BYTES_MAX {
            let sentence = format!("the file is larger than {} KiB", FILE_BYTES_MAX >> 10);
            return Err(TriageError::new(TriageErrorKind::TooLarge, sentence));
        }
        toml::from_str(text).map_err(|error| TriageError::new(TriageErrorKind::Syntax, error.to_string()))
    }
}

impl Case {
    /// Asks the rules.
    pub fn run(&self, book: &RuleBook) -> CaseResult {
        let decision = book.decide(&self.evidence());
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, found: String| {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                differences.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        compare("priority", self.priority.map(|priority| priority.to_string()), decision.priority.to_string());
        compare("category", self.category.clone(), decision.category.clone());
        compare("rules", self.rules.clone().map(listed), listed(rules(&decision)));
        CaseResult { decision, differences }
    }

    /// Utterances of two seconds, one after the other.
    fn evidence(&self) -> Evidence {
        let starts = (0_u32..).map(|index| f64::from(index) * UTTERANCE_S);
        let utterances = starts.zip(&self.said).map(|(start_s, text)| Utterance {
            text: text.clone(),
            start_s,
            end_s: start_s + UTTERANCE_S,
            language: self.language.clone(),
        });
        Evidence { utterances: utterances.collect(), measurements: self.sounded.clone() }
    }
}

/// The examples that Samovar brings.
const SHIPPED: &str = include_str!("shipped_cases.toml");

fn rules(decision: &Decision) -> Vec<String> {
    decision.reasons.iter().map(|reason| reason.rule.clone()).collect()
}

fn listed(mut rules: Vec<String>) -> String {
    rules.sort_unstable();
    rules.dedup();
    if rules.is_empty() { "none".to_owned() } else { rules.join(", ") }
}

/// Seconds that an utterance of an example takes.
const UTTERANCE_S: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_passes_its_examples() {
        let book = RuleBook::shipped();
        let file = CaseFile::shipped();
        assert!(file.cases.len() >= 40);
        let failed: Vec<String> = file
            .cases
            .iter()
            .map(|case| (case, case.run(&book)))
            .filter(|(_, result)| !result.differences.is_empty())
            .map(|(case, result)| format!("{}: {} {:?}", case.name, result.differences.join("; "), result.decision))
            .collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }

    #[test]
    fn a_wrong_expectation_is_told() {
        let text = "[[cases]]\nname = 'a'\nsaid = ['fire']\nlanguage = 'en'\npriority = 'P5'\nrules = []";
        let case = &CaseFile::parse(text).unwrap().cases[0];
        let result = case.run(&RuleBook::shipped());
        assert_eq!(result.differences.len(), 2, "{:?}", result.differences);
        assert!(CaseFile::parse("[[cases]]\nnam = 'a'").is_err());
    }
}
