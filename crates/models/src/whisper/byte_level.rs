//! Bytes behind the tokens of a byte-level BPE vocabulary.

use std::ops::Range;

/// The bytes of every token of text.
#[derive(Debug, Default)]
pub(super) struct TokenBytes {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl TokenBytes {
    /// The next token by its name in the vocabulary, where every byte is written as a character (GPT-2's `bytes_to_unicode`).
    pub(super) fn push(&mut self, name: &str) {
        for letter in name.chars() {
            match byte_of(letter) {
                Some(byte) => self.bytes.push(byte),
                None => self.bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// The bytes of a token; none of one that is no text.
    pub(super) fn of(&self, token: u32) -> &[u8] {
        self.range(token as usize).and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }

    fn range(&self, index: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(start..end)
    }
}

/// Printable bytes stand for themselves; the others follow from U+0100 on in their order.
fn byte_of(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_letter() {
        let letters = (0x21..=0x143).filter_map(char::from_u32);
        let mut bytes: Vec<u8> = letters.filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn a_token_is_its_bytes() {
        let mut tokens = TokenBytes::default();
        ["Ġand", "", "Ã©", "Ċ"].into_iter().for_each(|name| tokens.push(name));
        assert_eq!(
            (0..5).map(|token| tokens.of(token)).collect::<Vec<_>>(),
            [b" and", &b""[..], "é".as_bytes(), b"\n", b""]
        );
    }
}
