//! One cache line of slots, laid out so that all tags are compared at once.

use super::word::Word;
use crate::limits::BUCKET_SLOTS;

const LAST: usize = BUCKET_SLOTS - 1;
/// Tags in one number.
const LANES: usize = 4;
/// One in each lane, and the top bit of each lane.
const ONES: u64 = 0x0001_0001_0001_0001;
const TOPS: u64 = ONES << 15;

/// Slots whose tags may be the one sought: the first of each half certainly, those above it perhaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hits(u64);

impl Iterator for Hits {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        // Slots 0 to 3 are bit 14 of each lane, slots 4 to 7 bit 15.
        Some(bit / 16 + (bit & 1) * LANES)
    }
}

/// The words of eight slots in three columns; the occupied ones come first.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// Bits 48 to 63, four slots to a number.
    tags: [u64; BUCKET_SLOTS / LANES],
    /// Bits 32 to 47, never zero in an occupied slot.
    middles: [u16; BUCKET_SLOTS],
    /// Bits 0 to 31.
    lows: [u32; BUCKET_SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    pub(super) const EMPTY: Self =
        Self { tags: [0; BUCKET_SLOTS / LANES], middles: [0; BUCKET_SLOTS], lows: [0; BUCKET_SLOTS] };

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.middles[LAST] != 0
    }

    #[inline]
    pub(super) fn word(&self, slot: usize) -> Word {
        let slot = slot & LAST;
        let tag = self.tags[slot / LANES] >> (slot % LANES * 16) & 0xFFFF;
        Word(tag << 48 | u64::from(self.middles[slot]) << 32 | u64::from(self.lows[slot]))
    }

    #[inline]
    pub(super) fn set_word(&mut self, slot: usize, word: Word) {
        let slot = slot & LAST;
        let (tags, shift) = (&mut self.tags[slot / LANES], slot % LANES * 16);
        *tags = *tags & !(0xFFFF << shift) | word.0 >> 48 << shift;
        self.middles[slot] = (word.0 >> 32) as u16;
        self.lows[slot] = word.0 as u32;
    }

    /// The slots with this tag, and perhaps others, empty ones too.
    #[inline(always)]
    pub(super) fn tagged(&self, tag: u16) -> Hits {
        let sought = u64::from(tag) * ONES;
        let [low, high] = self.tags.map(|tags| {
            // A lane that agrees is zero, and borrows; so may the lane above it (which the caller will find out).
            let differences = tags ^ sought;
            differences.wrapping_sub(ONES) & !differences & TOPS
        });
        Hits(low >> 1 | high)
    }

    /// The occupied slots.
    #[inline]
    pub(super) fn words(&self) -> impl Iterator<Item = Word> + '_ {
        (0..BUCKET_SLOTS).map(|slot| self.word(slot)).take_while(|word| !word.is_empty())
    }

    /// Adds a word where there is room.
    #[inline]
    pub(super) fn push(&mut self, word: Word) {
        let slot = self.middles.iter().position(|middle| *middle == 0).expect("the bucket has room");
        self.set_word(slot, word);
    }

    /// Empties a slot by moving the last word into it.
    pub(super) fn remove(&mut self, slot: usize) {
        let last = self.middles.iter().rposition(|middle| *middle != 0).expect("the slot itself is occupied");
        let word = self.word(last);
        self.set_word(slot, word);
        self.set_word(last, Word::EMPTY);
    }
}
