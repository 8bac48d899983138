//! Reading a log from an offset on.

use std::collections::VecDeque;

use super::order::Segments;
use super::{Address, Bounds, Logs};
use crate::{Extent, Record};

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Reading<'s> {
    /// The records from the offset on; none at the end of the log.
    Records(Records<'s>),
    /// The offset was trimmed away, or is beyond the end.
    Outside(Bounds),
    /// The first record counts so many bytes, more than it may.
    TooLong(usize),
}

/// Records of a log in order, each with its offset.
#[derive(Debug, Clone, Copy)]
pub struct Records<'s> {
    /// The segments of the log that come after `rest`, from this place of the chain on.
    more: Option<(&'s Segments, &'s VecDeque<u32>, usize)>,
    rest: &'s [u8],
    offset: u64,
    entries_left: usize,
    bytes_left: usize,
    /// What each counts beside its bytes.
    entry_bytes: usize,
    /// The first one comes whatever its length.
    is_first: bool,
    bounds: Bounds,
}

/// They are equal when they yield the same.
impl PartialEq for Records<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bounds == other.bounds && self.offset == other.offset && Iterator::eq(*self, *other)
    }
}

impl Eq for Records<'_> {}

impl Logs {
    /// Records from an offset on. A log that is absent is an empty one.
    pub(in super::super) fn read(&self, address: &Address<'_>, from: u64, extent: &Extent) -> Reading<'_> {
        let log = self.find(address).map(|number| &self.logs[number]);
        let bounds = log.map_or_else(Bounds::default, |log| Bounds { earliest: log.low, latest: log.next });
        if from < bounds.earliest || from > bounds.latest {
            return Reading::Outside(bounds);
        }
        let mut records = Records::of(&[], from, bounds);
        if let Some(log) = log
            && from < bounds.latest
        {
            let at = log.segment_of(&self.segments, from);
            records.rest = self.segments.get(log.chain[at]).from(from);
            records.more = Some((&self.segments, &log.chain, at + 1));
            records.entry_bytes = extent.entry_bytes;
            (records.entries_left, records.bytes_left) = (extent.entries_max, extent.bytes_max);
            let first = Record::read(records.rest).map_or(0, |(_, record_bytes)| record_bytes + extent.entry_bytes);
            if first > extent.bytes_max.max(extent.first_bytes_max) {
                return Reading::TooLong(first);
            }
        }
        Reading::Records(records)
    }
}

impl<'s> Records<'s> {
    /// All records of `data`, as [`Record::write`] writes them one after another; the first has this offset.
    pub fn of(data: &'s [u8], offset: u64, bounds: Bounds) -> Self {
        let (entries_left, bytes_left, entry_bytes, is_first) = (usize::MAX, usize::MAX, 0, true);
        Self { more: None, rest: data, offset, entries_left, bytes_left, entry_bytes, is_first, bounds }
    }

    /// Where the log begins and ends.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The offset of the next record, or of the one that would be next.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record, its offset, and its bytes as [`Record::write`] writes them.
    #[inline]
    pub fn next_raw(&mut self) -> Option<(u64, Record<'s>, &'s [u8])> {
        if self.entries_left == 0 {
            return None;
        }
        if self.rest.is_empty() {
            let (segments, chain, next) = self.more.as_mut()?;
            self.rest = segments.get(*chain.get(*next)?).all();
            *next += 1;
        }
        let (record, record_bytes) = Record::read(self.rest)?;
        let counted_bytes = record_bytes + self.entry_bytes;
        if counted_bytes > self.bytes_left && !self.is_first {
            self.entries_left = 0;
            return None;
        }
        let (raw, rest) = self.rest.split_at(record_bytes);
        self.rest = rest;
        let offset = self.offset;
        self.offset += 1;
        self.entries_left -= 1;
        self.is_first = false;
        self.bytes_left = self.bytes_left.saturating_sub(counted_bytes);
        Some((offset, record, raw))
    }
}

impl<'s> Iterator for Records<'s> {
    type Item = (u64, Record<'s>);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_raw().map(|(offset, record, _)| (offset, record))
    }
}
