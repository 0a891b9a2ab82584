//! Protobuf messages that are changed and written again: a field that nobody looks into is copied as it stands.

use std::io::{self, Write};

/// The fields of one message in memory, in the file's order.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// One field.
#[derive(Clone, Copy)]
pub(super) struct WireField<'a> {
    pub(super) number: u64,
    pub(super) content: Content<'a>,
    /// The field as it stands, its key included.
    pub(super) whole: &'a [u8],
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A number of fixed width; none is needed here.
    Fixed,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field with what follows it; none where the bytes are damaged.
    fn split(bytes: &'a [u8]) -> Option<(WireField<'a>, &'a [u8])> {
        let (key, after_key) = varint(bytes)?;
        let (content, rest) = match key & 7 {
            0 => {
                let (value, rest) = varint(after_key)?;
                (Content::Number(value), rest)
            }
            1 => (Content::Fixed, after_key.get(8..)?),
            5 => (Content::Fixed, after_key.get(4..)?),
            2 => {
                let (length, rest) = varint(after_key)?;
                let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Content::Bytes(content), rest)
            }
            _ => return None,
        };
        Some((WireField { number: key >> 3, content, whole: &bytes[..bytes.len() - rest.len()] }, rest))
    }
}

impl<'a> Iterator for Fields<'a> {
    /// None in the place of a field that is damaged; it is the last.
    type Item = Option<WireField<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let split = Self::split(self.rest);
        self.rest = split.map_or(&[], |(_, rest)| rest);
        Some(split.map(|(field, _)| field))
    }
}

impl<'a> WireField<'a> {
    /// The content of a field with a length.
    pub(super) const fn bytes(&self) -> Option<&'a [u8]> {
        match self.content {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The same as text.
    pub(super) fn text(&self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }
}

/// Numbers of a repeated field's occurrence: one, or packed ones.
pub(super) fn numbers(content: Content<'_>) -> Option<Vec<u64>> {
    match content {
        Content::Number(value) => Some(vec![value]),
        Content::Bytes(mut packed) => {
            let mut values = Vec::new();
            while !packed.is_empty() {
                let (value, rest) = varint(packed)?;
                values.push(value);
                packed = rest;
            }
            Some(values)
        }
        Content::Fixed => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

/// Writes a field that is a number.
///
/// # Errors
/// Those of `to`.
pub(super) fn put_number(to: &mut impl Write, number: u64, value: u64) -> io::Result<()> {
    put_varint(to, number << 3)?;
    put_varint(to, value)
}

/// Writes a field that has a length.
///
/// # Errors
/// Those of `to`.
pub(super) fn put_bytes(to: &mut impl Write, number: u64, content: &[u8]) -> io::Result<()> {
    put_length(to, number, content.len() as u64)?;
    to.write_all(content)
}

/// Writes the key and the length of a field whose content follows.
///
/// # Errors
/// Those of `to`.
pub(super) fn put_length(to: &mut impl Write, number: u64, length: u64) -> io::Result<()> {
    put_varint(to, (number << 3) | 2)?;
    put_varint(to, length)
}

fn put_varint(to: &mut impl Write, mut value: u64) -> io::Result<()> {
    let mut bytes = [0; 10];
    let mut count = 0;
    loop {
        let last = value < 0x80;
        bytes[count] = if last { value as u8 } else { value as u8 | 0x80 };
        (count, value) = (count + 1, value >> 7);
        if last {
            return to.write_all(&bytes[..count]);
        }
    }
}

/// Counts what is written, and keeps nothing.
#[derive(Default)]
pub(super) struct Counter(pub(super) u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
