//! Requests of the list interface, and the writer of what a pop answers.

use super::{KEY, KEY_FIELD, Keyed, NAMESPACE, NAMESPACE_FIELD, skip_unknown};
use crate::decode_error::{DecodeError, Problem, Schema};
use crate::text::Text;
use crate::wire::{Reader, field_bytes, key, kind, write_field};

/// A `PushLeftRequest` or a `PushRightRequest`: they are alike on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PushView<'a> {
    /// The key of the list; its length is not checked.
    pub list_key: Text<'a>,
    /// The value.
    pub value: &'a [u8],
    /// The namespace; empty means the default one.
    pub namespace: Text<'a>,
}

/// A `PopLeftRequest`, a `PopRightRequest` or a `LengthRequest`: they are alike on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListView<'a> {
    /// The key of the list; its length is not checked.
    pub list_key: Text<'a>,
    /// The namespace; empty means the default one.
    pub namespace: Text<'a>,
}

const VALUE: u32 = 2;
const VALUE_FIELD: u32 = key(VALUE, kind::BYTES);
static PUSH: Schema =
    Schema { message: "push request", fields: &[(KEY, "list_key"), (VALUE, "value"), (NAMESPACE, "namespace")] };
static LIST: Schema = Schema { message: "list request", fields: &[(KEY, "list_key"), (NAMESPACE, "namespace")] };

impl<'a> PushView<'a> {
    /// Decodes a message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader).map_err(|problem| DecodeError::new(&PUSH, reader.number(), problem))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Problem> {
        let mut view = Self::default();
        while !reader.is_empty() {
            match reader.key()? {
                KEY_FIELD => view.list_key = reader.string()?,
                VALUE_FIELD => view.value = reader.bytes()?,
                NAMESPACE_FIELD => view.namespace = reader.string()?,
                other => skip_unknown(reader, other, &PUSH)?,
            }
        }
        Ok(view)
    }

    /// The length of the encoded message.
    pub fn encoded_bytes(&self) -> usize {
        field_bytes(self.list_key.len()) + field_bytes(self.value.len()) + field_bytes(self.namespace.len())
    }

    /// Encodes the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_field(KEY, self.list_key.as_bytes(), out);
        write_field(VALUE, self.value, out);
        write_field(NAMESPACE, self.namespace.as_bytes(), out);
    }
}

impl<'a> ListView<'a> {
    /// Decodes a message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let Keyed { key, namespace } = Keyed::decode(bytes, &LIST)?;
        Ok(Self { list_key: key, namespace })
    }
}

/// `found`: field 2, true.
const FOUND_TRUE: [u8; 2] = [key(2, kind::VARINT) as u8, 1];

/// The length of a `PopLeftResponse` or `PopRightResponse`; no value: there was no list.
pub const fn pop_response_bytes(value: Option<&[u8]>) -> usize {
    match value {
        Some(value) => field_bytes(value.len()) + FOUND_TRUE.len(),
        None => 0,
    }
}

/// Writes a `PopLeftResponse` or `PopRightResponse`.
pub fn write_pop_response(value: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        write_field(KEY, value, out);
        out.extend_from_slice(&FOUND_TRUE);
    }
}
