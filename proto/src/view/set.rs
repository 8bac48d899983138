//! The view of a `SetRequest`.

use super::entry::check_entry;
use super::{KEY, KEY_FIELD, NAMESPACE, NAMESPACE_FIELD, skip_unknown_in};
use crate::decode_error::{DecodeError, Problem, Schema};
use crate::limits::MESSAGE_DEPTH_MAX;
use crate::text::Text;
use crate::wire::{Reader, field_bytes, key, kind, number, varint_bytes, write_field, write_varint};

/// A `SetRequest`. Its tags are checked and left out: nothing stores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetView<'a> {
    /// The key; its length is not checked.
    pub key: Text<'a>,
    /// The value.
    pub value: &'a [u8],
    /// Time to live in seconds as it was sent; 0: none.
    pub ttl_seconds: i64,
    /// The namespace; empty means the default one.
    pub namespace: Text<'a>,
}

const VALUE: u32 = 2;
const TAGS: u32 = 3;
const TTL: u32 = 4;
const VALUE_FIELD: u32 = key(VALUE, kind::BYTES);
const TAGS_FIELD: u32 = key(TAGS, kind::BYTES);
const TTL_FIELD: u32 = key(TTL, kind::VARINT);
static SET: Schema = Schema {
    message: "SetRequest",
    fields: &[(KEY, "key"), (VALUE, "value"), (TAGS, "tags"), (TTL, "ttl_seconds"), (NAMESPACE, "namespace")],
};

impl<'a> SetView<'a> {
    /// Decodes a message.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let read = Self::read(&mut reader, MESSAGE_DEPTH_MAX);
        read.map_err(|problem| DecodeError::new(&SET, reader.number(), problem))
    }

    /// Decodes a message that is a field of another.
    #[inline]
    pub(super) fn decode_nested(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let read = Self::read(&mut reader, MESSAGE_DEPTH_MAX - 1);
        read.map_err(|problem| DecodeError::new(&SET, reader.number(), problem))
    }

    #[inline]
    fn read(reader: &mut Reader<'a>, depth_max: u32) -> Result<Self, Problem> {
        let mut view = Self::default();
        while !reader.is_empty() {
            match reader.key()? {
                KEY_FIELD => view.key = reader.string()?,
                VALUE_FIELD => view.value = reader.bytes()?,
                TAGS_FIELD => check_tags(reader.bytes()?, depth_max - 1)?,
                TTL_FIELD => view.ttl_seconds = reader.varint()?.cast_signed(),
                NAMESPACE_FIELD => view.namespace = reader.string()?,
                other => skip_unknown_in(reader, other, &SET, depth_max)?,
            }
        }
        Ok(view)
    }

    /// The length of the encoded message.
    pub fn encoded_bytes(&self) -> usize {
        let ttl_bytes = match self.ttl_seconds {
            0 => 0,
            seconds => varint_bytes(u64::from(TTL_FIELD)) + varint_bytes(seconds.cast_unsigned()),
        };
        field_bytes(self.key.len()) + field_bytes(self.value.len()) + ttl_bytes + field_bytes(self.namespace.len())
    }

    /// Encodes the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_field(KEY, self.key.as_bytes(), out);
        write_field(VALUE, self.value, out);
        if self.ttl_seconds != 0 {
            write_varint(u64::from(TTL_FIELD), out);
            write_varint(self.ttl_seconds.cast_unsigned(), out);
        }
        write_field(NAMESPACE, self.namespace.as_bytes(), out);
    }
}

/// The number of `Tags.tags`.
const ENTRY: u32 = 1;

/// Checks a `Tags` message.
#[inline(never)]
fn check_tags(bytes: &[u8], depth: u32) -> Result<(), Problem> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let key = reader.key()?;
        match (number(key), key & 7) {
            (ENTRY, kind::BYTES) => check_entry(reader.bytes()?, depth - 1)?,
            (ENTRY, _) => return Err(Problem::WireType),
            _ => reader.skip(key, depth)?,
        }
    }
    Ok(())
}
