//! The segments of all logs, in the order in which they were written to last: which one goes first is known at once.
//!
//! They stand in two such orders, that of all logs and that of their namespace. The segments of one log follow one
//! another in both, so that the oldest of all is always the first of its log.

use super::super::budget::{ALLOCATION_BYTES, Budget, Shortage, reserve_one};
use super::segment::Segment;

/// No segment.
const NONE: u32 = u32::MAX;

/// The place of a segment in one order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links {
    older: u32,
    newer: u32,
}

impl Links {
    pub(super) const NONE: Self = Self { older: NONE, newer: NONE };
}

/// One order: the two ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    oldest: u32,
    newest: u32,
}

impl Order {
    pub(super) const EMPTY: Self = Self { oldest: NONE, newest: NONE };

    /// The segment that was not written to for the longest time.
    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }
}

/// Which of its links an order uses.
pub(super) const OF_ALL: usize = 0;
pub(super) const OF_NAMESPACE: usize = 1;

/// All segments by number; the numbers of those that are gone are used again.
#[derive(Debug)]
pub(super) struct Segments {
    slots: Vec<Option<Segment>>,
    unused: Vec<u32>,
}

impl Segments {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), unused: Vec::new() }
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> &Segment {
        self.slots[number as usize].as_ref().expect("logs name the segments that are there")
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> &mut Segment {
        self.slots[number as usize].as_mut().expect("logs name the segments that are there")
    }

    /// Makes sure that [`Self::insert`] and a later [`Self::remove`] need no memory.
    pub(super) fn reserve(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        if !self.unused.is_empty() {
            return Ok(());
        }
        reserve_one(&mut self.slots, budget)?;
        let (old, new) = (self.unused.capacity(), self.slots.capacity());
        if old < new {
            budget.take(new * size_of::<u32>() + ALLOCATION_BYTES)?;
            // It is empty here, so this moves nothing.
            self.unused = Vec::with_capacity(new);
            budget.give(if old == 0 { 0 } else { old * size_of::<u32>() + ALLOCATION_BYTES });
        }
        Ok(())
    }

    /// What the lists count for.
    #[cfg(test)]
    pub(super) fn audit(&self) -> usize {
        let list = |capacity: usize, size: usize| if capacity == 0 { 0 } else { capacity * size + ALLOCATION_BYTES };
        list(self.slots.capacity(), size_of::<Option<Segment>>()) + list(self.unused.capacity(), size_of::<u32>())
    }

    /// Gives a segment a number.
    pub(super) fn insert(&mut self, segment: Segment) -> u32 {
        if let Some(number) = self.unused.pop() {
            self.slots[number as usize] = Some(segment);
            return number;
        }
        self.slots.push(Some(segment));
        (self.slots.len() - 1) as u32
    }

    /// Takes a segment that is in no order out.
    pub(super) fn remove(&mut self, number: u32) -> Segment {
        let segment = self.slots[number as usize].take().expect("logs name the segments that are there");
        self.unused.push(number);
        segment
    }

    /// Puts a segment at the end of an order in which it is not.
    pub(super) fn add_newest(&mut self, order: &mut Order, which: usize, number: u32) {
        self.get_mut(number).links[which] = Links { older: order.newest, newer: NONE };
        match order.newest {
            NONE => order.oldest = number,
            newest => self.get_mut(newest).links[which].newer = number,
        }
        order.newest = number;
    }

    /// Takes a segment out of an order.
    pub(super) fn leave(&mut self, order: &mut Order, which: usize, number: u32) {
        let Links { older, newer } = self.get(number).links[which];
        match older {
            NONE => order.oldest = newer,
            older => self.get_mut(older).links[which].newer = newer,
        }
        match newer {
            NONE => order.newest = older,
            newer => self.get_mut(newer).links[which].older = older,
        }
    }

    /// A segment was written to.
    #[inline]
    pub(super) fn renew(&mut self, order: &mut Order, which: usize, number: u32) {
        if order.newest != number {
            self.leave(order, which, number);
            self.add_newest(order, which, number);
        }
    }
}
