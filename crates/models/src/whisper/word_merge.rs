//! Punctuation goes with the word that it belongs to (`merge_punctuations` of the reference).

use super::word_times::TimedWord;

/// What opens goes to the word behind it, what closes to the word before it. Words that were merged away are left out.
pub(super) fn merge_punctuation(words: &mut Vec<TimedWord>) {
    merge_opening(words);
    merge_closing(words);
    words.retain(|word| !word.text.is_empty());
}

fn merge_opening(words: &mut [TimedWord]) {
    let Some(mut following) = words.len().checked_sub(1) else { return };
    for index in (0..following).rev() {
        let opens = words[index].text.starts_with(' ') && OPENING.contains(words[index].text.trim());
        if opens {
            let previous = std::mem::take(&mut words[index].text);
            let tokens = std::mem::take(&mut words[index].tokens);
            words[following].text.insert_str(0, &previous);
            words[following].tokens += tokens;
        } else {
            following = index;
        }
    }
}

fn merge_closing(words: &mut [TimedWord]) {
    let mut previous = 0;
    for index in 1..words.len() {
        let closes = !words[previous].text.ends_with(' ') && CLOSING.contains(words[index].text.as_str());
        if closes {
            let following = std::mem::take(&mut words[index].text);
            let tokens = std::mem::take(&mut words[index].tokens);
            words[previous].text.push_str(&following);
            words[previous].tokens += tokens;
        } else {
            previous = index;
        }
    }
}

const OPENING: &str = "\"'“¿([{-";
const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Vec<(String, usize)> {
        let word =
            |text: &&str| TimedWord { text: (*text).to_owned(), tokens: 1, start_s: 0.0, end_s: 0.0, probability: 1.0 };
        let mut words: Vec<_> = texts.iter().map(word).collect();
        merge_punctuation(&mut words);
        words.into_iter().map(|word| (word.text, word.tokens)).collect()
    }

    #[test]
    fn punctuation_joins_its_word() {
        let pairs = |words: &[(&str, usize)]| {
            words.iter().map(|(text, tokens)| ((*text).to_owned(), *tokens)).collect::<Vec<_>>()
        };
        assert_eq!(
            merged(&[" Fire", ",", " (", "now", ")", "!", " go"]),
            pairs(&[(" Fire,", 2), (" (now)!", 4), (" go", 1)])
        );
        assert_eq!(merged(&[" -", " \"", " ok"]), pairs(&[(" - \" ok", 3)]));
        assert_eq!(merged(&["."]), pairs(&[(".", 1)]));
        assert_eq!(merged(&[]), pairs(&[]));
    }
}
