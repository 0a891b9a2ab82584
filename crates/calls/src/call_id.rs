//! The name of a call: 128 random bits, so that nobody can guess another's.

use std::fmt;

/// 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u128);

impl CallId {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        Self(u128::from_le_bytes(bytes))
    }

    /// The name as it is written; none where the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let written = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|_| written).map(Self)
    }
}

const DIGITS: usize = 32;

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let id = CallId::random();
        assert_eq!(CallId::parse(&id.to_string()), Some(id));
        for text in ["", "7", "../..", &"A".repeat(32), &"0".repeat(33), &"é".repeat(16)] {
            assert_eq!(CallId::parse(text), None, "{text}");
        }
    }
}
