//! A piece of a log: records back to back in one buffer whose size never grows, and an index of every kilobyte of it.

use super::super::budget::{ALLOCATION_BYTES, Budget, Shortage};
use super::order::Links;
use crate::Record;
use crate::limits::LOG_INDEX_BYTES;

/// Where a record lies.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// How many records lie before it.
    record: u32,
    /// How many bytes.
    position: u32,
}

/// Records with consecutive offsets.
#[derive(Debug)]
pub(super) struct Segment {
    /// The log that it belongs to.
    pub(super) log: u32,
    /// The offset of its first record.
    pub(super) first: u64,
    records: u32,
    /// Its capacity is that of the segment from the start.
    bytes: Vec<u8>,
    /// The first record of each kilobyte but the first that has the beginning of one.
    index: Vec<Mark>,
    /// Monotonic time of its first and last record.
    pub(super) begun_ns: u64,
    pub(super) written_ns: u64,
    /// Its neighbours among the segments of all logs, and of its namespace.
    pub(super) links: [Links; 2],
}

/// Marks that a segment of this capacity may need.
fn marks(capacity: usize) -> usize {
    capacity / LOG_INDEX_BYTES
}

/// What a segment of this capacity counts for, beside its place among the others.
pub(super) fn cost_bytes(capacity: usize) -> usize {
    let index = match marks(capacity) {
        0 => 0,
        marks => marks * size_of::<Mark>() + ALLOCATION_BYTES,
    };
    capacity + ALLOCATION_BYTES + index
}

impl Segment {
    /// An empty one, its memory taken from the budget.
    pub(super) fn new(
        budget: &mut Budget,
        log: u32,
        first: u64,
        capacity: usize,
        now_ns: u64,
    ) -> Result<Self, Shortage> {
        budget.take(cost_bytes(capacity))?;
        let (bytes, index) = (Vec::with_capacity(capacity), Vec::with_capacity(marks(capacity)));
        let links = [Links::NONE; 2];
        Ok(Self { log, first, records: 0, bytes, index, begun_ns: now_ns, written_ns: now_ns, links })
    }

    /// The offset after its last record.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.first + u64::from(self.records)
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Bytes of records.
    pub(super) fn used_bytes(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn has_room(&self, record_bytes: usize) -> bool {
        record_bytes <= self.bytes.capacity() - self.bytes.len() && self.records < u32::MAX
    }

    /// Adds a record for which there is room.
    #[inline]
    pub(super) fn push(&mut self, record: &Record<'_>, now_ns: u64) {
        let position = self.bytes.len();
        let marked = self.index.last().map_or(0, |mark| mark.position as usize / LOG_INDEX_BYTES);
        if position / LOG_INDEX_BYTES > marked && self.index.len() < self.index.capacity() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            self.index.push(Mark { record: self.records, position });
        }
        record.write(&mut self.bytes);
        self.records += 1;
        self.written_ns = now_ns;
    }

    /// The bytes of all records.
    #[inline]
    pub(super) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes from the record with this offset on, which is not before the first and not after the end.
    pub(super) fn from(&self, offset: u64) -> &[u8] {
        let record = offset - self.first;
        if record == u64::from(self.records) {
            return &[];
        }
        let after = self.index.partition_point(|mark| u64::from(mark.record) <= record);
        let near = if after == 0 { Mark { record: 0, position: 0 } } else { self.index[after - 1] };
        let mut rest = &self.bytes[near.position as usize..];
        for _ in u64::from(near.record)..record {
            let (_, record_bytes) = Record::read(rest).expect("a segment holds whole records");
            rest = &rest[record_bytes..];
        }
        rest
    }

    /// Gives back what a segment does not need that is not written to any more, if that is much.
    pub(super) fn seal(&mut self, budget: &mut Budget) -> usize {
        let (capacity, used) = (self.bytes.capacity(), self.bytes.len());
        // A shorter buffer may be a new one; both are there for a moment.
        if capacity - used < capacity / 32 || budget.take(cost_bytes(used)).is_err() {
            return 0;
        }
        self.bytes.shrink_to_fit();
        self.index.truncate(marks(used));
        self.index.shrink_to(marks(used));
        debug_assert_eq!((self.bytes.capacity(), self.index.capacity()), (used, marks(used)));
        budget.give(cost_bytes(capacity));
        cost_bytes(capacity) - cost_bytes(used)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_found_whatever_the_sizes() {
        for payload_bytes in [0usize, 1, 50, 300, 1015, 1024, 5000] {
            let mut budget = Budget::new(1 << 20);
            let mut segment = Segment::new(&mut budget, 0, 1000, 64 << 10, 0).unwrap();
            let payload = vec![1; payload_bytes];
            let record = |at: u64| Record { timestamp_ms: at, key: b"", metadata: b"", payload: &payload };
            while segment.has_room(record(0).encoded_bytes()) {
                segment.push(&record(segment.end()), 0);
            }
            let before = segment.end();
            let held = budget.used_bytes();
            let sealed = segment.seal(&mut budget);
            assert_eq!(budget.used_bytes(), held - sealed);
            assert_eq!(budget.used_bytes(), cost_bytes(segment.capacity()));
            for offset in 1000..before {
                let (found, _) = Record::read(segment.from(offset)).unwrap();
                assert_eq!(found, record(offset));
            }
            assert!(segment.from(before).is_empty());
        }
    }
}
