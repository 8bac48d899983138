//! The open streams of a connection: slots that are used again, found by identifier.
//!
//! The index is an open-addressed table of slots. Clients count their identifiers up by two, so that half the
//! identifier is as good as a hash. Whoever skips identifiers to make them collide, or has many streams that last, gets
//! a hash that depends on a secret, from the first long walk on.
//!
//! A call that comes whole and is answered at once never gets so far: it is *fresh*, a few words beside the table.
//! Before that it may have *begun*: those whose HEADERS came first, and whose DATA will come in the same order, stand
//! in a line. Every look into the table enters those that it could be about first, so that nobody else has to know.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};

use super::stream::{Begun, Fresh, Stream};
use crate::h2::event::StreamRef;

/// Entries of the smallest index.
const INDEX_ENTRIES_MIN: usize = 8;
/// Steps of a walk from which on identifiers are scattered.
const WALK_STEPS_MAX: usize = 32;

/// The table of open streams. It grows with the number of streams open at a time, which its owner bounds.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    slots: Vec<Stream>,
    free: Vec<u32>,
    /// Slot plus one, or 0; a power of two long, at most half full.
    index: Vec<u32>,
    /// Entries of the index that are not at the first place of their walk.
    displaced: usize,
    /// Streams in the table.
    entered: usize,
    fresh: Option<Fresh>,
    /// Calls that have begun, with identifiers that count up. No slot is theirs, and nobody has a name of them.
    begun: VecDeque<Begun>,
    /// What scatters the identifiers, unknown to the client.
    secret: u64,
    is_scattered: bool,
}

impl Streams {
    /// Sets the secret that scatters identifiers which a client has chosen to collide.
    pub(crate) fn set_secret(&mut self, secret: u64) {
        debug_assert!(!self.is_scattered, "the secret is set first");
        self.secret = secret;
    }

    /// Streams that are open.
    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.entered + self.begun.len() + usize::from(self.fresh.is_some())
    }

    /// Takes up a call whose identifier is higher than any before, without entering it.
    #[inline]
    pub(crate) fn begin(&mut self, begun: Begun) {
        debug_assert!(self.begun.back().is_none_or(|last| last.call.id < begun.call.id), "identifiers count up");
        self.begun.push_back(begun);
    }

    /// The call that begun first of those that are not entered.
    #[inline]
    pub(crate) fn first_begun(&self) -> Option<&Begun> {
        self.begun.front()
    }

    /// That call, which is whole now, to [`Self::begin_fresh`].
    #[inline(always)]
    pub(crate) fn take_first_begun(&mut self) -> Option<Begun> {
        self.begun.pop_front()
    }

    /// Takes up a whole call whose identifier is not in the table, without entering it.
    #[inline(always)]
    pub(crate) fn begin_fresh(&mut self, fresh: Fresh) -> StreamRef {
        self.settle();
        let slot = self.free.last().copied().unwrap_or(self.slots.len() as u32);
        let id = fresh.id;
        self.fresh = Some(fresh);
        StreamRef { id, slot }
    }

    /// The call, if it is fresh.
    #[inline]
    pub(crate) fn fresh(&self, stream: StreamRef) -> Option<&Fresh> {
        self.fresh.as_ref().filter(|fresh| fresh.id == stream.id)
    }

    /// The fresh call has been answered.
    #[inline]
    pub(crate) fn end_fresh(&mut self) {
        self.fresh = None;
    }

    /// Enters the fresh call, in the slot that [`Self::begin_fresh`] has named: nothing else was entered since.
    #[inline]
    fn settle(&mut self) {
        if let Some(fresh) = self.fresh.take() {
            self.enter_fresh(fresh);
        }
    }

    #[inline(never)]
    fn enter_fresh(&mut self, fresh: Fresh) {
        self.insert(Stream::from(fresh));
    }

    /// Enters the calls that have begun.
    #[inline]
    fn settle_begun(&mut self) {
        self.settle();
        if !self.begun.is_empty() {
            self.enter_begun();
        }
    }

    #[inline(never)]
    fn enter_begun(&mut self) {
        while let Some(begun) = self.begun.pop_front() {
            self.insert(Stream::from(begun));
        }
    }

    /// Whether it has begun and is not entered, as far as its identifier tells.
    #[inline]
    fn may_have_begun(&self, id: u32) -> bool {
        let (first, last) = (self.begun.front(), self.begun.back());
        first.is_some_and(|first| first.call.id <= id) && last.is_some_and(|last| id <= last.call.id)
    }

    /// A call that is in the table.
    #[inline]
    pub(crate) fn entered(&self, stream: StreamRef) -> Option<&Stream> {
        self.slots.get(stream.slot as usize).filter(|found| found.id == stream.id && stream.id != 0)
    }

    /// The slot of an identifier.
    #[inline]
    pub(crate) fn find(&mut self, id: u32) -> Option<usize> {
        self.settle();
        if self.may_have_begun(id) {
            self.settle_begun();
        }
        self.look_up(id)
    }

    /// The slot of an identifier that is in the table.
    #[inline]
    fn look_up(&self, id: u32) -> Option<usize> {
        if self.entered == 0 {
            return None;
        }
        let mask = self.index.len() - 1;
        let mut at = self.home(id, mask);
        loop {
            let slot = (self.index[at] as usize).checked_sub(1)?;
            if self.slots[slot].id == id {
                return Some(slot);
            }
            at = (at + 1) & mask;
        }
    }

    /// The slot of a call that is still open.
    #[inline]
    pub(crate) fn resolve(&mut self, stream: StreamRef) -> Option<usize> {
        self.settle();
        self.entered(stream).map(|_| stream.slot as usize)
    }

    /// The name of the stream in a slot.
    pub(crate) fn reference(&self, slot: usize) -> StreamRef {
        StreamRef { id: self.slots[slot].id, slot: slot as u32 }
    }

    /// Takes up a stream whose identifier is not in the table.
    pub(crate) fn insert(&mut self, stream: Stream) -> usize {
        self.settle();
        let id = stream.id;
        debug_assert!(id != 0 && self.look_up(id).is_none(), "identifiers are used once");
        if (self.entered + 1) * 2 > self.index.len() {
            self.grow();
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = stream;
                slot as usize
            }
            None => {
                self.slots.push(stream);
                self.slots.len() - 1
            }
        };
        self.entered += 1;
        if self.enter(id, slot) > WALK_STEPS_MAX && !self.is_scattered {
            self.is_scattered = true;
            self.build(self.index.len());
        }
        slot
    }

    /// Frees a slot.
    pub(crate) fn remove(&mut self, slot: usize) {
        let id = std::mem::take(&mut self.slots[slot].id);
        debug_assert_ne!(id, 0, "a slot is freed once");
        self.entered -= 1;
        self.free.push(slot as u32);
        self.leave(id, slot);
    }

    /// Whether a fresh call has not been answered.
    pub(crate) fn has_fresh(&self) -> bool {
        self.fresh.is_some()
    }

    /// Every open stream but those that are fresh or have only begun.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.slots.iter().filter(|stream| stream.id != 0)
    }

    /// Every open stream.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.settle_begun();
        self.slots.iter_mut().filter(|stream| stream.id != 0)
    }

    /// Places for streams, open or not, that a walk over all looks at.
    pub(crate) fn places(&self) -> usize {
        self.slots.len() + self.begun.len()
    }

    /// Gives back memory that only many calls at a time need.
    pub(crate) fn trim(&mut self) {
        if self.open() == 0 {
            self.clear();
        } else if self.begun.is_empty() {
            self.begun = VecDeque::new();
        }
    }

    /// The slots of every open stream, the oldest first: how the streams came by their slots is nobody's concern.
    pub(crate) fn slots(&mut self) -> Vec<usize> {
        self.slots_of(|_| true)
    }

    /// The same of the streams that `wanted` takes, which costs little when these are few.
    pub(crate) fn slots_of(&mut self, wanted: impl Fn(&Stream) -> bool) -> Vec<usize> {
        self.settle_begun();
        let places = self.slots.iter().enumerate().filter(|(_, stream)| stream.id != 0 && wanted(stream));
        let mut slots: Vec<usize> = places.map(|(slot, _)| slot).collect();
        slots.sort_unstable_by_key(|&slot| self.slots[slot].id);
        slots
    }

    /// Forgets all streams.
    pub(crate) fn clear(&mut self) {
        *self = Self { secret: self.secret, ..Self::default() };
    }

    /// Enters a slot; how many steps that took.
    fn enter(&mut self, id: u32, slot: usize) -> usize {
        let mask = self.index.len() - 1;
        let start = self.home(id, mask);
        let mut at = start;
        while self.index[at] != 0 {
            at = (at + 1) & mask;
        }
        self.index[at] = slot as u32 + 1;
        self.displaced += usize::from(at != start);
        at.wrapping_sub(start) & mask
    }

    /// Removes an entry and moves those behind it up, so that no walk breaks off early.
    fn leave(&mut self, id: u32, slot: usize) {
        let mask = self.index.len() - 1;
        let home = self.home(id, mask);
        let mut hole = home;
        while self.index[hole] as usize != slot + 1 {
            hole = (hole + 1) & mask;
        }
        self.displaced -= usize::from(hole != home);
        // Identifiers that count up lie side by side, each in its place: a walk would pass all of them and move none.
        if self.displaced == 0 {
            self.index[hole] = 0;
            return;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let Some(other) = (self.index[at] as usize).checked_sub(1) else { break };
            let home = self.home(self.slots[other].id, mask);
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.displaced -= usize::from(hole == home);
                self.index[hole] = self.index[at];
                hole = at;
            }
        }
        self.index[hole] = 0;
    }

    fn grow(&mut self) {
        self.build((self.index.len() * 2).max(INDEX_ENTRIES_MIN));
    }

    /// Enters every open stream into an index of so many entries.
    #[cold]
    fn build(&mut self, entries: usize) {
        self.index.clear();
        self.index.resize(entries, 0);
        self.displaced = 0;
        for slot in 0..self.slots.len() {
            if self.slots[slot].id != 0 {
                self.enter(self.slots[slot].id, slot);
            }
        }
    }

    #[inline]
    fn home(&self, id: u32, mask: usize) -> usize {
        if self.is_scattered { scattered(id, self.secret) & mask } else { (id >> 1) as usize & mask }
    }
}

/// An identifier's hash: two rounds of multiplying by a number that the secret decides.
#[cold]
fn scattered(id: u32, secret: u64) -> usize {
    let round = |value: u64, multiplier: u64| {
        let product = u128::from(value) * u128::from(multiplier | 1);
        (product >> 64) as u64 ^ product as u64
    };
    round(round(u64::from(id) ^ secret, secret.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15), secret) as usize
}

impl Index<usize> for Streams {
    type Output = Stream;

    #[inline]
    fn index(&self, slot: usize) -> &Stream {
        &self.slots[slot]
    }
}

impl IndexMut<usize> for Streams {
    #[inline]
    fn index_mut(&mut self, slot: usize) -> &mut Stream {
        &mut self.slots[slot]
    }
}

#[cfg(test)]
pub(crate) mod tests;
