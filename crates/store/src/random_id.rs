//! Names of things: 128 random bits, so that nobody can guess another's.

use std::fmt;
use std::marker::PhantomData;

/// The name of something of the kind `Of`: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RandomId<Of>(u128, PhantomData<Of>);

impl<Of> RandomId<Of> {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        Self::from_bytes(bytes)
    }

    /// The bits, the highest first.
    pub const fn to_bytes(&self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Of the bits, the highest first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes), PhantomData)
    }

    /// The name as it is written; none where the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let written = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|_| written).map(|bits| Self(bits, PhantomData))
    }
}

const DIGITS: usize = 32;

impl<Of> fmt::Display for RandomId<Of> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let id = RandomId::<u8>::random();
        assert_eq!(RandomId::parse(&id.to_string()), Some(id));
        assert_eq!(RandomId::from_bytes(id.to_bytes()), id);
        let signed = format!("+{}", "0".repeat(31));
        for text in ["", "7", "..", "a/b", &"A".repeat(32), &"0".repeat(33), &signed, &"é".repeat(16)] {
            assert_eq!(RandomId::<u8>::parse(text), None, "{text}");
        }
    }
}
