//! A piece of a table: 128 buckets of one cache line each, in which an entry lies near its home bucket.
//!
//! The invariant: an entry lies in the first bucket, counted from its home, that had room, and every bucket between its
//! home and itself is full. So a lookup ends at the first bucket that is not full, and nothing marks what was deleted:
//! a deletion from a full bucket pulls a later entry back into it.

use super::bucket::Bucket;
use super::place::Place;
use super::word::{Reference, Word};
use crate::limits::{PROBE_BUCKETS_MAX, SEGMENT_BUCKETS};

const MASK: usize = SEGMENT_BUCKETS - 1;

/// Bytes of a segment.
pub(super) const SEGMENT_BYTES: usize = size_of::<Segment>();

/// Where an entry lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) bucket: usize,
    pub(super) slot: usize,
}

/// The segment of all entries whose prefixes begin with the same bits, as many as its depth says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    buckets: [Bucket; SEGMENT_BUCKETS],
}

impl Segment {
    pub(super) const EMPTY: Self = Self { buckets: [Bucket::EMPTY; SEGMENT_BUCKETS] };

    pub(super) fn word(&self, position: Position) -> Word {
        self.buckets[position.bucket & MASK].word(position.slot)
    }

    pub(super) fn set_word(&mut self, position: Position, word: Word) {
        self.buckets[position.bucket & MASK].set_word(position.slot, word);
    }

    /// The home bucket of an entry that lies in `bucket`.
    pub(super) fn home(bucket: usize, word: Word) -> usize {
        bucket.wrapping_sub(word.distance()) & MASK
    }

    /// The entry at `place` of which `check` makes something, and what it made.
    #[inline(always)]
    pub(super) fn find<T>(
        &self,
        place: Place,
        mut check: impl FnMut(Reference) -> Option<T>,
    ) -> Option<(Position, Word, T)> {
        let tag = Word::tag(place);
        for distance in 0..PROBE_BUCKETS_MAX {
            let bucket = (place.home + distance) & MASK;
            let candidates = &self.buckets[bucket];
            for slot in candidates.tagged(tag) {
                let word = candidates.word(slot);
                if !word.is_empty()
                    && let Some(made) = check(word.reference())
                {
                    return Some((Position { bucket, slot }, word, made));
                }
            }
            if !candidates.is_full() {
                return None;
            }
        }
        None
    }

    /// What the first entry in the home bucket of `place` leads to that may be the one there.
    #[inline(always)]
    pub(super) fn likely(&self, place: Place) -> Option<Reference> {
        self.buckets[place.home & MASK].first_tagged(Word::tag(place))
    }

    /// Has the home bucket of `place` loaded.
    #[inline(always)]
    pub(super) fn prefetch(&self, place: Place) {
        prism_shard::prefetch(&self.buckets[place.home & MASK]);
    }

    /// The nearest bucket with room for an entry at `place`, and its distance.
    fn room(&self, home: usize) -> Option<usize> {
        (0..PROBE_BUCKETS_MAX).find(|distance| !self.buckets[(home + distance) & MASK].is_full())
    }

    /// Whether an entry can be inserted at `place`.
    #[inline]
    pub(super) fn has_room(&self, place: Place) -> bool {
        self.room(place.home).is_some()
    }

    /// Inserts an entry whose key is not there yet; false when there is no room.
    pub(super) fn insert(&mut self, place: Place, reference: Reference, expires: bool) -> bool {
        let Some(distance) = self.room(place.home) else { return false };
        let word = Word::new(place, distance, reference, expires);
        self.buckets[(place.home + distance) & MASK].push(word);
        true
    }

    /// Removes the entry at `position` and restores the invariant.
    pub(super) fn remove(&mut self, mut position: Position) {
        loop {
            let bucket = &mut self.buckets[position.bucket];
            let was_full = bucket.is_full();
            bucket.remove(position.slot);
            if !was_full {
                return;
            }
            let Some((follower, steps)) = self.follower(position.bucket) else { return };
            let word = self.word(follower).nearer(steps);
            self.buckets[position.bucket].push(word);
            position = follower;
        }
    }

    /// An entry that overflowed from `bucket`, or past it, and how many buckets it would come nearer.
    fn follower(&self, bucket: usize) -> Option<(Position, usize)> {
        for steps in 1..PROBE_BUCKETS_MAX {
            let later = (bucket + steps) & MASK;
            if let Some(slot) = self.buckets[later].words().position(|word| word.distance() >= steps) {
                return Some((Position { bucket: later, slot }, steps));
            }
            if !self.buckets[later].is_full() {
                return None;
            }
        }
        None
    }

    /// The entries of all buckets in which one of this home may lie.
    pub(super) fn window(&self, home: usize) -> impl Iterator<Item = Word> + '_ {
        (0..PROBE_BUCKETS_MAX).flat_map(move |distance| self.buckets[(home + distance) & MASK].words())
    }

    /// Whether a split would part the entries that leave no room at `place`.
    pub(super) fn is_separable(&self, place: Place, bit: u32) -> bool {
        let side = place.prefix & bit;
        self.window(place.home).any(|word| word.prefix() & bit != side)
    }

    /// Moves the entries with `bit` set in their prefixes to a new segment. Both are one bit deeper then.
    ///
    /// None when no bucket has room, so that entries may overflow all round; the segment is then as it was.
    ///
    /// Re-inserting a subset in the order of the buckets cannot fail. Begin after a bucket that no entry has passed,
    /// and suppose that the entry from bucket `p`, with home `h` and so `p < h + PROBE`, found the new buckets
    /// `h..h + PROBE` full. Let `g` be the first of the run of full buckets that they belong to: all its entries have
    /// homes from `g` on, and came from the old buckets `g..=p`, which cannot have held them all and this entry too.
    pub(super) fn split(&mut self, bit: u32) -> Option<(Self, usize)> {
        let start = self.buckets.iter().position(|bucket| !bucket.is_full())? + 1;
        let mut other = Self::EMPTY;
        let old = std::mem::replace(&mut self.buckets, Self::EMPTY.buckets);
        let mut moved = 0;
        for step in 0..SEGMENT_BUCKETS {
            let bucket = (start + step) & MASK;
            for word in old[bucket].words() {
                let place = Place { prefix: word.prefix(), home: Self::home(bucket, word) };
                let target = if word.prefix() & bit == 0 { &mut *self } else { &mut other };
                let inserted = target.insert(place, word.reference(), word.expires());
                assert!(inserted, "a subset fits where the whole did");
                moved += 1;
            }
        }
        Some((other, moved))
    }

    /// Calls `each` for the entries whose home is this bucket, in no order; returns how many buckets it looked at.
    pub(super) fn homed(&self, home: usize, mut each: impl FnMut(Word)) -> usize {
        for distance in 0..PROBE_BUCKETS_MAX {
            let bucket = &self.buckets[(home + distance) & MASK];
            bucket.words().filter(|word| word.distance() == distance).for_each(&mut each);
            if !bucket.is_full() {
                return distance + 1;
            }
        }
        PROBE_BUCKETS_MAX
    }
}
