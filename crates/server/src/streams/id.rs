//! The name of one open stream: 128 random bits, so that nobody can guess another's.

use serde::{Serialize, Serializer};
use std::fmt;

/// The name of one open stream, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StreamId(u128);

impl StreamId {
    /// A name that no other stream has.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        Self(u128::from_le_bytes(bytes))
    }

    /// The name as it is written; none where the text is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let written = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|_| written).map(Self)
    }
}

const DIGITS: usize = 32;

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let name = StreamId::random();
        assert_eq!(StreamId::parse(&name.to_string()), Some(name));
        assert_ne!(name, StreamId::random());
        assert_eq!(StreamId(7).to_string().len(), 32);
        for text in ["", "7", &"A".repeat(32), &"0".repeat(33), &format!("+{}", "0".repeat(31)), &"é".repeat(16)] {
            assert_eq!(StreamId::parse(text), None, "{text}");
        }
    }
}
