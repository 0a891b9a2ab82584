//! Which part of a hypothesis will not change any more: LocalAgreement-2 (Macháček, Dabre, Bojar: "Turning Whisper into Real-Time Transcription
//! System", 2023). What two successive hypotheses have in common at their beginning is stable.

/// The hypotheses of one utterance, one after the other.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// As it was told last.
    text: String,
    /// Bytes at its beginning that stay.
    stable: usize,
}

impl Agreement {
    /// Takes the next hypothesis in. Where it contradicts what is stable, only what it says beyond is taken.
    pub(super) fn take(&mut self, hypothesis: &str) {
        let text = match hypothesis.starts_with(self.stable()) {
            true => hypothesis.to_owned(),
            false => {
                let told = words(self.stable()).count();
                words(hypothesis).skip(told).fold(self.stable().to_owned(), |text, word| text + word)
            }
        };
        let agreed: usize = words(&text).zip(words(&self.text)).take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum();
        // A full stop is often only where the sound ends so far.
        let agreed = text[..agreed].trim_end_matches(|letter: char| !letter.is_alphanumeric()).len();
        self.stable = self.stable.max(agreed);
        self.text = text;
    }

    /// What is told.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The part of it that stays.
    pub(super) fn stable(&self) -> &str {
        &self.text[..self.stable]
    }
}

/// The pieces of a text that hypotheses agree on or not, each with the space before it. Together they are the text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut letters = rest.char_indices().peekable();
        let mut before = letters.next()?.1;
        let end = letters.find(|&(_, letter)| {
            let is_new =
                (letter.is_whitespace() && !before.is_whitespace()) || (stands_alone(letter) || stands_alone(before));
            before = letter;
            is_new
        });
        let (word, others) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = others;
        Some(word)
    })
}

/// Scripts that write no spaces between words: kana, ideographs, Thai, Lao, Khmer, Burmese.
const fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(hypotheses: &[&str]) -> Vec<(String, String)> {
        let mut agreement = Agreement::default();
        let told = |hypothesis: &&str| {
            agreement.take(hypothesis);
            (agreement.text().to_owned(), agreement.stable().to_owned())
        };
        hypotheses.iter().map(told).collect()
    }

    fn pairs(told: &[(String, String)]) -> Vec<(&str, &str)> {
        told.iter().map(|(text, stable)| (text.as_str(), stable.as_str())).collect()
    }

    #[test]
    fn what_two_hypotheses_have_in_common_stays() {
        let told =
            told(&["There is", "There is a fire", "There is a fire in the kit.", "There is a fire in the kitchen."]);
        assert_eq!(
            pairs(&told),
            [
                ("There is", ""),
                ("There is a fire", "There is"),
                ("There is a fire in the kit.", "There is a fire"),
                ("There is a fire in the kitchen.", "There is a fire in the"),
            ]
        );
    }

    #[test]
    fn a_contradiction_changes_only_what_was_not_stable() {
        let told =
            told(&["my mother is", "my mother is not", "the brother is not breathing", "the brother is not breathing"]);
        assert_eq!(pairs(&told)[2], ("my mother is not breathing", "my mother is not"));
        assert_eq!(pairs(&told)[3], ("my mother is not breathing", "my mother is not breathing"));
    }

    #[test]
    fn scripts_without_spaces_agree_letter_by_letter() {
        assert_eq!(pairs(&told(&["火事です", "火事でした"]))[1], ("火事でした", "火事で"));
        assert_eq!(words(" a b,  c火事").collect::<Vec<_>>(), [" a", " b,", "  c", "火", "事"]);
    }

    mod anything {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn what_is_stable_never_changes(hypotheses in prop::collection::vec("[ab .é火]{0,12}", 1..12)) {
                let mut agreement = Agreement::default();
                let mut before = String::new();
                for hypothesis in &hypotheses {
                    agreement.take(hypothesis);
                    prop_assert!(agreement.text().starts_with(agreement.stable()));
                    prop_assert!(agreement.stable().starts_with(&before), "{:?} {:?}", before, agreement);
                    before = agreement.stable().to_owned();
                }
            }

            #[test]
            fn its_words_are_the_text(text in "\\PC{0,40}") {
                prop_assert_eq!(words(&text).collect::<String>(), text);
            }
        }
    }
}
