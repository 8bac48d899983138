//! One cache line of slots, laid out so that all tags are compared at once.

use super::word::{Reference, Word};
use crate::limits::BUCKET_SLOTS;

const LAST: usize = BUCKET_SLOTS - 1;

/// Slots, a bit for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots(u8);

impl Iterator for Slots {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

/// The words of eight slots in three columns; the occupied ones come first.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// Bits 48 to 63.
    tags: [u16; BUCKET_SLOTS],
    /// Bits 32 to 47, never zero in an occupied slot.
    middles: [u16; BUCKET_SLOTS],
    /// Bits 0 to 31.
    lows: [u32; BUCKET_SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    pub(super) const EMPTY: Self =
        Self { tags: [0; BUCKET_SLOTS], middles: [0; BUCKET_SLOTS], lows: [0; BUCKET_SLOTS] };

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.middles[LAST] != 0
    }

    #[inline]
    pub(super) fn word(&self, slot: usize) -> Word {
        let slot = slot & LAST;
        let (tag, middle) = (u64::from(self.tags[slot]), u64::from(self.middles[slot]));
        Word(tag << 48 | middle << 32 | u64::from(self.lows[slot]))
    }

    #[inline]
    pub(super) fn set_word(&mut self, slot: usize, word: Word) {
        let slot = slot & LAST;
        self.tags[slot] = (word.0 >> 48) as u16;
        self.middles[slot] = (word.0 >> 32) as u16;
        self.lows[slot] = word.0 as u32;
    }

    /// The slots with this tag, empty ones too.
    #[inline(always)]
    pub(super) fn tagged(&self, tag: u16) -> Slots {
        Slots(prism_shard::lanes::equal(&self.tags, tag))
    }

    /// What the first slot with this tag leads to, unless that is empty.
    #[inline(always)]
    pub(super) fn first_tagged(&self, tag: u16) -> Option<Reference> {
        let slot = self.tagged(tag).next()? & LAST;
        let middle = self.middles[slot];
        // No more of the word is needed.
        let word = Word(u64::from(middle) << 32 | u64::from(self.lows[slot]));
        (middle != 0).then(|| word.reference())
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
