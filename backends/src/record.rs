//! A record of a log, and the compact bytes as which it lies in the memstore's segments and in pages.
//!
//! ```text
//! timestamp (6 bytes, little endian) | key length | metadata length | payload length | key | metadata | payload
//! ```
//! The lengths are base-128 varints, so that the header of a small record has 9 bytes.

use prism_proto::wire::{varint_bytes, write_varint};

/// Bytes of the timestamp: milliseconds until the year 10889.
const TIMESTAMP_BYTES: usize = 6;
const TIMESTAMP_MS_MAX: u64 = (1 << (8 * TIMESTAMP_BYTES as u32)) - 1;

/// A record, borrowed from where it lies. Its offset is known by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was appended, in milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// The ordering key; empty: none.
    pub key: &'a [u8],
    /// The entries of the metadata as they came: of field 3 of the request, one after another, keys of the fields
    /// included.
    pub metadata: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// How many bytes [`Self::write`] writes.
    #[inline]
    pub fn encoded_bytes(&self) -> usize {
        let length = |part: &[u8]| varint_bytes(part.len() as u64) + part.len();
        TIMESTAMP_BYTES + length(self.key) + length(self.metadata) + length(self.payload)
    }

    /// Appends the record to `out`.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        let timestamp = self.timestamp_ms.min(TIMESTAMP_MS_MAX).to_le_bytes();
        out.extend_from_slice(&timestamp[..TIMESTAMP_BYTES]);
        for part in [self.key, self.metadata, self.payload] {
            write_varint(part.len() as u64, out);
        }
        for part in [self.key, self.metadata, self.payload] {
            out.extend_from_slice(part);
        }
    }

    /// The record at the front of `bytes`, and how long it is there; `None` when there is no whole one.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let (timestamp, mut rest) = bytes.split_at_checked(TIMESTAMP_BYTES)?;
        let mut timestamp_ms = [0; 8];
        timestamp_ms[..TIMESTAMP_BYTES].copy_from_slice(timestamp);
        let (key_bytes, metadata_bytes, payload_bytes) =
            (read_length(&mut rest)?, read_length(&mut rest)?, read_length(&mut rest)?);
        let (key, rest) = rest.split_at_checked(key_bytes)?;
        let (metadata, rest) = rest.split_at_checked(metadata_bytes)?;
        let (payload, rest) = rest.split_at_checked(payload_bytes)?;
        let record = Self { timestamp_ms: u64::from_le_bytes(timestamp_ms), key, metadata, payload };
        Some((record, bytes.len() - rest.len()))
    }
}

/// Takes a varint from the front of `rest`.
#[inline]
fn read_length(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for index in 0..usize::BITS / 7 {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), 0..300), Just(vec![7; 20_000])]
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(timestamp_ms in 0..TIMESTAMP_MS_MAX, parts in (part(), part(), part())) {
            let (key, metadata, payload) = parts;
            let record = Record { timestamp_ms, key: &key, metadata: &metadata, payload: &payload };
            let mut out = Vec::new();
            record.write(&mut out);
            prop_assert_eq!(out.len(), record.encoded_bytes());
            let end = out.len();
            out.push(0xff);
            prop_assert_eq!(Record::read(&out), Some((record, end)));
            prop_assert_eq!(Record::read(&out[..end - 1]), None, "a cut record is none");
        }

        #[test]
        fn noise_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some((record, end)) = Record::read(&bytes) {
                prop_assert!(end <= bytes.len() && record.payload.len() < end);
            }
        }
    }

    #[test]
    fn a_small_record_has_a_header_of_9_bytes() {
        let record = Record { timestamp_ms: 1 << 41, key: b"", metadata: b"", payload: &[1; 64] };
        assert_eq!(record.encoded_bytes(), 9 + 64);
    }
}
