//! Asks every rule, and puts together what they say.

use crate::rule::Rule;
use crate::transcript::Transcript;
use crate::{Decision, Evidence, Priority, Reason, RuleBook};

impl RuleBook {
    /// How urgent a call is by what is known of it so far. The same evidence gives the same decision.
    ///
    /// The most urgent rule that holds gives priority and category (of several, the first in the file); rules that raise make it more
    /// urgent by the most steps that one of them has.
    pub fn decide(&self, evidence: &Evidence) -> Decision {
        let transcript = Transcript::new(&evidence.utterances);
        let mut held: Vec<(&Rule, Vec<Reason>)> = Vec::new();
        let mut negated = Vec::new();
        for rule in &self.rules {
            let found = rule.find(&transcript, &evidence.measurements, &self.negations);
            negated.extend(found.negated);
            if !found.reasons.is_empty() {
                held.push((rule, found.reasons));
            }
        }
        // Stable: the file's order stays among equals. Rules that raise come last.
        held.sort_by_key(|(rule, _)| rule.priority().map_or((1, Priority::P5), |priority| (0, priority)));
        let leading = held.first().map(|(rule, _)| *rule);
        let raise = held.iter().map(|(rule, _)| rule.raise()).max().unwrap_or(0);
        Decision {
            priority: leading.and_then(Rule::priority).unwrap_or(self.priority).raised(raise),
            category: leading.and_then(Rule::category).unwrap_or(&self.category).to_owned(),
            reasons: held.into_iter().flat_map(|(_, reasons)| reasons).collect(),
            negated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Measurement, Utterance};

    const BOOK: &str = r#"
[negation.en]
words = ["no", "not", "never", "isn't"]

[[rules]]
id = "fire"
category = "fire"
priority = "P2"
language = "en"
any = ["fire", "smoke"]

[[rules]]
id = "breathing"
category = "medical"
priority = "P1"
language = "en"
any = ["not breathing", "stopped breathing"]

[[rules]]
id = "armed"
category = "violence"
priority = "P1"
all = [["knife", "gun"], ["he", "man"]]
distance = 6

[[rules]]
id = "distress"
raise = 1
acoustic = [{ feature = "distress", min = 0.7, for_s = 2.0 }]
"#;

    fn said(texts: &[&str]) -> Evidence {
        let at = (0_u32..).map(|n| f64::from(n) * 2.0);
        let utterances = at.zip(texts).map(|(start_s, text)| Utterance {
            text: (*text).to_owned(),
            start_s,
            end_s: start_s + 1.5,
            language: Some("en".to_owned()),
        });
        Evidence { utterances: utterances.collect(), measurements: Vec::new() }
    }

    fn decided(evidence: &Evidence) -> Decision {
        RuleBook::parse(BOOK).unwrap().decide(evidence)
    }

    #[test]
    fn the_most_urgent_rule_decides_and_all_are_listed() {
        let decision = decided(&said(&["There is smoke here.", "My husband is not breathing!"]));
        assert_eq!((decision.priority, decision.category.as_str()), (Priority::P1, "medical"));
        let rules: Vec<&str> = decision.reasons.iter().map(|reason| reason.rule.as_str()).collect();
        assert_eq!(rules, ["breathing", "fire"]);
        assert_eq!(decision.reasons[0].quote.as_deref(), Some("not breathing"));
        assert!(decision.reasons[0].start_s > 2.0 && decision.reasons[0].end_s <= 3.5);
    }

    #[test]
    fn a_negation_turns_a_match_round_within_its_clause() {
        let decision = decided(&said(&["No, there is no fire."]));
        assert_eq!((decision.priority, decision.category.as_str()), (Priority::P4, "other"));
        assert_eq!(decision.negated[0].quote.as_deref(), Some("no fire"));
        assert_eq!(decided(&said(&["No! Fire!"])).priority, Priority::P2, "another clause");
        assert_eq!(decided(&said(&["It is not that bad but the fire grows"])).priority, Priority::P2, "too far before");
    }

    #[test]
    fn groups_are_found_near_each_other_in_any_order() {
        assert_eq!(decided(&said(&["he has a knife"])).priority, Priority::P1);
        assert_eq!(decided(&said(&["a knife in the hand of a man"])).priority, Priority::P4, "seven words on");
        assert_eq!(decided(&said(&["a knife, the man"])).priority, Priority::P1);
    }

    /// A group of thousands beside one that every word begins: looked for from each word anew, it would not end.
    #[test]
    fn a_large_group_near_another_is_looked_for_once() {
        let phrases: Vec<String> = (0..10_000).map(|n| format!("w{n}")).collect();
        let text = format!("[[rules]]\nid = 'a'\nraise = 1\ndistance = 50\nall = [['a'], {phrases:?}]");
        let book = RuleBook::parse(&text).unwrap();
        assert!(book.decide(&said(&[&"a ".repeat(5_000)])).reasons.is_empty());
        assert_eq!(book.decide(&said(&[&format!("{}w9999", "a ".repeat(60))])).reasons.len(), 1);
    }

    #[test]
    fn distress_raises_what_words_say() {
        let mut evidence = said(&["there is smoke"]);
        let at = [0.0, 1.0, 2.0].map(|at_s| Measurement {
            at_s,
            duration_s: 1.0,
            feature: "distress".to_owned(),
            value: 0.8,
        });
        evidence.measurements.extend(at);
        let decision = decided(&evidence);
        assert_eq!((decision.priority, decision.category.as_str()), (Priority::P1, "fire"));
        assert_eq!(decision.reasons[1].feature.as_deref(), Some("distress"));
        evidence.utterances.clear();
        assert_eq!(decided(&evidence).priority, Priority::P3, "from the default");
    }

    #[test]
    fn a_rule_of_another_language_does_not_look() {
        let mut evidence = said(&["fire"]);
        evidence.utterances[0].language = Some("de".to_owned());
        assert!(decided(&evidence).reasons.is_empty());
        evidence.utterances[0].language = None;
        assert_eq!(decided(&evidence).reasons.len(), 1, "where none is known, all do");
    }

    #[test]
    fn quotes_of_one_rule_are_bounded() {
        let decision = decided(&said(&[&"fire ".repeat(5_000)]));
        assert_eq!(decision.reasons.len(), crate::limits::QUOTES_MAX);
    }

    mod anything {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn may_be_said(text in "\\PC{0,200}", start_s in -1e9..1e9_f64, end_s in -1e9..1e9_f64) {
                let utterances = vec![Utterance { text, start_s, end_s, language: None }];
                let evidence = Evidence { utterances, measurements: Vec::new() };
                let book = RuleBook::shipped();
                prop_assert_eq!(book.decide(&evidence), book.decide(&evidence));
            }

            #[test]
            fn may_be_in_a_file(text in "\\PC{0,200}") {
                let _ = RuleBook::parse(&text);
                let _ = RuleBook::parse(&format!("[[rules]]\nid = 'a'\nraise = 1\nany = [{text:?}]"));
            }
        }
    }
}
