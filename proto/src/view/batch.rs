//! Batches: requests of many entries, read where they lie, and the writers of their responses.

use super::{NAMESPACE, NAMESPACE_FIELD, SetView, skip_unknown};
use crate::decode_error::{DecodeError, Problem, Schema};
use crate::text::Text;
use crate::wire::{Reader, field_bytes, key, kind, varint_bytes, write_field, write_varint};

/// `BatchSetRequest.requests`, and `keys` of the others; `results` of all responses.
const ENTRIES: u32 = 1;
const ENTRIES_FIELD: u32 = key(ENTRIES, kind::BYTES);
/// `BatchGetResponse.found_count`; `all_success` of the others.
const SUMMARY_KEY: u8 = key(2, kind::VARINT) as u8;
/// The `error` of a `SetResponse`; that of the others has number 3 (Get) and 2 (Delete).
const ERROR: [u32; 3] = [2, 3, 2];

/// Which batch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Batch {
    /// BatchSet.
    Set,
    /// BatchGet.
    Get,
    /// BatchDelete.
    Delete,
}

static SET: Schema = Schema { message: "BatchSetRequest", fields: &[(ENTRIES, "requests"), (NAMESPACE, "namespace")] };
static GET: Schema = Schema { message: "BatchGetRequest", fields: &[(ENTRIES, "keys"), (NAMESPACE, "namespace")] };
static DELETE: Schema =
    Schema { message: "BatchDeleteRequest", fields: &[(ENTRIES, "keys"), (NAMESPACE, "namespace")] };

impl Batch {
    /// Decodes a request: returns its namespace (empty means the default one), and calls `each` for every entry in
    /// turn: the write, or one that has only the key. [`batch_entries`] reads them again, without these checks.
    ///
    /// # Errors
    /// When the bytes are no such request.
    #[inline]
    pub fn decode<'a>(self, bytes: &'a [u8], each: impl FnMut(SetView<'a>)) -> Result<Text<'a>, DecodeError> {
        let mut reader = Reader::new(bytes);
        match self.read(&mut reader, each) {
            Ok(namespace) => Ok(namespace),
            Err(Wrong::Here(problem)) => Err(DecodeError::new(self.schema(), reader.number(), problem)),
            Err(Wrong::Entry(error)) => Err(error),
        }
    }

    fn schema(self) -> &'static Schema {
        match self {
            Self::Set => &SET,
            Self::Get => &GET,
            Self::Delete => &DELETE,
        }
    }

    #[inline]
    fn read<'a>(self, reader: &mut Reader<'a>, mut each: impl FnMut(SetView<'a>)) -> Result<Text<'a>, Wrong> {
        let mut namespace = Text::default();
        while !reader.is_empty() {
            match reader.key()? {
                ENTRIES_FIELD if self == Self::Set => {
                    let entry = SetView::decode_nested(reader.bytes()?).map_err(Wrong::Entry)?;
                    each(entry);
                }
                ENTRIES_FIELD => each(SetView { key: reader.string()?, ..SetView::default() }),
                NAMESPACE_FIELD => namespace = reader.string()?,
                other => skip_unknown(reader, other, self.schema())?,
            }
        }
        Ok(namespace)
    }
}

/// What is wrong with a batch: one of its own fields, or an entry.
enum Wrong {
    Here(Problem),
    Entry(DecodeError),
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self::Here(problem)
    }
}

/// The entries of a batch's request that was decoded, or of some of its entries put together.
#[derive(Debug)]
pub struct BatchEntries<'a> {
    reader: Reader<'a>,
}

/// One entry of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchEntry<'a> {
    /// The whole field: entries put together from these are a request again.
    pub raw: &'a [u8],
    /// The key, or the `SetRequest`.
    pub content: &'a [u8],
}

/// Reads the entries of a batch again.
pub fn batch_entries(bytes: &[u8]) -> BatchEntries<'_> {
    BatchEntries { reader: Reader::new(bytes) }
}

impl BatchEntries<'_> {
    /// Bytes that are not read yet.
    pub fn rest_bytes(&self) -> usize {
        self.reader.left_bytes()
    }
}

impl<'a> Iterator for BatchEntries<'a> {
    type Item = BatchEntry<'a>;

    #[inline]
    fn next(&mut self) -> Option<BatchEntry<'a>> {
        while !self.reader.is_empty() {
            let before = self.reader.rest();
            match self.reader.key().ok()? {
                ENTRIES_FIELD => {
                    let content = self.reader.bytes().ok()?;
                    let raw = &before[..before.len() - self.reader.left_bytes()];
                    return Some(BatchEntry { raw, content });
                }
                other => self.reader.skip(other, crate::limits::MESSAGE_DEPTH_MAX).ok()?,
            }
        }
        None
    }
}

/// The length of a result of `bytes` bytes within its response.
#[inline]
pub const fn batch_result_bytes(bytes: usize) -> usize {
    1 + varint_bytes(bytes as u64) + bytes
}

/// Writes a result of `bytes` bytes, which `write` appends, as a field of its response.
#[inline]
pub fn write_batch_result(bytes: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    match bytes {
        0..0x80 => out.extend_from_slice(&[ENTRIES_FIELD as u8, bytes as u8]),
        _ => {
            out.push(ENTRIES_FIELD as u8);
            write_varint(bytes as u64, out);
        }
    }
    write(out);
}

/// The length of a result that failed with a sentence of `error_bytes`.
pub const fn batch_failure_bytes(error_bytes: usize) -> usize {
    field_bytes(error_bytes)
}

/// Writes a result that failed: nothing but its `error`.
pub fn write_batch_failure(batch: Batch, error: &str, out: &mut Vec<u8>) {
    write_field(ERROR[batch as usize], error.as_bytes(), out);
}

/// The length of what follows the results in a response: `found_count` or `all_success`.
#[inline]
pub const fn batch_summary_bytes(summary: u32) -> usize {
    if summary == 0 { 0 } else { 1 + varint_bytes(summary as u64) }
}

/// Writes `found_count`, or `all_success` as 1.
#[inline]
pub fn write_batch_summary(summary: u32, out: &mut Vec<u8>) {
    if summary != 0 {
        out.push(SUMMARY_KEY);
        write_varint(u64::from(summary), out);
    }
}

#[cfg(test)]
mod tests;
