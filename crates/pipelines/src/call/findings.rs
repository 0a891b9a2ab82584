//! How urgent a call is: what was said and how it sounded so far, put before the rules whenever there is something new.

use super::evidence::{measurements, utterance};
use samovar_acoustics::VoiceFigures;
use samovar_models::whisper::{Language, Segment};
use samovar_triage::{CurrentRules, Decision, Evidence, Measurement, Reason, RuleBook, Utterance};
use std::collections::VecDeque;
use std::sync::Arc;

/// What is known of a call, and what was decided of it last.
///
/// Bounded: the newest words and the newest figures, and of what is older that which the decision rests on.
pub(super) struct Findings {
    rules: Arc<CurrentRules>,
    said: VecDeque<Utterance>,
    /// The stable part of what is being said, with the number of its utterance.
    saying: Option<(u64, Utterance)>,
    sounded: VecDeque<Measurement>,
    /// What the sound alone says, and by which rules.
    sound: Option<(Arc<RuleBook>, Decision)>,
    decided: Option<Decision>,
}

/// Bytes of text that are looked at: some ten minutes of quick talk.
const TEXT_MAX: usize = 10_000;
/// Figures that are looked at: five minutes of several.
const MEASUREMENTS_MAX: usize = 1_500;

impl Findings {
    pub(super) const fn new(rules: Arc<CurrentRules>) -> Self {
        Self { rules, said: VecDeque::new(), saying: None, sounded: VecDeque::new(), sound: None, decided: None }
    }

    /// So much of an utterance is sure, with its times in seconds. A decision where it changes something.
    pub(super) fn saying(
        &mut self,
        number: u64,
        text: &str,
        (start_s, end_s): (f64, f64),
        language: Option<Language>,
    ) -> Option<Decision> {
        let known = self.saying.as_ref().is_some_and(|(last, said)| *last == number && said.text == text);
        if known || text.is_empty() {
            return None;
        }
        let language = language.map(|language| language.code().to_owned());
        self.saying = Some((number, Utterance { text: text.to_owned(), start_s, end_s, language }));
        self.decide()
    }

    /// An utterance was heard to its end. A decision where it changes something.
    pub(super) fn said(&mut self, number: u64, segments: &[Segment], language: Option<Language>) -> Option<Decision> {
        self.saying.take_if(|(saying, _)| *saying <= number);
        self.said.extend(segments.iter().map(|segment| utterance(segment, language)));
        self.trim_said();
        self.decide()
    }

    /// What the last second sounded like. A decision where it changes something.
    pub(super) fn sounded(&mut self, figures: &VoiceFigures) -> Option<Decision> {
        let book = self.rules.get();
        self.sounded.extend(measurements(figures, &book));
        self.trim_sounded();
        // Looking through all that was said costs milliseconds: only where the sound alone says something new.
        let sound =
            book.decide(&Evidence { utterances: Vec::new(), measurements: self.sounded.iter().cloned().collect() });
        let known = self.sound.as_ref().is_some_and(|(by, last)| Arc::ptr_eq(by, &book) && !differs(last, &sound));
        self.sound = Some((Arc::clone(&book), sound));
        if known { None } else { self.decide_by(&book) }
    }

    fn decide(&mut self) -> Option<Decision> {
        self.decide_by(&self.rules.get())
    }

    fn decide_by(&mut self, book: &RuleBook) -> Option<Decision> {
        let saying = self.saying.as_ref().map(|(_, said)| said);
        let evidence = Evidence {
            utterances: self.said.iter().chain(saying).cloned().collect(),
            measurements: self.sounded.iter().cloned().collect(),
        };
        let decision = book.decide(&evidence);
        let is_new = self.decided.as_ref().is_none_or(|last| differs(last, &decision));
        self.decided = Some(decision.clone());
        is_new.then_some(decision)
    }

    fn trim_said(&mut self) {
        let mut bytes: usize = self.said.iter().map(|said| said.text.len()).sum();
        let quoted = |said: &Utterance| self.reasons().any(|reason| meets(reason, said.start_s, said.end_s));
        let old = self.said.iter().take_while(|said| {
            let is_old = bytes > TEXT_MAX;
            bytes -= said.text.len();
            is_old
        });
        let kept: Vec<_> = old.map(quoted).collect();
        keep(&mut self.said, &kept);
    }

    fn trim_sounded(&mut self) {
        let old = self.sounded.len().saturating_sub(MEASUREMENTS_MAX);
        let shown = |one: &Measurement| {
            let mut named = self.reasons().filter(|reason| reason.feature.as_ref() == Some(&one.feature));
            named.any(|reason| meets(reason, one.at_s, one.at_s + one.duration_s))
        };
        let kept: Vec<_> = self.sounded.iter().take(old).map(shown).collect();
        keep(&mut self.sounded, &kept);
    }

    fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.decided.iter().flat_map(|decision| &decision.reasons)
    }
}

/// Whether somebody has to be told: times and values that moved a little are no news.
fn differs(a: &Decision, b: &Decision) -> bool {
    let told = |reasons: &[Reason]| -> Vec<_> {
        let one = |reason: &Reason| (reason.rule.clone(), reason.quote.clone(), reason.feature.clone());
        reasons.iter().map(one).collect()
    };
    (a.priority, &a.category) != (b.priority, &b.category)
        || told(&a.reasons) != told(&b.reasons)
        || told(&a.negated) != told(&b.negated)
}

fn meets(reason: &Reason, start_s: f64, end_s: f64) -> bool {
    reason.start_s <= end_s && reason.end_s >= start_s
}

/// Leaves out the first ones that are not to be kept.
fn keep<T>(list: &mut VecDeque<T>, kept: &[bool]) {
    let mut at = 0..;
    list.retain(|_| at.next().and_then(|index: usize| kept.get(index)).copied().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_triage::Priority;
    use std::collections::BTreeMap;

    fn findings() -> Findings {
        Findings::new(Arc::new(CurrentRules::new(RuleBook::shipped())))
    }

    fn once(text: &str, at_s: f64) -> [Segment; 1] {
        [Segment { start_s: at_s, end_s: at_s + 2.0, text: text.to_owned(), ..Segment::default() }]
    }

    fn second(at_s: f64, distress: f64) -> VoiceFigures {
        let values = BTreeMap::from([("distress", distress)]);
        VoiceFigures { at_s, duration_s: 3.0, values, distress: None }
    }

    const ENGLISH: Option<Language> = Some(Language::ENGLISH);

    #[test]
    fn a_decision_is_told_when_it_changes_and_not_again() {
        let mut findings = findings();
        let first = findings.saying(0, "There is a", (1.0, 2.0), ENGLISH).unwrap();
        assert_eq!((first.priority, first.reasons.len()), (Priority::P4, 0));
        let raised = findings.saying(0, "There is a fire", (1.0, 2.5), ENGLISH).unwrap();
        assert_eq!((raised.priority, raised.reasons[0].quote.as_deref()), (Priority::P2, Some("fire")));
        assert!(raised.reasons[0].start_s > 1.5 && raised.reasons[0].end_s <= 2.5);
        assert_eq!(findings.saying(0, "There is a fire", (1.0, 2.5), ENGLISH), None);
        assert_eq!(findings.said(0, &once("There is a fire here.", 1.0), ENGLISH), None);
        let worse = findings.said(1, &once("My mother is not breathing.", 4.0), ENGLISH).unwrap();
        assert_eq!((worse.priority, worse.category.as_str()), (Priority::P1, "medical"));
    }

    #[test]
    fn what_a_final_takes_back_is_taken_back() {
        let mut findings = findings();
        assert_eq!(findings.saying(0, "There is a fire", (1.0, 2.5), ENGLISH).unwrap().priority, Priority::P2);
        let back = findings.said(0, &once("There is a file.", 1.0), ENGLISH).unwrap();
        assert_eq!((back.priority, back.reasons.len()), (Priority::P4, 0));
    }

    #[test]
    fn hours_of_talk_are_bounded_and_what_the_decision_rests_on_stays() {
        let mut findings = findings();
        findings.said(0, &once("The house is on fire.", 0.0), ENGLISH);
        for at in 1..1_000 {
            let news =
                findings.said(at, &once("and then we went on and on about the weather", at as f64 * 3.0), ENGLISH);
            assert_eq!(news, None);
            let _ = findings.sounded(&second(at as f64, if (10..14).contains(&at) { 0.9 } else { 0.0 }));
            assert!(findings.said.len() <= TEXT_MAX / 40 + 1 && findings.sounded.len() <= MEASUREMENTS_MAX + 5);
        }
        let last = findings.decided.unwrap();
        assert_eq!(last.reasons[0].quote.as_deref(), Some("fire"), "{last:?}");
        assert!(last.reasons.iter().any(|reason| reason.feature.as_deref() == Some("distress")), "{last:?}");
    }

    #[test]
    fn new_rules_hold_from_the_next_second_on() {
        let rules = Arc::new(CurrentRules::new(RuleBook::shipped()));
        let mut findings = Findings::new(Arc::clone(&rules));
        findings.said(0, &once("There is a cat in a tree.", 0.0), ENGLISH);
        rules.replace(
            RuleBook::parse("[[rules]]\nid = 'cat'\ncategory = 'animal'\npriority = 'P3'\nany = ['cat']").unwrap(),
        );
        let decision = findings.sounded(&second(1.0, 0.0)).unwrap();
        assert_eq!((decision.priority, decision.category.as_str()), (Priority::P3, "animal"));
    }
}
