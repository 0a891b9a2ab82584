//! A name of 128 random bits: nobody can guess another's, and two never meet.

use std::fmt;

/// 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RandomId(u128);

impl RandomId {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(u128::from_le_bytes(random_bytes()))
    }

    /// The name as it is written; none where the text is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let written = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|_| written).map(Self)
    }
}

const DIGITS: usize = 32;

impl fmt::Display for RandomId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// A random share, from 0 to 1: jitter of waits.
pub(crate) fn random_share() -> f64 {
    f64::from(u32::from_le_bytes(random_bytes())) / f64::from(u32::MAX)
}

/// Random bytes.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let name = RandomId::new();
        assert_eq!(RandomId::parse(&name.to_string()), Some(name));
        assert_ne!(name, RandomId::new());
        let long = "0".repeat(33);
        let signed = format!("+{}", "0".repeat(31));
        for text in ["", "7", "..", "a/b", &"A".repeat(32), &long, &signed, &"é".repeat(16)] {
            assert_eq!(RandomId::parse(text), None, "{text}");
        }
        assert!((0.0..=1.0).contains(&random_share()));
    }
}
