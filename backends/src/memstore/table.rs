//! The table of one namespace: extendible hashing, a directory of segments that split one at a time.
//!
//! Growing moves the entries of one segment and zeroes another, never the whole. Doubling the directory copies 4 bytes
//! for each entry of it, and it has about two for each segment; the list of segments is copied as it doubles too. Both
//! together are 0.1 MiB at 3 million keys, 4 MiB at 100 million.
//!
//! Shrinking would merge two segments that differ only in their last bit when both are nearly empty. A scan walks the
//! entries in the order of (home bucket, prefix): both are parts of the hash, so the order does not depend on the
//! table's shape, and a position made of the two stays good however many splits come between.

use super::budget::{ALLOCATION_BYTES, Budget, Shortage, reserve_one};
use super::place::{PREFIX_BITS, Place};
use super::segment::{BUCKETS_BYTES, Position, Segment};
use super::word::{Reference, Word};
use crate::limits::DEPTH_MAX;

/// What a segment counts for: its buckets lie in a region with those of others, without anything in between.
const SEGMENT_BYTES: usize = BUCKETS_BYTES;

/// Where an entry lies in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    segment: usize,
    position: Position,
}

/// What growing has cost since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Entries moved by splits.
    pub entries_moved: u64,
    /// Bytes of new segments.
    pub bytes_zeroed: u64,
    /// Bytes of directories copied.
    pub directory_bytes_copied: u64,
}

impl Growth {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            entries_moved: self.entries_moved + other.entries_moved,
            bytes_zeroed: self.bytes_zeroed + other.bytes_zeroed,
            directory_bytes_copied: self.directory_bytes_copied + other.directory_bytes_copied,
        }
    }
}

/// Maps places to records; it never looks into records itself.
#[derive(Debug)]
pub(super) struct Table {
    /// Segment numbers by the first `depth` bits of the prefix; empty until the first insertion.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<Segment>,
    entries: usize,
    growth: Growth,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            directory: Vec::new(),
            depth: 0,
            segments: Vec::new(),
            entries: 0,
            growth: Growth { entries_moved: 0, bytes_zeroed: 0, directory_bytes_copied: 0 },
        }
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    pub(super) fn growth(&self) -> Growth {
        self.growth
    }

    /// What the table counts for.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        let list = |capacity: usize, size: usize| if capacity == 0 { 0 } else { capacity * size + ALLOCATION_BYTES };
        self.segments.len() * SEGMENT_BYTES
            + list(self.segments.capacity(), size_of::<Segment>())
            + list(self.directory.capacity(), size_of::<u32>())
    }

    #[cfg(test)]
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    #[inline]
    fn index(&self, place: Place) -> usize {
        (place.prefix >> (PREFIX_BITS - self.depth)) as usize
    }

    /// The entry at `place` of which `check` makes something, and what it made.
    #[inline(always)]
    pub(super) fn find<T>(&self, place: Place, check: impl FnMut(Reference) -> Option<T>) -> Option<(Found, Word, T)> {
        let segment = *self.directory.get(self.index(place))? as usize;
        let (position, word, made) = self.segments[segment].find(place, check)?;
        Some((Found { segment, position }, word, made))
    }

    /// What the first entry in the home bucket of `place` leads to that may be the one there: nearly always it is.
    #[inline(always)]
    pub(super) fn likely(&self, place: Place) -> Option<Reference> {
        let segment = *self.directory.get(self.index(place))? as usize;
        self.segments.get(segment)?.likely(place)
    }

    /// Has the home bucket of `place` loaded.
    #[inline(always)]
    pub(super) fn prefetch(&self, place: Place) {
        if let Some(&number) = self.directory.get(self.index(place))
            && let Some(segment) = self.segments.get(number as usize)
        {
            segment.prefetch(place);
        }
    }

    pub(super) fn word(&self, found: Found) -> Word {
        self.segments[found.segment].word(found.position)
    }

    /// Points an entry to another record.
    pub(super) fn relink(&mut self, found: Found, reference: Reference, expires: bool) {
        let segment = &mut self.segments[found.segment];
        segment.set_word(found.position, segment.word(found.position).relinked(reference, expires));
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, found: Found) {
        self.segments[found.segment].remove(found.position);
        self.entries -= 1;
    }

    /// Calls `each` for the entries of the segment at `place` that have its home bucket, in no order. Returns the last
    /// prefix of that segment, and how many buckets were looked at; nothing when the table has no segment yet.
    pub(super) fn homed(&self, place: Place, each: impl FnMut(Word)) -> Option<(u32, usize)> {
        let segment = &self.segments[*self.directory.get(self.index(place))? as usize];
        let buckets = segment.homed(place.home, each);
        Some((place.prefix | ((1 << (PREFIX_BITS - segment.depth())) - 1), buckets))
    }

    /// Calls `each` for the entries that leave no room at `place`; false when there is room, or no table yet.
    pub(super) fn crowded(&self, place: Place, each: impl FnMut(Word)) -> bool {
        let Some(&number) = self.directory.get(self.index(place)) else { return false };
        let segment = &self.segments[number as usize];
        let is_crowded = !segment.has_room(place);
        if is_crowded {
            segment.window(place.home).for_each(each);
        }
        is_crowded
    }

    /// Makes sure that [`Self::insert`] succeeds at `place`, with at most one split.
    #[inline]
    pub(super) fn make_room(&mut self, place: Place, budget: &mut Budget) -> Result<(), Shortage> {
        if let Some(&number) = self.directory.get(self.index(place))
            && self.segments[number as usize].has_room(place)
        {
            return Ok(());
        }
        self.grow(place, budget)
    }

    /// Adds an entry that is not there yet, after a successful [`Self::make_room`].
    pub(super) fn insert(&mut self, place: Place, reference: Reference, expires: bool) {
        let number = self.directory[self.index(place)] as usize;
        let inserted = self.segments[number].insert(place, reference, expires);
        assert!(inserted, "room was made");
        self.entries += 1;
    }

    fn grow(&mut self, place: Place, budget: &mut Budget) -> Result<(), Shortage> {
        if self.directory.is_empty() {
            reserve_one(&mut self.segments, budget)?;
            budget.take(SEGMENT_BYTES + size_of::<u32>() + ALLOCATION_BYTES)?;
            self.growth.bytes_zeroed += BUCKETS_BYTES as u64;
            self.segments.push(Segment::new(0));
            self.directory = vec![0];
            return Ok(());
        }
        let number = self.directory[self.index(place)] as usize;
        let depth = self.segments[number].depth();
        if depth == DEPTH_MAX {
            return Err(Shortage::Crowded);
        }
        let bit = 1 << (PREFIX_BITS - 1 - depth);
        if !self.segments[number].is_separable(place, bit) {
            return Err(Shortage::Crowded);
        }
        if depth == self.depth {
            self.double(budget)?;
        }
        self.split(number, place, bit, budget)?;
        let number = self.directory[self.index(place)] as usize;
        if self.segments[number].has_room(place) { Ok(()) } else { Err(Shortage::Crowded) }
    }

    fn split(&mut self, number: usize, place: Place, bit: u32, budget: &mut Budget) -> Result<(), Shortage> {
        reserve_one(&mut self.segments, budget)?;
        budget.take(SEGMENT_BYTES)?;
        let Some((other, moved)) = self.segments[number].split(bit) else {
            budget.give(SEGMENT_BYTES);
            return Err(Shortage::Crowded);
        };
        self.growth.entries_moved += moved as u64;
        self.growth.bytes_zeroed += BUCKETS_BYTES as u64;
        let depth = other.depth();
        self.segments.push(other);
        let other = (self.segments.len() - 1) as u32;
        // The segment's part of the directory is a run of equal entries; its upper half goes to the new one.
        let run = 1usize << (self.depth - (depth - 1));
        let first = self.index(place) & !(run - 1);
        self.directory[first + run / 2..first + run].fill(other);
        Ok(())
    }

    fn double(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        let old_bytes = self.directory.len() * size_of::<u32>();
        budget.take(old_bytes * 2)?;
        let mut doubled = Vec::with_capacity(self.directory.len() * 2);
        doubled.extend(self.directory.iter().flat_map(|number| [*number, *number]));
        self.directory = doubled;
        self.depth += 1;
        budget.give(old_bytes);
        self.growth.directory_bytes_copied += old_bytes as u64;
        Ok(())
    }
}
