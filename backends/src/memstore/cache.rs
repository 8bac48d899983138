//! What the policy S3-FIFO knows of the keys of one namespace (Yang et al., SOSP 2023), with little memory.
//!
//! A new key is on probation: in a queue that takes a tenth of the keys. At its end a key that was asked for meanwhile
//! joins the main part, another is dropped and remembered as a ghost; a key that comes back while its ghost is there
//! joins the main part at once. The main part is no queue: a hand goes round the table, which is in the order of the
//! hashes, and drops what nobody has asked for since it came by. So there is one bit for each key and the queue for a
//! tenth of them, where queues of all would take eight bytes for each.
//!
//! An entry of the queue names a slot and a part of the key's hash. When the record has gone from there, or another has
//! come, the entry is stale and means nothing; a record that moves joins the main part.

use std::collections::VecDeque;

use super::budget::{ALLOCATION_BYTES, Budget};
use super::place::{PLACE_BITS, Place};
use super::word::{REFERENCE_BITS, Reference};
use crate::limits::{GHOSTS_MAX, PROBATION_PART, PROBATION_PER_PAGE};

const PAGE_COST_BYTES: usize = PROBATION_PER_PAGE * size_of::<u64>() + ALLOCATION_BYTES + size_of::<Vec<u64>>();
const TAG_MASK: u32 = (1 << (u64::BITS - REFERENCE_BITS)) - 1;

/// A key on probation, or what was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Probationer(u64);

impl Probationer {
    pub(super) fn new(reference: Reference, place: Place) -> Self {
        Self(u64::from(place.pack() & TAG_MASK) << REFERENCE_BITS | reference.to_bits())
    }

    pub(super) fn reference(self) -> Reference {
        Reference::from_bits(self.0 & ((1 << REFERENCE_BITS) - 1))
    }

    /// Whether a record of this place can be the one that is meant.
    pub(super) fn is_at(self, place: Place) -> bool {
        self.0 >> REFERENCE_BITS == u64::from(place.pack() & TAG_MASK)
    }
}

/// The keys on probation, the ghosts of some that were dropped, and where the hand is.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// All but the first and the last are full; the first is taken from behind `taken`.
    pages: VecDeque<Vec<u64>>,
    taken: usize,
    probationers: usize,
    /// By a part of the hash, another part of it; 0: none.
    ghosts: Vec<u16>,
    is_prepared: bool,
    /// The step of the scan's order at which the hand goes on.
    pub(super) hand: u32,
}

impl Cache {
    /// Whether more are on probation than a namespace of so many keys should have.
    pub(super) fn is_probation_full(&self, keys: usize) -> bool {
        self.probationers > keys / PROBATION_PART
    }

    /// Adds a key; false when there is no memory for it, and the key is as well without probation.
    pub(super) fn push(&mut self, budget: &mut Budget, probationer: Probationer) -> bool {
        if self.pages.back().is_none_or(|page| page.len() == PROBATION_PER_PAGE) {
            if budget.take(PAGE_COST_BYTES).is_err() {
                return false;
            }
            self.pages.push_back(Vec::with_capacity(PROBATION_PER_PAGE));
        }
        if let Some(page) = self.pages.back_mut() {
            page.push(probationer.0);
            self.probationers += 1;
        }
        true
    }

    /// Takes the key that has been on probation longest.
    pub(super) fn pop(&mut self, budget: &mut Budget) -> Option<Probationer> {
        let page = self.pages.front()?;
        let probationer = *page.get(self.taken)?;
        self.taken += 1;
        self.probationers -= 1;
        if self.taken == page.len() && (page.len() == PROBATION_PER_PAGE || self.pages.len() == 1) {
            self.pages.pop_front();
            self.taken = 0;
            budget.give(PAGE_COST_BYTES);
        }
        Some(Probationer(probationer))
    }

    /// Takes the memory for ghosts, with the first key; without it there are none.
    pub(super) fn prepare(&mut self, budget: &mut Budget) {
        if self.is_prepared {
            return;
        }
        self.is_prepared = true;
        // A ghost for each kilobyte.
        let ghosts = (budget.bytes_max() >> 10).clamp(64, GHOSTS_MAX).next_power_of_two();
        if budget.take(ghosts * size_of::<u16>() + ALLOCATION_BYTES).is_ok() {
            self.ghosts = vec![0; ghosts];
        }
    }

    /// Remembers a key that was dropped from probation.
    pub(super) fn bury(&mut self, place: Place) {
        if !self.ghosts.is_empty() {
            let (at, ghost) = self.ghost(place);
            self.ghosts[at] = ghost;
        }
    }

    /// Whether the key was dropped from probation not long ago; it is forgotten then.
    pub(super) fn raise(&mut self, place: Place) -> bool {
        if self.ghosts.is_empty() {
            return false;
        }
        let (at, ghost) = self.ghost(place);
        let was_there = self.ghosts[at] == ghost;
        if was_there {
            self.ghosts[at] = 0;
        }
        was_there
    }

    /// What it counts for.
    pub(super) fn held_bytes(&self) -> usize {
        let ghosts = self.ghosts.len() * size_of::<u16>();
        self.pages.len() * PAGE_COST_BYTES + if ghosts == 0 { 0 } else { ghosts + ALLOCATION_BYTES }
    }

    /// Gives all memory back.
    pub(super) fn give_back(&mut self, budget: &mut Budget) {
        budget.give(self.held_bytes());
        *self = Self::default();
    }

    fn ghost(&self, place: Place) -> (usize, u16) {
        const _: () = assert!(PLACE_BITS <= 32);
        let mixed = u64::from(place.pack()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let at = (mixed >> 40) as usize & (self.ghosts.len() - 1);
        (at, (mixed >> 20) as u16 | 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_gives_what_it_took_in_its_order_and_its_memory_back() {
        let (mut cache, mut budget) = (Cache::default(), Budget::new(1 << 20));
        let probationer =
            |number: usize| Probationer::new(Reference::from_bits(number as u64), Place::of(number as u64));
        let mut next = 0;
        for number in 0..5_000 {
            assert!(cache.push(&mut budget, probationer(number)));
            if number % 3 == 0 {
                assert_eq!(cache.pop(&mut budget), Some(probationer(next)));
                next += 1;
            }
        }
        while let Some(found) = cache.pop(&mut budget) {
            assert_eq!(found, probationer(next));
            assert!(found.is_at(Place::of(next as u64)) && found.reference().to_bits() == next as u64);
            next += 1;
        }
        assert_eq!((next, cache.probationers, budget.used_bytes()), (5_000, 0, 0));
    }

    #[test]
    fn a_ghost_is_seen_once() {
        let (mut cache, mut budget) = (Cache::default(), Budget::new(1 << 20));
        let place = |number: u64| Place::of(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        assert!(!cache.raise(place(1)));
        cache.prepare(&mut budget);
        (0..100).for_each(|number| cache.bury(place(number)));
        let seen = (0..100).filter(|&number| cache.raise(place(number))).count();
        assert!(seen > 80, "{seen}");
        assert_eq!((0..10_000).filter(|&number| cache.raise(place(number))).count(), 0);
    }
}
