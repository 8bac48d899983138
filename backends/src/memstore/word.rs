//! One slot of the table: what is known of an entry without looking at its record.

use super::place::{PREFIX_BITS, Place};
use crate::limits::PAGE_BYTES;

const REFERENCE_BITS: u32 = 36;
const SLOT_BITS: u32 = 12;
const DISTANCE_SHIFT: u32 = REFERENCE_BITS;
const EXPIRES: u64 = 1 << 39;
const PREFIX_SHIFT: u32 = 64 - PREFIX_BITS;
/// What a lookup compares: prefix and distance.
const COMPARED: u64 = !(EXPIRES | ((1 << REFERENCE_BITS) - 1));

/// The most pages that references can name, page 0 being none.
pub(super) const PAGES_MAX: usize = 1 << (REFERENCE_BITS - SLOT_BITS);

/// Names a record: page and slot in the page. Page 0 does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference(u64);

impl Reference {
    pub(super) fn new(page: usize, slot: usize) -> Self {
        debug_assert!(page > 0 && page < PAGES_MAX && slot < PAGE_BYTES);
        Self((page as u64) << SLOT_BITS | slot as u64)
    }

    #[inline]
    pub(super) fn page(self) -> usize {
        (self.0 >> SLOT_BITS) as usize
    }

    #[inline]
    pub(super) fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }
}

/// A slot: prefix (24 bits), whether it expires (1), distance from the home bucket (3), reference (36); 0 is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    pub(super) const EMPTY: Self = Self(0);

    #[inline]
    pub(super) fn new(place: Place, distance: usize, reference: Reference, expires: bool) -> Self {
        let expires = if expires { EXPIRES } else { 0 };
        Self(Self::pattern(place, distance) | expires | reference.0)
    }

    /// What [`Self::matches`] looks for: an entry of this prefix, that many buckets from its home.
    #[inline]
    pub(super) fn pattern(place: Place, distance: usize) -> u64 {
        u64::from(place.prefix) << PREFIX_SHIFT | (distance as u64) << DISTANCE_SHIFT
    }

    /// Whether prefix and distance agree; an empty slot may agree too.
    #[inline]
    pub(super) fn matches(self, pattern: u64) -> bool {
        self.0 & COMPARED == pattern
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) fn prefix(self) -> u32 {
        (self.0 >> PREFIX_SHIFT) as u32
    }

    #[inline]
    pub(super) fn distance(self) -> usize {
        (self.0 >> DISTANCE_SHIFT & 7) as usize
    }

    #[inline]
    pub(super) fn expires(self) -> bool {
        self.0 & EXPIRES != 0
    }

    #[inline]
    pub(super) fn reference(self) -> Reference {
        Reference(self.0 & ((1 << REFERENCE_BITS) - 1))
    }

    /// The same entry, `buckets` nearer to its home.
    pub(super) fn nearer(self, buckets: usize) -> Self {
        Self(self.0 - ((buckets as u64) << DISTANCE_SHIFT))
    }

    /// The same entry with its record elsewhere.
    pub(super) fn relinked(self, reference: Reference, expires: bool) -> Self {
        let expires = if expires { EXPIRES } else { 0 };
        Self(self.0 & COMPARED | expires | reference.0)
    }
}
