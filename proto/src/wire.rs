//! The protobuf wire format, read in place and written exactly, without allocation.
//!
//! The reader accepts what prost accepts and nothing else. It knows no message: [`crate::view`] gives the fields
//! meaning.

#[cfg(test)]
mod tests;

use crate::decode_error::Problem;
use crate::text::Text;

/// Wire types (the low three bits of a field's key).
pub(crate) mod kind {
    pub(crate) const VARINT: u32 = 0;
    pub(crate) const FIXED64: u32 = 1;
    pub(crate) const BYTES: u32 = 2;
    pub(crate) const GROUP_START: u32 = 3;
    pub(crate) const GROUP_END: u32 = 4;
    pub(crate) const FIXED32: u32 = 5;
}

/// The longest varint: 64 bits in groups of seven.
const VARINT_BYTES_MAX: usize = 10;

/// A field's key: its number and wire type.
pub(crate) const fn key(number: u32, kind: u32) -> u32 {
    number << 3 | kind
}

/// The field number of a key.
pub(crate) const fn number(key: u32) -> u32 {
    key >> 3
}

/// Reads the fields of one message.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    key: u32,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, key: 0 }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    #[inline]
    pub(crate) fn left_bytes(&self) -> usize {
        self.rest.len()
    }

    /// The number of the field that was begun last; 0 before the first and when a key itself is bad.
    pub(crate) fn number(&self) -> u32 {
        number(self.key)
    }

    /// Begins the next field. Only [`Self::skip`] checks that a key is valid: those that a message knows are.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<u32, Problem> {
        self.key = 0;
        self.key = u32::try_from(self.varint()?).map_err(|_| Problem::Key)?;
        Ok(self.key)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Problem> {
        match self.rest {
            [byte @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, Problem> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(VARINT_BYTES_MAX).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                // The tenth byte holds the 64th bit alone.
                if index == VARINT_BYTES_MAX - 1 && byte > 1 {
                    return Err(Problem::Varint);
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < VARINT_BYTES_MAX { Problem::Truncated } else { Problem::Varint })
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], Problem> {
        let length = usize::try_from(length).map_err(|_| Problem::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Problem::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A length and that many bytes.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Problem> {
        let length = self.varint()?;
        self.take(length)
    }

    /// A length and that many bytes of UTF-8.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Problem> {
        Text::new(self.bytes()?).ok_or(Problem::Utf8)
    }

    /// Skips the value of an unknown field; `depth` is how many levels may still be entered.
    #[inline(never)]
    pub(crate) fn skip(&mut self, key: u32, depth: u32) -> Result<(), Problem> {
        if number(key) == 0 {
            return Err(Problem::Key);
        }
        if depth == 0 {
            return Err(Problem::Depth);
        }
        match key & 7 {
            kind::VARINT => self.varint().map(drop),
            kind::FIXED64 => self.take(8).map(drop),
            kind::BYTES => self.bytes().map(drop),
            kind::GROUP_START => self.skip_group(number(key), depth),
            kind::GROUP_END => Err(Problem::Group),
            kind::FIXED32 => self.take(4).map(drop),
            _ => Err(Problem::Key),
        }
    }

    fn skip_group(&mut self, group: u32, depth: u32) -> Result<(), Problem> {
        loop {
            let inner = u32::try_from(self.varint()?).map_err(|_| Problem::Key)?;
            if inner & 7 == kind::GROUP_END {
                return if number(inner) == group { Ok(()) } else { Err(Problem::Group) };
            }
            self.skip(inner, depth - 1)?;
        }
    }
}

/// How many bytes [`write_varint`] writes.
#[inline]
pub const fn varint_bytes(value: u64) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        // Seven bits a byte.
        _ => ((64 - value.leading_zeros()) as usize).div_ceil(7),
    }
}

/// Writes a base-128 varint: seven bits a byte, the lowest first.
#[inline]
pub fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`write_field`] writes.
#[inline]
pub(crate) const fn field_bytes(length: usize) -> usize {
    if length == 0 { 0 } else { 1 + varint_bytes(length as u64) + length }
}

/// Writes a string or bytes field whose number is below 16, unless it is empty: proto3 leaves default values out.
#[inline]
pub(crate) fn write_field(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    debug_assert!(number < 16, "the key takes one byte");
    let key = key(number, kind::BYTES) as u8;
    let length = bytes.len();
    match length {
        0 => return,
        1..0x80 => out.extend_from_slice(&[key, length as u8]),
        0x80..0x4000 => out.extend_from_slice(&[key, length as u8 | 0x80, (length >> 7) as u8]),
        _ => {
            out.push(key);
            write_varint(length as u64, out);
        }
    }
    out.extend_from_slice(bytes);
}
