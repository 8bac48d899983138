//! Borrowed views of the requests that name one key, and the writers of their responses: no allocation either way.
//!
//! A view decodes exactly what prost decodes: unknown fields are skipped, the last of several wins, everything
//! malformed is an error. A response has exactly the bytes that prost would give it.

mod append;
mod batch;
mod entry;
mod list;
mod namespace;
mod record;
mod response;
mod set;
#[cfg(test)]
mod tests;
mod ttl;

pub use append::AppendView;
pub use batch::{
    Batch, BatchEntries, BatchEntry, batch_entries, batch_failure_bytes, batch_result_bytes, batch_summary_bytes,
    write_batch_failure, write_batch_result, write_batch_summary,
};
pub use list::{ListView, PushView, pop_response_bytes, write_pop_response};
pub use namespace::namespace;
pub use record::{
    MessageId, RecordView, append_response_bytes, publish_response_bytes, write_append_response, write_publish_response,
};
pub use response::{
    delete_response_bytes, exists_response_bytes, get_response_bytes, scan_keys_response_bytes, scan_response_bytes,
    set_response_bytes, write_delete_response, write_exists_response, write_get_response, write_scan_keys_response,
    write_scan_response, write_set_response,
};
pub use set::SetView;
pub use ttl::{ExpireView, number_response_bytes, write_number_response};

use crate::decode_error::{DecodeError, Problem, Schema};
use crate::limits::MESSAGE_DEPTH_MAX;
use crate::text::Text;
use crate::wire::{Reader, field_bytes, key, kind, number, write_field};

const KEY: u32 = 1;
const NAMESPACE: u32 = 15;
const KEY_FIELD: u32 = key(KEY, kind::BYTES);
const KEY_BYTE: u8 = KEY_FIELD as u8;
const NAMESPACE_FIELD: u32 = key(NAMESPACE, kind::BYTES);

const KEYED_FIELDS: &[(u32, &str)] = &[(KEY, "key"), (NAMESPACE, "namespace")];

/// A view of a message that has a key and a namespace.
macro_rules! keyed_view {
    ($view:ident, $message:literal) => {
        #[doc = concat!("A `", $message, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $view<'a> {
            /// The key; its length is not checked.
            pub key: Text<'a>,
            /// The namespace; empty means the default one.
            pub namespace: Text<'a>,
        }

        impl<'a> $view<'a> {
            /// Decodes a message.
            #[inline]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
                static SCHEMA: Schema = Schema { message: $message, fields: KEYED_FIELDS };
                let Keyed { key, namespace } = Keyed::decode(bytes, &SCHEMA)?;
                Ok(Self { key, namespace })
            }

            /// The length of the encoded message.
            pub fn encoded_bytes(&self) -> usize {
                Keyed { key: self.key, namespace: self.namespace }.encoded_bytes()
            }

            /// Encodes the message.
            pub fn write(&self, out: &mut Vec<u8>) {
                Keyed { key: self.key, namespace: self.namespace }.write(out);
            }
        }
    };
}

keyed_view!(GetView, "GetRequest");
keyed_view!(DeleteView, "DeleteRequest");
keyed_view!(ExistsView, "ExistsRequest");
keyed_view!(GetTtlView, "GetTTLRequest");
keyed_view!(PersistView, "PersistRequest");

/// What Get, Delete, Exists and others have in common: their messages are alike on the wire.
struct Keyed<'a> {
    key: Text<'a>,
    namespace: Text<'a>,
}

impl<'a> Keyed<'a> {
    #[inline]
    fn decode(bytes: &'a [u8], schema: &'static Schema) -> Result<Self, DecodeError> {
        // Nearly every message is one short key and nothing else.
        if let [KEY_BYTE, length @ ..0x80, key @ ..] = bytes
            && key.len() == usize::from(*length)
            && let Some(key) = Text::new(key)
        {
            return Ok(Self { key, namespace: Text::default() });
        }
        Self::decode_fields(bytes, schema)
    }

    #[inline(never)]
    fn decode_fields(bytes: &'a [u8], schema: &'static Schema) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader, schema).map_err(|problem| DecodeError::new(schema, reader.number(), problem))
    }

    #[inline]
    fn read(reader: &mut Reader<'a>, schema: &Schema) -> Result<Self, Problem> {
        let mut keyed = Self { key: Text::default(), namespace: Text::default() };
        while !reader.is_empty() {
            match reader.key()? {
                KEY_FIELD => keyed.key = reader.string()?,
                NAMESPACE_FIELD => keyed.namespace = reader.string()?,
                other => skip_unknown(reader, other, schema)?,
            }
        }
        Ok(keyed)
    }

    fn encoded_bytes(&self) -> usize {
        field_bytes(self.key.len()) + field_bytes(self.namespace.len())
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_field(KEY, self.key.as_bytes(), out);
        write_field(NAMESPACE, self.namespace.as_bytes(), out);
    }
}

/// Skips a field whose key matched none of the message's own, so a known number has the wrong wire type.
#[cold]
fn skip_unknown(reader: &mut Reader<'_>, key: u32, schema: &Schema) -> Result<(), Problem> {
    skip_unknown_in(reader, key, schema, MESSAGE_DEPTH_MAX)
}

/// The same in a message that lies in others, so that its groups may nest so many levels only.
#[cold]
fn skip_unknown_in(reader: &mut Reader<'_>, key: u32, schema: &Schema, depth_max: u32) -> Result<(), Problem> {
    if schema.fields.iter().any(|&(known, _)| known == number(key)) {
        return Err(Problem::WireType);
    }
    reader.skip(key, depth_max)
}
