//! Writes what Publish and Append answer, and the messages of Subscribe and Read: for each its length, and its bytes.

use super::append::METADATA_FIELD;
use crate::wire::{field_bytes, key, kind, varint_bytes, write_field, write_varint};

/// `PublishResponse.success`: field 1, true.
const SUCCESS: [u8; 2] = [key(1, kind::VARINT) as u8, 1];
/// `message_id` of a `PublishResponse`.
const PUBLISHED_ID: u32 = 2;
/// `StreamRecord.metadata`: field 4.
const RECORD_METADATA_BYTE: u8 = key(4, kind::BYTES) as u8;

/// The text of a message's id, `PARTITION-OFFSET`, of the only partition, 0.
#[derive(Debug, Clone, Copy)]
pub struct MessageId {
    /// The text is at the end.
    text: [u8; Self::BYTES_MAX],
    begin: usize,
}

impl MessageId {
    /// `0-` and 20 digits.
    const BYTES_MAX: usize = 22;

    /// The id of the message with this offset.
    #[inline]
    pub fn new(offset: u64) -> Self {
        let (mut text, mut begin, mut rest) = ([b'0'; Self::BYTES_MAX], Self::BYTES_MAX, offset);
        loop {
            begin -= 1;
            text[begin] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        text[begin - 1] = b'-';
        Self { text, begin: begin - 2 }
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[self.begin..]
    }
}

/// The length of a `PublishResponse`.
pub fn publish_response_bytes(id: &MessageId) -> usize {
    SUCCESS.len() + field_bytes(id.as_bytes().len())
}

/// Writes a `PublishResponse`.
#[inline]
pub fn write_publish_response(id: &MessageId, out: &mut Vec<u8>) {
    out.extend_from_slice(&SUCCESS);
    write_field(PUBLISHED_ID, id.as_bytes(), out);
}

/// The length of a varint field with a number below 16.
#[inline]
const fn number_bytes(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + varint_bytes(value) }
}

/// Writes a varint field whose number is below 16, unless it is 0.
#[inline]
fn write_number(number: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        out.push(key(number, kind::VARINT) as u8);
        write_varint(value, out);
    }
}

/// The length of an `AppendResponse` of partition 0.
pub fn append_response_bytes(offset: u64, timestamp_ms: u64) -> usize {
    number_bytes(offset) + number_bytes(timestamp_ms)
}

/// Writes an `AppendResponse` of partition 0.
#[inline]
pub fn write_append_response(offset: u64, timestamp_ms: u64, out: &mut Vec<u8>) {
    write_number(1, offset, out);
    write_number(3, timestamp_ms, out);
}

/// What a record carries; `metadata` as [`super::AppendView::metadata`] has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordView<'a> {
    /// Its offset in partition 0.
    pub offset: u64,
    /// In milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// The ordering key.
    pub key: &'a [u8],
    /// The entries of the metadata.
    pub metadata: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl RecordView<'_> {
    /// The length of the `Message` that a subscriber of `topic` gets.
    #[inline]
    pub fn message_bytes(&self, topic: &[u8]) -> usize {
        let id = MessageId::new(self.offset);
        field_bytes(topic.len())
            + field_bytes(self.payload.len())
            + self.metadata.len()
            + field_bytes(id.as_bytes().len())
            + number_bytes(self.timestamp_ms)
    }

    /// Writes that `Message`.
    #[inline]
    pub fn write_message(&self, topic: &[u8], out: &mut Vec<u8>) {
        write_field(1, topic, out);
        write_field(2, self.payload, out);
        out.extend_from_slice(self.metadata);
        write_field(4, MessageId::new(self.offset).as_bytes(), out);
        write_number(5, self.timestamp_ms, out);
    }

    /// The length of the `StreamRecord` that a reader gets.
    #[inline]
    pub fn stream_record_bytes(&self) -> usize {
        number_bytes(self.offset)
            + field_bytes(self.payload.len())
            + self.metadata.len()
            + field_bytes(self.key.len())
            + number_bytes(self.timestamp_ms)
            + number_bytes(self.offset + 1)
    }

    /// Writes that `StreamRecord`.
    #[inline]
    pub fn write_stream_record(&self, out: &mut Vec<u8>) {
        write_number(1, self.offset, out);
        write_field(3, self.payload, out);
        let begin = out.len();
        out.extend_from_slice(self.metadata);
        renumber(&mut out[begin..]);
        write_field(5, self.key, out);
        write_number(6, self.timestamp_ms, out);
        write_number(7, self.offset + 1, out);
    }
}

/// Gives the entries of the metadata the number that they have in a `StreamRecord`.
#[inline]
fn renumber(mut entries: &mut [u8]) {
    while let Some((key, rest)) = entries.split_first_mut() {
        debug_assert_eq!(u32::from(*key), METADATA_FIELD, "entries follow one another");
        *key = RECORD_METADATA_BYTE;
        let length_bytes = rest.iter().take_while(|byte| **byte >= 0x80).count() + 1;
        let length = rest.iter().take(length_bytes).rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
        let Some(after) = rest.get_mut(length_bytes + length..) else { return };
        entries = after;
    }
}
