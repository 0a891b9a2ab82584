//! All rules of one file, checked.

use crate::limits::{FILE_BYTES_MAX, PATTERNS_MAX, RULES_MAX};
use crate::negation::{NegationText, Negations};
use crate::rule::{Rule, RuleText};
use crate::{Priority, TriageError, TriageErrorKind};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// All rules of one file, checked and ready to be asked.
#[derive(Clone, Debug)]
pub struct RuleBook {
    pub(crate) rules: Vec<Rule>,
    pub(crate) negations: Negations,
    pub(crate) priority: Priority,
    pub(crate) category: String,
}

/// A file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BookText {
    #[serde(default)]
    default: DefaultText,
    #[serde(default)]
    negation: BTreeMap<String, NegationText>,
    #[serde(default)]
    rules: Vec<RuleText>,
}

/// What stands where no rule holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultText {
    priority: Priority,
    category: String,
}

impl Default for DefaultText {
    fn default() -> Self {
        Self { priority: Priority::P4, category: "other".to_owned() }
    }
}

impl RuleBook {
    /// The rules that Samovar brings: fire, medical, violence, accident and other, in English and German.
    pub fn shipped() -> Self {
        Self::parse(SHIPPED).expect("the tests read the file that is compiled in")
    }

    /// The text of [`RuleBook::shipped`], to begin one's own from.
    pub const fn shipped_text() -> &'static str {
        SHIPPED
    }

    /// Bytes that a file of rules may have.
    pub const BYTES_MAX: usize = FILE_BYTES_MAX;

    /// Reads a file of rules.
    ///
    /// # Errors
    /// `Syntax`, `Rule` and `TooLarge`; nothing of the file is used then.
    pub fn parse(text: &str) -> Result<Self, TriageError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(too_large(format!("the file is larger than {} KiB", FILE_BYTES_MAX >> 10)));
        }
        let book: BookText =
            toml::from_str(text).map_err(|error| TriageError::new(TriageErrorKind::Syntax, error.to_string()))?;
        if book.rules.len() > RULES_MAX {
            return Err(too_large(format!("there are more than {RULES_MAX} rules")));
        }
        refuse_doubles(&book.rules)?;
        let rules: Vec<Rule> = book.rules.into_iter().map(Rule::new).collect::<Result<_, _>>()?;
        if rules.iter().map(Rule::patterns).sum::<usize>() > PATTERNS_MAX {
            return Err(too_large(format!("there are more than {PATTERNS_MAX} phrases")));
        }
        let DefaultText { priority, category } = book.default;
        Ok(Self { rules, negations: Negations::new(book.negation)?, priority, category })
    }

    /// How many rules there are.
    pub const fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Figures of the voice that rules look at: whoever knows all figures can tell which are misspelt.
    pub fn features(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(Rule::features).collect()
    }

    /// Every category that a decision can have.
    pub fn categories(&self) -> BTreeSet<&str> {
        self.rules.iter().filter_map(Rule::category).chain([self.category.as_str()]).collect()
    }
}

fn refuse_doubles(rules: &[RuleText]) -> Result<(), TriageError> {
    let mut seen = HashSet::new();
    let double = rules.iter().find(|rule| !seen.insert(rule.id.as_str()));
    double.map_or(Ok(()), |rule| Err(TriageError::rule(&rule.id, "there are two of that name")))
}

fn too_large(sentence: String) -> TriageError {
    TriageError::new(TriageErrorKind::TooLarge, sentence)
}

/// The rules that Samovar brings.
const SHIPPED: &str = include_str!("shipped.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> TriageErrorKind {
        RuleBook::parse(text).unwrap_err().kind()
    }

    #[test]
    fn what_is_shipped_has_every_category_in_both_languages() {
        let book = RuleBook::shipped();
        assert_eq!(book.categories(), BTreeSet::from(["accident", "fire", "medical", "other", "violence"]));
        for language in ["en", "de"] {
            for category in ["accident", "fire", "medical", "violence"] {
                let name = format!("{category}-{language}-");
                assert!(SHIPPED.contains(&format!("id = \"{name}")), "{name}");
            }
        }
    }

    #[test]
    fn mistakes_are_told_with_the_rule() {
        assert_eq!(kind("rules = 3"), TriageErrorKind::Syntax);
        assert_eq!(kind("[[rules]]\nid = 'a'\nprio = 'P1'"), TriageErrorKind::Syntax);
        for rule in [
            "id = 'a'\npriority = 'P1'\nany = ['x']",
            "id = 'a'\npriority = 'P1'\ncategory = 'c'",
            "id = 'a'\npriority = 'P1'\ncategory = 'c'\nraise = 1\nany = ['x']",
            "id = 'a'\nraise = 1\nany = ['x <99> y']",
            "id = 'a'\nraise = 1\nall = [['x'], []]",
            "id = 'a'\nraise = 1\nacoustic = [{ feature = 'distress' }]",
            "id = ''\nraise = 1\nany = ['x']",
            "id = 'a'\nraise = 1\nany = ['x']\ndistance = 0",
        ] {
            assert_eq!(kind(&format!("[[rules]]\n{rule}")), TriageErrorKind::Rule, "{rule}");
        }
        for negation in ["words = ['no way']", "words = ['']", "words = ['no*']", "words = ['no']\ndistance = 51"] {
            assert_eq!(kind(&format!("[negation.en]\n{negation}")), TriageErrorKind::Rule, "{negation}");
        }
        let double = "[[rules]]\nid = 'a'\nraise = 1\nany = ['x']\n".repeat(2);
        assert!(RuleBook::parse(&double).unwrap_err().to_string().contains("\"a\""));
    }

    #[test]
    fn lines_may_end_as_on_other_systems() {
        let text = RuleBook::shipped_text().replace('\n', "\r\n");
        assert_eq!(RuleBook::parse(&text).unwrap().len(), RuleBook::shipped().len());
        assert!(RuleBook::parse(&format!("\u{feff}{text}")).is_ok(), "with the mark that editors put in front");
    }

    #[test]
    fn a_book_that_is_too_large_is_refused() {
        assert_eq!(kind(&" ".repeat(FILE_BYTES_MAX + 1)), TriageErrorKind::TooLarge);
        let many: String = (0..=RULES_MAX).map(|n| format!("[[rules]]\nid='{n}'\nraise=1\nany=['x']\n")).collect();
        assert_eq!(kind(&many), TriageErrorKind::TooLarge);
    }
}
