//! Tokens to words, as the reference splits them (`split_to_word_tokens`).

use super::Language;
use std::ops::Range;

/// A word and its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenWord {
    /// With the space before it.
    pub text: String,
    /// Its tokens, by their places in what was split.
    pub tokens: Range<usize>,
}

/// Splits tokens of text; `spell` tells what tokens read together.
pub(super) fn split_words(tokens: &[u32], language: Language, spell: impl Fn(&[u32]) -> String) -> Vec<TokenWord> {
    let characters = split_characters(tokens, spell);
    if language.has_spaces() { join_at_spaces(characters) } else { characters }
}

/// Splits wherever the tokens are whole characters. A token that breaks a character is joined with the next ones until it is whole,
/// or until the whole text has no character there either.
fn split_characters(tokens: &[u32], spell: impl Fn(&[u32]) -> String) -> Vec<TokenWord> {
    let whole: Vec<char> = spell(tokens).chars().collect();
    let (mut words, mut first, mut offset) = (Vec::new(), 0, 0);
    for next in 1..=tokens.len() {
        let text = spell(&tokens[first..next]);
        let broken = text.chars().position(|letter| letter == char::REPLACEMENT_CHARACTER);
        if broken.is_none_or(|at| whole.get(offset + at) == Some(&char::REPLACEMENT_CHARACTER)) {
            offset += text.chars().count();
            words.push(TokenWord { text, tokens: first..next });
            first = next;
        }
    }
    words
}

/// Joins what belongs together: a word begins with a space, and punctuation is a word of its own.
fn join_at_spaces(parts: Vec<TokenWord>) -> Vec<TokenWord> {
    let mut words: Vec<TokenWord> = Vec::new();
    for part in parts {
        let is_alone = part.text.starts_with(' ') || PUNCTUATION.contains(part.text.trim());
        match words.last_mut().filter(|_| !is_alone) {
            Some(word) => {
                word.text.push_str(&part.text);
                word.tokens.end = part.tokens.end;
            }
            None => words.push(part),
        }
    }
    words
}

/// ASCII's, in its order: the reference looks for a part of this text.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(parts: &[&[u8]], language: &str) -> Vec<String> {
        let tokens: Vec<u32> = (0..parts.len() as u32).collect();
        let spell = |tokens: &[u32]| {
            let bytes: Vec<u8> = tokens.iter().flat_map(|&token| parts[token as usize]).copied().collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let words = split_words(&tokens, Language::parse(language).unwrap(), spell);
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_begin_at_spaces_and_punctuation_stands_alone() {
        assert_eq!(
            words(&[b" Am", b"bul", b"ance", b",", b" to", b" 14", b"!"], "en"),
            [" Ambulance", ",", " to", " 14", "!"]
        );
        assert_eq!(words(&[], "en"), Vec::<String>::new());
        assert_eq!(words(&[b"no", b" yes"], "en"), ["no", " yes"]);
    }

    #[test]
    fn characters_over_several_tokens_stay_whole() {
        assert_eq!(words(&[b" caf", b"\xC3", b"\xA9", b" x"], "fr"), [" café", " x"]);
        assert_eq!(words(&["救".as_bytes(), b"\xE6\x80", b"\xA5", "車".as_bytes()], "ja"), ["救", "急", "車"]);
        // Bytes that never become a character are words for themselves.
        assert_eq!(words(&["救".as_bytes(), b"\xE6", "車".as_bytes()], "ja"), ["救", "\u{FFFD}", "車"]);
    }
}
