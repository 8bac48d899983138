//! The timers of one store: a hierarchical wheel, whose hands move only as far as somebody turns them.
//!
//! ```text
//! level 0: 64 slots of 1 ms │ level 1: 64 of 64 ms │ level 2: 64 of 4 s │ ... │ level 7: 64 of 140 years
//! ```
//!
//! A timer lies at the level of the highest digit, to the base 64, in which its tick differs from the present one, in
//! the slot of that digit. So it needs no calculation when time passes: when the present reaches a slot, its timers
//! move to lower levels, one by one, and those at the lowest are due. A timer moves at most once for each level.
//!
//! Timers lie densely in pages and are linked through their numbers; a record knows the number of its timer. So a timer
//! is cancelled at once, none is ever left behind, and a timer that gives up its place lets the last one move in.
//!
//! The wheel does not know when a timer's record expires: whoever turns it says so. A record that expires later than it
//! did keeps its timer where it is; when that is due too early, it is set anew.

use super::budget::{ALLOCATION_BYTES, Budget, Shortage, reserve_one};
use super::word::Reference;
use crate::limits::TIMERS_PER_PAGE;

const DIGIT_BITS: u32 = 6;
/// Slots of one level.
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 8;
/// Ticks beyond this are as good as never: 8,900 years of milliseconds.
const TICK_MAX: u64 = (1 << (DIGIT_BITS * LEVELS as u32)) - 1;
/// One tick.
const TICK_NS: u64 = 1_000_000;
/// No timer.
const NONE: u32 = u32::MAX;
/// In place of the timer before: this one is the first of its slot.
const FIRST: u32 = NONE - 1;
/// What a timer counts for its key's namespace.
pub(super) const TIMER_BYTES: usize = 16;
const PAGE_COST_BYTES: usize = TIMERS_PER_PAGE * size_of::<Timer>() + ALLOCATION_BYTES;

/// The first tick at which what expires then has expired.
pub(super) fn tick_after(expiry_ns: u64) -> u64 {
    expiry_ns.div_ceil(TICK_NS).min(TICK_MAX)
}

/// The tick that has come.
pub(super) fn tick_at(now_ns: u64) -> u64 {
    (now_ns / TICK_NS).min(TICK_MAX)
}

#[derive(Debug, Clone, Copy)]
struct Timer {
    next: u32,
    previous: u32,
    reference_low: u32,
    reference_high: u8,
    /// Level and slot.
    slot: u16,
}

const _: () = assert!(size_of::<Timer>() == TIMER_BYTES);

impl Timer {
    fn reference(&self) -> Reference {
        Reference::from_bits(u64::from(self.reference_high) << 32 | u64::from(self.reference_low))
    }
}

/// The slots, allocated with the first timer.
#[derive(Debug)]
struct Slots {
    first: [u32; SLOTS * LEVELS],
    count: [u32; SLOTS * LEVELS],
}

/// What one step of the wheel has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is due.
    Idle,
    /// A timer came nearer.
    Nearer,
    /// This timer is due; it is to be removed, or set anew.
    Due(u32, Reference),
}

/// The timers of one store.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Option<Box<Slots>>,
    /// For each level its slots that have timers.
    occupied: [u64; LEVELS],
    pages: Vec<Box<[Timer]>>,
    timers: usize,
    /// The present tick: no timer lies in a slot before it.
    present: u64,
}

/// The digit of a tick at a level.
fn digit(tick: u64, level: usize) -> usize {
    (tick >> (DIGIT_BITS * level as u32)) as usize & (SLOTS - 1)
}

impl Wheel {
    pub(super) const fn new() -> Self {
        Self { slots: None, occupied: [0; LEVELS], pages: Vec::new(), timers: 0, present: 0 }
    }

    /// Makes sure that the next [`Self::insert`] needs no memory.
    pub(super) fn reserve(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        if self.slots.is_none() {
            budget.take(size_of::<Slots>() + ALLOCATION_BYTES)?;
            self.slots = Some(Box::new(Slots { first: [NONE; SLOTS * LEVELS], count: [0; SLOTS * LEVELS] }));
        }
        if self.timers < self.pages.len() * TIMERS_PER_PAGE {
            return Ok(());
        }
        if self.timers + TIMERS_PER_PAGE > FIRST as usize {
            return Err(Shortage::Memory);
        }
        reserve_one(&mut self.pages, budget)?;
        budget.take(PAGE_COST_BYTES)?;
        let unused = Timer { next: NONE, previous: NONE, reference_low: 0, reference_high: 0, slot: 0 };
        self.pages.push(vec![unused; TIMERS_PER_PAGE].into_boxed_slice());
        Ok(())
    }

    /// How many there are.
    pub(super) fn timers(&self) -> usize {
        self.timers
    }

    /// The number of the timer that is inserted next.
    pub(super) fn next_number(&self) -> u32 {
        self.timers as u32
    }

    /// Sets a timer for the record at `reference`, after a successful [`Self::reserve`].
    pub(super) fn insert(&mut self, reference: Reference, tick: u64) {
        let number = self.next_number();
        self.timers += 1;
        self.set_reference(number, reference);
        self.link(number, tick);
    }

    /// Removes a timer. Another may get its number: which record's is returned, and is to be written into that record.
    pub(super) fn remove(&mut self, budget: &mut Budget, number: u32) -> Option<Reference> {
        self.unlink(number);
        self.timers -= 1;
        let last = self.timers as u32;
        let moved = (number != last).then(|| {
            let timer = *self.timer(last);
            *self.timer_mut(number) = timer;
            if timer.previous == FIRST {
                self.slots_mut().first[usize::from(timer.slot)] = number;
            } else {
                self.timer_mut(timer.previous).next = number;
            }
            if timer.next != NONE {
                self.timer_mut(timer.next).previous = number;
            }
            timer.reference()
        });
        // A page is kept, so that a timer more and less does not allocate and free each time.
        if self.timers + 2 * TIMERS_PER_PAGE <= self.pages.len() * TIMERS_PER_PAGE {
            self.drop_page(budget);
        }
        moved
    }

    fn drop_page(&mut self, budget: &mut Budget) {
        self.pages.pop();
        budget.give(PAGE_COST_BYTES);
    }

    /// The records of all timers.
    #[cfg(test)]
    pub(super) fn records(&self) -> impl Iterator<Item = Reference> + '_ {
        (0..self.timers as u32).map(|number| self.timer(number).reference())
    }

    /// Gives back a page without timers; false when there is none.
    #[cfg(test)]
    fn drop_spare(&mut self, budget: &mut Budget) -> bool {
        let has_one = self.timers + TIMERS_PER_PAGE <= self.pages.len() * TIMERS_PER_PAGE;
        if has_one {
            self.drop_page(budget);
        }
        has_one
    }

    /// What it counts for, from what is there.
    #[cfg(test)]
    pub(super) fn audit(&self) -> usize {
        let slots = if self.slots.is_some() { size_of::<Slots>() + ALLOCATION_BYTES } else { 0 };
        let list = if self.pages.capacity() == 0 { 0 } else { ALLOCATION_BYTES };
        slots + self.pages.len() * PAGE_COST_BYTES + self.pages.capacity() * size_of::<Box<[Timer]>>() + list
    }

    /// The record of a timer.
    #[cfg(test)]
    pub(super) fn reference_of(&self, number: u32) -> Reference {
        assert!((number as usize) < self.timers);
        self.timer(number).reference()
    }

    /// Sets a timer anew.
    pub(super) fn set(&mut self, number: u32, tick: u64) {
        self.unlink(number);
        self.link(number, tick);
    }

    /// Sets a timer anew if its slot is not that of `tick` any more.
    pub(super) fn refresh(&mut self, number: u32, tick: u64) {
        if self.place(tick) != usize::from(self.timer(number).slot) {
            self.set(number, tick);
        }
    }

    /// Some timers with their records, at most `timers_max`: those whose slots come first.
    pub(super) fn first(&self, timers_max: usize) -> Vec<(u32, Reference)> {
        let path = (0..LEVELS).rev().map(|level| (level, 1 << digit(self.present, level)));
        let later = (0..LEVELS).map(|level| (level, (!0 << digit(self.present, level)) << 1));
        let mut found = Vec::new();
        for (level, mask) in path.chain(later) {
            let mut slots = self.occupied[level] & mask;
            while slots != 0 {
                let slot = level * SLOTS + slots.trailing_zeros() as usize;
                slots &= slots - 1;
                let mut number = self.slots.as_ref().map_or(NONE, |slots| slots.first[slot]);
                while number != NONE {
                    if found.len() == timers_max {
                        return found;
                    }
                    found.push((number, self.timer(number).reference()));
                    number = self.timer(number).next;
                }
            }
        }
        found
    }

    /// The record of a timer has moved.
    pub(super) fn set_reference(&mut self, number: u32, reference: Reference) {
        let (timer, bits) = (self.timer_mut(number), reference.to_bits());
        timer.reference_low = bits as u32;
        timer.reference_high = (bits >> 32) as u8;
    }

    /// Goes on towards `tick` by one timer at most, and to `tick` when none is in the way. `tick_of` says when the
    /// record at a reference expires.
    pub(super) fn step(&mut self, tick: u64, tick_of: impl Fn(Reference) -> u64) -> Step {
        loop {
            // What lies on the way of the present moves down first: nothing else may be due before.
            let path = (0..LEVELS).rev().find(|&level| self.occupied[level] & 1 << digit(self.present, level) != 0);
            if let Some(level) = path {
                let slot = level * SLOTS + digit(self.present, level);
                let number = self.slots.as_ref().map_or(NONE, |slots| slots.first[slot]);
                let reference = self.timer(number).reference();
                let due = tick_of(reference);
                // What is due already need not come nearer first.
                if level == 0 || due <= tick {
                    return Step::Due(number, reference);
                }
                self.set(number, due);
                return Step::Nearer;
            }
            match self.next_slot() {
                Some(start) if start <= tick => self.present = start,
                _ => {
                    self.present = self.present.max(tick);
                    return Step::Idle;
                }
            }
        }
    }

    /// When the first slot after the present begins that has timers.
    fn next_slot(&self) -> Option<u64> {
        (0..LEVELS).find_map(|level| {
            let at = digit(self.present, level);
            // Shifted by two steps, for the last slot has none after it.
            let later = self.occupied[level] & (!0 << at) << 1;
            let shift = DIGIT_BITS * level as u32;
            let above = self.present >> shift >> DIGIT_BITS << DIGIT_BITS;
            (later != 0).then(|| (above | u64::from(later.trailing_zeros())) << shift)
        })
    }

    /// Timers whose slot has begun by `tick`: those that are due, and some that will be soon.
    pub(super) fn backlog(&self, tick: u64) -> u64 {
        let Some(slots) = self.slots.as_ref() else { return 0 };
        let has_begun = |level: usize, slot: usize| {
            let shift = DIGIT_BITS * level as u32;
            let above = self.present >> shift >> DIGIT_BITS << DIGIT_BITS;
            (above | slot as u64) << shift <= tick
        };
        let counts = (0..LEVELS).flat_map(|level| (0..SLOTS).map(move |slot| (level, slot)));
        let begun = counts.filter(|&(level, slot)| self.occupied[level] & 1 << slot != 0 && has_begun(level, slot));
        begun.map(|(level, slot)| u64::from(slots.count[level * SLOTS + slot])).sum()
    }

    fn link(&mut self, number: u32, tick: u64) {
        let slot = self.place(tick);
        self.occupied[slot / SLOTS] |= 1 << (slot % SLOTS);
        let slots = self.slots_mut();
        slots.count[slot] += 1;
        let next = std::mem::replace(&mut slots.first[slot], number);
        if next != NONE {
            self.timer_mut(next).previous = number;
        }
        let timer = self.timer_mut(number);
        (timer.next, timer.previous, timer.slot) = (next, FIRST, slot as u16);
    }

    /// The slot of a tick, counted over all levels.
    fn place(&self, tick: u64) -> usize {
        let tick = tick.max(self.present);
        let level = ((tick ^ self.present).checked_ilog2().unwrap_or(0) / DIGIT_BITS) as usize;
        level * SLOTS + digit(tick, level)
    }

    fn unlink(&mut self, number: u32) {
        let Timer { next, previous, slot, .. } = *self.timer(number);
        let slot = usize::from(slot);
        let slots = self.slots_mut();
        slots.count[slot] -= 1;
        if previous == FIRST {
            slots.first[slot] = next;
            if next == NONE {
                self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
            }
        } else {
            self.timer_mut(previous).next = next;
        }
        if next != NONE {
            self.timer_mut(next).previous = previous;
        }
    }

    fn slots_mut(&mut self) -> &mut Slots {
        self.slots.as_mut().expect("the slots are there since the first timer was")
    }

    fn timer(&self, number: u32) -> &Timer {
        &self.pages[number as usize / TIMERS_PER_PAGE][number as usize % TIMERS_PER_PAGE]
    }

    fn timer_mut(&mut self, number: u32) -> &mut Timer {
        &mut self.pages[number as usize / TIMERS_PER_PAGE][number as usize % TIMERS_PER_PAGE]
    }
}

#[cfg(test)]
mod tests;
