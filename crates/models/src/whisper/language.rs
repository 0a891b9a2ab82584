//! One of the languages that Whisper knows.

use super::language_table::{ALIASES, LANGUAGES, WITHOUT_SPACES};
use std::fmt;

/// A language, by its place in Whisper's own list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(u8);

impl Language {
    /// English, the language of the `.en` models.
    pub const ENGLISH: Self = Self(0);

    /// The language of that code (`en`, `<|en|>`) or English name (`english`, `Castilian`), in any case; none where Whisper has no
    /// such language. Of a code with a region (`en-GB`) the language counts.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim().trim_start_matches("<|").trim_end_matches("|>").to_ascii_lowercase();
        Self::named(&name).or_else(|| Self::of_code(name.split(['-', '_']).next()?))
    }

    /// All of them in the order of their tokens.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..LANGUAGES.len() as u8).map(Self)
    }

    /// The code, as in the tokens: `en`, `haw`.
    pub const fn code(self) -> &'static str {
        LANGUAGES[self.0 as usize].0
    }

    /// The English name in lower case, as OpenAI's API tells it: `english`.
    pub const fn name(self) -> &'static str {
        LANGUAGES[self.0 as usize].1
    }

    /// Whether its words are written with spaces between them.
    pub fn has_spaces(self) -> bool {
        !WITHOUT_SPACES.contains(&self.code())
    }

    fn named(name: &str) -> Option<Self> {
        let alias = ALIASES.iter().find(|(other, _)| *other == name);
        let code = alias.map_or(name, |(_, code)| code);
        let index = LANGUAGES.iter().position(|(other, full)| *other == code || *full == code)?;
        u8::try_from(index).ok().map(Self)
    }

    fn of_code(code: &str) -> Option<Self> {
        LANGUAGES.iter().position(|(other, _)| *other == code).and_then(|index| u8::try_from(index).ok()).map(Self)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_by_code_name_alias_and_token() {
        let cases = [
            ("en", "en"),
            ("English", "en"),
            ("<|de|>", "de"),
            ("Castilian", "es"),
            ("haitian creole", "ht"),
            ("yue", "yue"),
            ("en-GB", "en"),
            ("pt_BR", "pt"),
        ];
        for (text, code) in cases {
            assert_eq!(Language::parse(text).map(Language::code), Some(code), "{text}");
        }
        for text in ["", "xx", "klingon", "<|translate|>", "english-", "é"] {
            let found = Language::parse(text);
            assert_eq!(found, None, "{text}");
        }
    }

    #[test]
    fn the_order_is_that_of_the_tokens() {
        assert_eq!(Language::all().len(), 100);
        assert_eq!(Language::all().next().map(Language::name), Some("english"));
        assert_eq!(Language::all().last().map(Language::name), Some("cantonese"));
        assert!(Language::ENGLISH.has_spaces());
        assert!(!Language::parse("ja").unwrap().has_spaces());
    }
}
