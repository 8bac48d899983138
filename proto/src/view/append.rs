//! The view of a `PublishRequest` and of an `AppendRequest`, which are alike on the wire.

use std::borrow::Cow;

use super::entry::check_entry;
use super::{NAMESPACE, NAMESPACE_FIELD, skip_unknown};
use crate::decode_error::{DecodeError, Problem, Schema};
use crate::limits::MESSAGE_DEPTH_MAX;
use crate::text::Text;
use crate::wire::{Reader, field_bytes, key, kind, varint_bytes, write_field, write_varint};

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppendView<'a> {
    /// The topic's or stream's name; its length is not checked.
    pub name: Text<'a>,
    /// The payload.
    pub payload: &'a [u8],
    /// The entries of the metadata as fields of number 3, one after another. They are checked, and nothing in them is
    /// dropped: of several with one key the last counts, as on the wire.
    pub metadata: Cow<'a, [u8]>,
    /// The ordering key; its length is not checked.
    pub key: Text<'a>,
    /// The namespace; empty means the default one.
    pub namespace: Text<'a>,
}

const NAME: u32 = 1;
const PAYLOAD: u32 = 2;
const METADATA: u32 = 3;
const KEY: u32 = 4;
const NAME_FIELD: u32 = key(NAME, kind::BYTES);
const PAYLOAD_FIELD: u32 = key(PAYLOAD, kind::BYTES);
pub(super) const METADATA_FIELD: u32 = key(METADATA, kind::BYTES);
const KEY_FIELD: u32 = key(KEY, kind::BYTES);

static PUBLISH: Schema = Schema {
    message: "PublishRequest",
    fields: &[(NAME, "topic"), (PAYLOAD, "payload"), (METADATA, "metadata"), (KEY, "key"), (NAMESPACE, "namespace")],
};
static APPEND: Schema = Schema {
    message: "AppendRequest",
    fields: &[(NAME, "stream"), (PAYLOAD, "payload"), (METADATA, "metadata"), (KEY, "key"), (NAMESPACE, "namespace")],
};

/// Where the entries of the metadata are.
#[derive(Default)]
struct Entries {
    /// Where the first begins and the last ends, counted from the end of the message.
    begin: usize,
    end: usize,
    /// How long they are when they are written without gaps.
    bytes: usize,
}

impl<'a> AppendView<'a> {
    /// Decodes a `PublishRequest`.
    #[inline]
    pub fn decode_publish(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode(bytes, &PUBLISH)
    }

    /// Decodes an `AppendRequest`.
    #[inline]
    pub fn decode_append(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode(bytes, &APPEND)
    }

    fn decode(bytes: &'a [u8], schema: &'static Schema) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader, bytes, schema).map_err(|problem| DecodeError::new(schema, reader.number(), problem))
    }

    #[inline]
    fn read(reader: &mut Reader<'a>, bytes: &'a [u8], schema: &Schema) -> Result<Self, Problem> {
        let (mut view, mut entries) = (Self::default(), Entries::default());
        while !reader.is_empty() {
            let begin = reader.left_bytes();
            match reader.key()? {
                NAME_FIELD => view.name = reader.string()?,
                PAYLOAD_FIELD => view.payload = reader.bytes()?,
                METADATA_FIELD => {
                    let entry = reader.bytes()?;
                    check_entry(entry, MESSAGE_DEPTH_MAX - 1)?;
                    if entries.bytes == 0 {
                        entries.begin = begin;
                    }
                    entries.end = reader.left_bytes();
                    entries.bytes += entry_bytes(entry);
                }
                KEY_FIELD => view.key = reader.string()?,
                NAMESPACE_FIELD => view.namespace = reader.string()?,
                other => skip_unknown(reader, other, schema)?,
            }
        }
        if entries.bytes > 0 {
            let span = &bytes[bytes.len() - entries.begin..bytes.len() - entries.end];
            let is_plain = span.len() == entries.bytes;
            view.metadata = if is_plain { span.into() } else { gathered(span, entries.bytes)?.into() };
        }
        Ok(view)
    }

    /// The length of the encoded message.
    pub fn encoded_bytes(&self) -> usize {
        let texts = [self.name, self.key, self.namespace].map(|text| field_bytes(text.len()));
        field_bytes(self.payload.len()) + self.metadata.len() + texts.iter().sum::<usize>()
    }

    /// Encodes the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_field(NAME, self.name.as_bytes(), out);
        write_field(PAYLOAD, self.payload, out);
        out.extend_from_slice(&self.metadata);
        write_field(KEY, self.key.as_bytes(), out);
        write_field(NAMESPACE, self.namespace.as_bytes(), out);
    }
}

fn entry_bytes(entry: &[u8]) -> usize {
    1 + varint_bytes(entry.len() as u64) + entry.len()
}

/// The entries of a message in which others lie between them, or whose lengths are written longer than need be.
#[cold]
fn gathered(span: &[u8], entries_bytes: usize) -> Result<Vec<u8>, Problem> {
    let mut reader = Reader::new(span);
    let mut out = Vec::with_capacity(entries_bytes);
    while !reader.is_empty() {
        match reader.key()? {
            METADATA_FIELD => {
                let entry = reader.bytes()?;
                out.push(METADATA_FIELD as u8);
                write_varint(entry.len() as u64, &mut out);
                out.extend_from_slice(entry);
            }
            other => reader.skip(other, MESSAGE_DEPTH_MAX)?,
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
