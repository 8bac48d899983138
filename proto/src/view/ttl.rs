//! Requests of the TTL interface, and the writers of its responses.

use super::{KEY, KEY_FIELD, NAMESPACE, NAMESPACE_FIELD, skip_unknown};
use crate::decode_error::{DecodeError, Problem, Schema};
use crate::text::Text;
use crate::wire::{Reader, field_bytes, key, kind, varint_bytes, write_field, write_varint};

/// An `ExpireRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpireView<'a> {
    /// The key; its length is not checked.
    pub key: Text<'a>,
    /// Time to live in seconds as it was sent; 0 or less: none of it is left.
    pub ttl_seconds: i64,
    /// The namespace; empty means the default one.
    pub namespace: Text<'a>,
}

const TTL: u32 = 2;
const TTL_FIELD: u32 = key(TTL, kind::VARINT);
static EXPIRE: Schema =
    Schema { message: "ExpireRequest", fields: &[(KEY, "key"), (TTL, "ttl_seconds"), (NAMESPACE, "namespace")] };

impl<'a> ExpireView<'a> {
    /// Decodes a message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader).map_err(|problem| DecodeError::new(&EXPIRE, reader.number(), problem))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Problem> {
        let mut view = Self::default();
        while !reader.is_empty() {
            match reader.key()? {
                KEY_FIELD => view.key = reader.string()?,
                TTL_FIELD => view.ttl_seconds = reader.varint()?.cast_signed(),
                NAMESPACE_FIELD => view.namespace = reader.string()?,
                other => skip_unknown(reader, other, &EXPIRE)?,
            }
        }
        Ok(view)
    }

    /// The length of the encoded message.
    pub fn encoded_bytes(&self) -> usize {
        field_bytes(self.key.len()) + number_bytes(self.ttl_seconds) + field_bytes(self.namespace.len())
    }

    /// Encodes the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_field(KEY, self.key.as_bytes(), out);
        write_number(TTL_FIELD, self.ttl_seconds, out);
        write_field(NAMESPACE, self.namespace.as_bytes(), out);
    }
}

/// How many bytes [`write_number`] writes.
pub(super) fn number_bytes(number: i64) -> usize {
    if number == 0 { 0 } else { 1 + varint_bytes(number.cast_unsigned()) }
}

/// Writes an int64 field with a key of one byte, unless it is 0.
pub(super) fn write_number(field: u32, number: i64, out: &mut Vec<u8>) {
    if number != 0 {
        out.push(field as u8);
        write_varint(number.cast_unsigned(), out);
    }
}

/// The only field of `GetTTLResponse`, `PushLeftResponse`, `PushRightResponse` and `LengthResponse` that is ever set.
const FIRST_NUMBER: u32 = key(1, kind::VARINT);

/// The length of a response whose field 1 is this int64, as that of GetTTL, of the pushes and of Length.
pub fn number_response_bytes(number: i64) -> usize {
    number_bytes(number)
}

/// Writes a response whose field 1 is this int64.
pub fn write_number_response(number: i64, out: &mut Vec<u8>) {
    write_number(FIRST_NUMBER, number, out);
}
