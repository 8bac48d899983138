//! One slot of the table: what is known of an entry without looking at its record.

use super::place::{PREFIX_BITS, Place};
use crate::limits::PAGE_BYTES;

/// A record lies at a multiple of this in its page.
pub(super) const OFFSET_STEP: usize = 8;

/// Bits of a reference.
pub(super) const REFERENCE_BITS: u32 = 35;
const OFFSET_BITS: u32 = (PAGE_BYTES / OFFSET_STEP).ilog2();
const DISTANCE_SHIFT: u32 = REFERENCE_BITS;
const EXPIRES: u64 = 1 << 38;
const OCCUPIED: u64 = 1 << 39;
const PREFIX_HIGH_SHIFT: u32 = 40;
const TAG_SHIFT: u32 = 48;

const _: () = assert!(PREFIX_BITS == 24);

/// The most pages that references can name.
pub(super) const PAGES_MAX: usize = 1 << (REFERENCE_BITS - OFFSET_BITS);

/// Names a record: its page, and its offset in the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference(u64);

impl Reference {
    pub(super) fn new(page: usize, offset: usize) -> Self {
        debug_assert!(page < PAGES_MAX && offset < PAGE_BYTES && offset.is_multiple_of(OFFSET_STEP));
        Self((page as u64) << OFFSET_BITS | (offset / OFFSET_STEP) as u64)
    }

    /// The reference as a number below 2^35.
    pub(super) fn to_bits(self) -> u64 {
        self.0
    }

    /// The inverse of [`Self::to_bits`].
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(super) fn page(self) -> usize {
        (self.0 >> OFFSET_BITS) as usize
    }

    /// In bytes.
    #[inline]
    pub(super) fn offset(self) -> usize {
        (self.0 & ((1 << OFFSET_BITS) - 1)) as usize * OFFSET_STEP
    }
}

/// A slot, from its top: the prefix's low 16 bits (the tag) and high 8, whether it is occupied and expires, distance
/// from the home bucket (3 bits), reference (35); 0 is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

impl Word {
    pub(super) const EMPTY: Self = Self(0);

    #[inline]
    pub(super) fn new(place: Place, distance: usize, reference: Reference, expires: bool) -> Self {
        let tag = u64::from(Self::tag(place)) << TAG_SHIFT;
        let high = u64::from(place.prefix >> 16) << PREFIX_HIGH_SHIFT;
        let expires = if expires { EXPIRES } else { 0 };
        Self(tag | high | OCCUPIED | expires | (distance as u64) << DISTANCE_SHIFT | reference.0)
    }

    /// What lookups compare first: the bits of the prefix that differ within a segment.
    #[inline]
    pub(super) fn tag(place: Place) -> u16 {
        place.prefix as u16
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) fn prefix(self) -> u32 {
        let high = (self.0 >> PREFIX_HIGH_SHIFT) as u8;
        u32::from(high) << 16 | (self.0 >> TAG_SHIFT) as u32
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
        let kept = self.0 & !(EXPIRES | ((1 << REFERENCE_BITS) - 1));
        Self(kept | if expires { EXPIRES } else { 0 } | reference.0)
    }
}
