//! Records of a log, copied out of it.

use super::{Bounds, Records};

/// Consecutive records of a log, and where the log began and ended when they were read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Page {
    from: u64,
    next: u64,
    bounds: Bounds,
    /// The records, as [`crate::Record::write`] writes them.
    data: Vec<u8>,
}

impl Page {
    /// Makes it one of other records; its memory serves again.
    pub(in super::super) fn fill(&mut self, mut records: Records<'_>) {
        self.data.clear();
        (self.from, self.bounds) = (records.offset(), records.bounds());
        while let Some((_, _, raw)) = records.next_raw() {
            self.data.extend_from_slice(raw);
        }
        self.next = records.offset();
    }

    /// One without records, at the end of a log.
    pub fn at_end(bounds: Bounds) -> Self {
        Self { from: bounds.latest, next: bounds.latest, bounds, data: Vec::new() }
    }

    /// The records, borrowed from here.
    pub fn records(&self) -> Records<'_> {
        Records::of(&self.data, self.from, self.bounds)
    }

    /// The offset of the first record, or of the one that would be the first.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The offset after the last record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many records there are.
    pub fn count(&self) -> usize {
        (self.next - self.from) as usize
    }

    /// Where the log began and ended.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Bytes of the records.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Gives back memory that few pages need.
    pub(in super::super) fn shrink(&mut self, bytes_max: usize) {
        if self.data.capacity() > bytes_max {
            *self = Self::default();
        }
    }
}
