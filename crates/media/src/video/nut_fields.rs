//! The field coding of NUT: numbers of variable length, byte strings, the checksum.

use super::nut::NutError;

/// Where fields are read from, byte by byte.
pub(super) trait FieldSource {
    /// The next byte.
    fn byte(&mut self) -> Result<u8, NutError>;

    /// An unsigned number: seven bits a byte, the high bit says that more follow.
    fn varint(&mut self) -> Result<u64, NutError> {
        let mut value = 0_u64;
        // Ten bytes hold 64 bits.
        for _ in 0..10 {
            let byte = self.byte()?;
            if value > u64::MAX >> 7 {
                break;
            }
            value = value << 7 | u64::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        malformed("a number too long")
    }

    /// A signed number: 0, 1, -1, 2, -2 and so on.
    fn signed(&mut self) -> Result<i64, NutError> {
        let coded = self.varint()?;
        let magnitude = i64::try_from(coded / 2 + coded % 2).map_err(|_| NutError::Malformed("a number too long"))?;
        Ok(if coded % 2 == 1 { magnitude } else { -magnitude })
    }
}

/// The fields of one packet.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Fields of `packet`, from its first.
    pub(super) const fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet }
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: u64) -> Result<&'a [u8], NutError> {
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let (taken, rest) = split.ok_or(NutError::Malformed("a packet too short"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Whether all is read.
    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl FieldSource for Fields<'_> {
    fn byte(&mut self) -> Result<u8, NutError> {
        self.take(1).map(|byte| byte[0])
    }
}

pub(super) fn malformed<T>(what: &'static str) -> Result<T, NutError> {
    Err(NutError::Malformed(what))
}

pub(super) fn ensure(holds: bool, otherwise: &'static str) -> Result<(), NutError> {
    if holds { Ok(()) } else { malformed(otherwise) }
}

/// CRC-32 of polynomial 0x04C11DB7, high bit first, from zero and without a final inversion.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ TABLE[usize::from((crc >> 24) as u8 ^ byte)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc & 0x8000_0000 != 0 { 0x04C1_1DB7 } else { 0 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};
