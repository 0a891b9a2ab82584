//! A pull reader of protobuf messages in a file: fields come one by one, what nobody asks for is skipped unread.
//!
//! Wire format: <https://protobuf.dev/programming-guides/encoding>. Every length is checked against the message around it, and
//! the outermost message against the file, so a damaged length can neither run past the end nor ask for memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

/// The longest text that is read: names, metadata values. Longer ones (a whole vocabulary) are a sign of damage.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// Why bytes are not what they should be; a fragment of a sentence.
pub(super) type Malformed = String;

/// The file under all messages.
pub(super) struct Source {
    reader: BufReader<File>,
    position: u64,
    length: u64,
}

impl Source {
    /// Reads `file`, which is `length` bytes long.
    pub(super) fn new(file: File, length: u64) -> Self {
        Self { reader: BufReader::with_capacity(32 << 10, file), position: 0, length }
    }

    /// The outermost message: the whole file.
    pub(super) fn message(&mut self) -> Message<'_> {
        let end = self.length;
        Message { source: self, next: 0, end, length: 0 }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let buffer = self.reader.fill_buf().map_err(|error| error.to_string())?;
        let byte = *buffer.first().ok_or_else(|| "the file ends too early".to_owned())?;
        self.reader.consume(1);
        self.position += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is longer than ten bytes".to_owned())
    }

    fn seek(&mut self, position: u64) -> Result<(), Malformed> {
        let distance = position.wrapping_sub(self.position).cast_signed();
        if distance != 0 {
            self.reader.seek_relative(distance).map_err(|error| error.to_string())?;
            self.position = position;
        }
        Ok(())
    }
}

/// One message: its fields in the file's order.
pub(super) struct Message<'a> {
    source: &'a mut Source,
    /// Where the next field begins.
    next: u64,
    end: u64,
    /// Bytes of the field that was told last, where it has a length.
    length: u64,
}

/// A field, before its content is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Its number and value.
    Number(u64, u64),
    /// Its number; the content is read by [`Message::child`], [`Message::text`] or [`Message::numbers`], or skipped.
    Bytes(u64),
    /// Its number and size in bytes; fixed-width numbers are never needed here.
    Fixed(u64, u64),
}

impl Message<'_> {
    /// The next field, or none at the end of the message.
    pub(super) fn next(&mut self) -> Result<Option<Field>, Malformed> {
        self.source.seek(self.next)?;
        if self.next == self.end {
            return Ok(None);
        }
        let key = self.source.varint()?;
        let (number, field_end, field) = match key & 7 {
            0 => {
                let value = self.source.varint()?;
                (key >> 3, self.source.position, Field::Number(key >> 3, value))
            }
            1 => (key >> 3, self.source.position + 8, Field::Fixed(key >> 3, 8)),
            5 => (key >> 3, self.source.position + 4, Field::Fixed(key >> 3, 4)),
            2 => {
                self.length = self.source.varint()?;
                (key >> 3, self.source.position.saturating_add(self.length), Field::Bytes(key >> 3))
            }
            wire => return Err(format!("a field has the unknown wire type {wire}")),
        };
        if number == 0 {
            return Err("a field has the number 0".to_owned());
        }
        if field_end > self.end {
            return Err("a field is longer than what holds it".to_owned());
        }
        self.next = field_end;
        Ok(Some(field))
    }

    /// Bytes of the field that [`Message::next`] told last.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The field that was told last, as a message.
    pub(super) fn child(&mut self) -> Message<'_> {
        Message { next: self.source.position, end: self.next, length: 0, source: self.source }
    }

    /// The field that was told last, as text.
    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        if self.length > TEXT_BYTES_MAX {
            return Err(format!("a text has {} bytes", self.length));
        }
        let mut bytes = vec![0; usize::try_from(self.length).map_err(|error| error.to_string())?];
        self.source.reader.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        self.source.position = self.next;
        String::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }

    /// The field that was told last, as packed numbers: calls `take` with each.
    pub(super) fn numbers(&mut self, mut take: impl FnMut(u64) -> Result<(), Malformed>) -> Result<(), Malformed> {
        while self.source.position < self.next {
            take(self.source.varint()?)?;
        }
        Ok(())
    }
}
