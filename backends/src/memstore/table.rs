//! The table of one namespace: extendible hashing, a directory of segments that split one at a time.
//!
//! Growing moves the entries of one segment and zeroes another, never the whole. Doubling the directory copies 8 bytes
//! for each place of it, and it has about two for each segment; the list of segments is copied as it doubles too. Both
//! together are 0.2 MiB at 3 million keys, 5 MiB at 100 million.
//!
//! Shrinking would merge two segments that differ only in their last bit when both are nearly empty. A scan walks the
//! entries in the order of (home bucket, prefix): both are parts of the hash, so the order does not depend on the
//! table's shape, and a position made of the two stays good however many splits come between.

use prism_shard::memory::{Directory, Placed};

use super::budget::{ALLOCATION_BYTES, Budget, Shortage, reserve_one_of};
use super::place::{PREFIX_BITS, Place};
use super::segment::{Position, SEGMENT_BYTES, Segment};
use super::word::{Reference, Word};
use crate::limits::DEPTH_MAX;

/// Bytes of a place of the directory, and of a segment's entry in its list of segments. A segment itself counts for its
/// bytes: it lies in a region with others, without anything in between.
const PLACE_BYTES: usize = size_of::<usize>();
const ENTRY_BYTES: usize = size_of::<Placed<Segment>>();

/// Where an entry lies in its table, until that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// A place of the directory that leads to its segment.
    at: usize,
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
    /// The segments by the first bits of the prefix; empty until the first insertion.
    directory: Directory<Segment>,
    /// The bits of a prefix behind those.
    shift: u32,
    entries: usize,
    growth: Growth,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            directory: Directory::new(),
            shift: PREFIX_BITS,
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
        let (segments, capacity) = self.directory.values();
        segments * SEGMENT_BYTES + list(capacity, ENTRY_BYTES) + list(self.directory.places(), PLACE_BYTES)
    }

    #[cfg(test)]
    pub(super) fn segments(&self) -> usize {
        self.directory.values().0
    }

    #[inline]
    fn index(&self, place: Place) -> usize {
        (place.prefix >> self.shift) as usize
    }

    /// The entry at `place` of which `check` makes something, and what it made.
    #[inline(always)]
    pub(super) fn find<T>(&self, place: Place, check: impl FnMut(Reference) -> Option<T>) -> Option<(Found, Word, T)> {
        let at = self.index(place);
        let (position, word, made) = self.directory.get(at)?.find(place, check)?;
        Some((Found { at, position }, word, made))
    }

    /// What the first entry in the home bucket of `place` leads to that may be the one there: nearly always it is.
    #[inline(always)]
    pub(super) fn likely(&self, place: Place) -> Option<Reference> {
        self.directory.get(self.index(place))?.likely(place)
    }

    /// Has the home bucket of `place` loaded.
    #[inline(always)]
    pub(super) fn prefetch(&self, place: Place) {
        if let Some(segment) = self.directory.get(self.index(place)) {
            segment.prefetch(place);
        }
    }

    /// The segment of an entry that was found.
    fn segment(&self, found: Found) -> &Segment {
        self.directory.get(found.at).expect("the directory does not shrink")
    }

    fn segment_mut(&mut self, found: Found) -> &mut Segment {
        self.directory.get_mut(found.at).expect("the directory does not shrink")
    }

    pub(super) fn word(&self, found: Found) -> Word {
        self.segment(found).word(found.position)
    }

    /// Points an entry to another record.
    pub(super) fn relink(&mut self, found: Found, reference: Reference, expires: bool) {
        let segment = self.segment_mut(found);
        segment.set_word(found.position, segment.word(found.position).relinked(reference, expires));
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, found: Found) {
        self.segment_mut(found).remove(found.position);
        self.entries -= 1;
    }

    /// Calls `each` for the entries of the segment at `place` that have its home bucket, in no order. Returns the last
    /// prefix of that segment, and how many buckets were looked at; nothing when the table has no segment yet.
    pub(super) fn homed(&self, place: Place, each: impl FnMut(Word)) -> Option<(u32, usize)> {
        let at = self.index(place);
        let buckets = self.directory.get(at)?.homed(place.home, each);
        Some((place.prefix | ((1 << (PREFIX_BITS - self.depth_at(at))) - 1), buckets))
    }

    /// Calls `each` for the entries that leave no room at `place`; false when there is room, or no table yet.
    pub(super) fn crowded(&self, place: Place, each: impl FnMut(Word)) -> bool {
        let Some(segment) = self.directory.get(self.index(place)) else { return false };
        let is_crowded = !segment.has_room(place);
        if is_crowded {
            segment.window(place.home).for_each(each);
        }
        is_crowded
    }

    /// Makes sure that [`Self::insert`] succeeds at `place`, with at most one split.
    #[inline]
    pub(super) fn make_room(&mut self, place: Place, budget: &mut Budget) -> Result<(), Shortage> {
        match self.directory.get(self.index(place)) {
            Some(segment) if segment.has_room(place) => Ok(()),
            _ => self.grow(place, budget),
        }
    }

    /// Adds an entry that is not there yet, after a successful [`Self::make_room`].
    pub(super) fn insert(&mut self, place: Place, reference: Reference, expires: bool) {
        let at = self.index(place);
        let inserted = self.directory.get_mut(at).is_some_and(|segment| segment.insert(place, reference, expires));
        assert!(inserted, "room was made");
        self.entries += 1;
    }

    /// How many bits all prefixes have in common in the segment to which this place of the directory leads.
    fn depth_at(&self, at: usize) -> u32 {
        PREFIX_BITS - self.shift - self.directory.run(at).len().ilog2()
    }

    fn grow(&mut self, place: Place, budget: &mut Budget) -> Result<(), Shortage> {
        let at = self.index(place);
        let Some(segment) = self.directory.get(at) else {
            self.reserve_segment(budget)?;
            budget.take(SEGMENT_BYTES + PLACE_BYTES + ALLOCATION_BYTES)?;
            self.growth.bytes_zeroed += SEGMENT_BYTES as u64;
            self.directory.add(Segment::EMPTY, at);
            return Ok(());
        };
        let depth = self.depth_at(at);
        if depth == DEPTH_MAX {
            return Err(Shortage::Crowded);
        }
        let bit = 1 << (PREFIX_BITS - 1 - depth);
        if !segment.is_separable(place, bit) {
            return Err(Shortage::Crowded);
        }
        if depth == PREFIX_BITS - self.shift {
            self.double(budget)?;
        }
        self.split(place, bit, budget)?;
        match self.directory.get(self.index(place)) {
            Some(segment) if segment.has_room(place) => Ok(()),
            _ => Err(Shortage::Crowded),
        }
    }

    /// Makes room for one more in the list of segments.
    fn reserve_segment(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        let taken = self.directory.values();
        reserve_one_of(taken, ENTRY_BYTES, budget, |more| self.directory.reserve_values(more))
    }

    fn split(&mut self, place: Place, bit: u32, budget: &mut Budget) -> Result<(), Shortage> {
        self.reserve_segment(budget)?;
        budget.take(SEGMENT_BYTES)?;
        let at = self.index(place);
        let Some((other, moved)) = self.directory.get_mut(at).and_then(|segment| segment.split(bit)) else {
            budget.give(SEGMENT_BYTES);
            return Err(Shortage::Crowded);
        };
        self.growth.entries_moved += moved as u64;
        self.growth.bytes_zeroed += SEGMENT_BYTES as u64;
        self.directory.add(other, at);
        Ok(())
    }

    fn double(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        let old_bytes = self.directory.places() * PLACE_BYTES;
        budget.take(old_bytes * 2)?;
        self.directory.double();
        self.shift -= 1;
        budget.give(old_bytes);
        self.growth.directory_bytes_copied += old_bytes as u64;
        Ok(())
    }
}
