//! The open calls of a connection: what is kept for each, in slots that are used again, found by identifier.
//!
//! Identifiers are our own and count up by two, so that half of one is as good as a hash.

use std::ops::{Index, IndexMut};

use crate::h2::event::StreamRef;
use crate::h2::flow::{SendWindow, StreamReceiveWindow};
use crate::h2::inbound::Inbound;
use crate::h2::outbound::Outbound;

/// Entries of the smallest index.
const INDEX_ENTRIES_MIN: usize = 8;

/// How far the reply has come (RFC 9113 §8.1).
///
/// ```text
///              HEADERS              HEADERS with END_STREAM
///   Awaited ----------> Messages ----------------------------> (gone)
///      |                    | reset, limit, deadline, end of the connection
///      | the same, and      v
///      | trailers alone    Over --its Finished event is polled--> (gone)
///      +-------------------^
/// ```
///
/// What is over only because we or the connection ended it keeps its slot until the application has heard of it, so
/// that no new call is taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Awaited,
    Messages,
    Over,
}

/// What is kept for a call.
#[derive(Debug)]
pub(super) struct Call {
    /// The identifier; 0 marks a free slot.
    pub(super) id: u32,
    pub(super) reply: Reply,
    /// The method's reply is one message, and whether that has come.
    pub(super) is_single: bool,
    pub(super) has_message: bool,
    /// The caller wants to hear of the response headers.
    pub(super) wants_headers: bool,
    /// The caller takes no messages for now.
    pub(super) is_held_back: bool,
    /// The caller has ended its messages, and whether END_STREAM is out.
    pub(super) is_closing: bool,
    pub(super) has_ended: bool,
    /// `u64::MAX`: none.
    pub(super) deadline_ns: u64,
    /// What a `content-length` still promises.
    pub(super) content_bytes_left: Option<u64>,
    pub(super) receive_window: StreamReceiveWindow,
    pub(super) send_window: SendWindow,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
}

/// The table of open calls. It grows with the number of calls open at a time, which its owner bounds.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Call>,
    free: Vec<u32>,
    /// Slot plus one, or 0; a power of two long, at most half full.
    index: Vec<u32>,
    open: usize,
}

impl Calls {
    /// Calls in the table.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// The slot of a call that is not over, by its identifier.
    #[inline]
    pub(super) fn find(&self, id: u32) -> Option<usize> {
        if self.open == 0 {
            return None;
        }
        let mask = self.index.len() - 1;
        let mut at = home(id, mask);
        loop {
            let slot = (self.index[at] as usize).checked_sub(1)?;
            if self.slots[slot].id == id {
                return Some(slot).filter(|&slot| self.slots[slot].reply != Reply::Over);
            }
            at = (at + 1) & mask;
        }
    }

    /// The slot of a call that is not over.
    #[inline]
    pub(super) fn resolve(&self, call: StreamRef) -> Option<usize> {
        let slot = call.slot as usize;
        let found = self.slots.get(slot)?;
        (found.id == call.id && call.id != 0 && found.reply != Reply::Over).then_some(slot)
    }

    /// The name of the call in a slot.
    #[inline]
    pub(super) fn reference(&self, slot: usize) -> StreamRef {
        StreamRef { id: self.slots[slot].id, slot: slot as u32 }
    }

    /// Takes up a call whose identifier is not in the table.
    pub(super) fn insert(&mut self, call: Call) -> usize {
        let id = call.id;
        debug_assert!(id != 0, "0 marks a free slot");
        if (self.open + 1) * 2 > self.index.len() {
            self.grow();
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = call;
                slot as usize
            }
            None => {
                self.slots.push(call);
                self.slots.len() - 1
            }
        };
        self.open += 1;
        self.enter(id, slot);
        slot
    }

    /// Frees a slot.
    pub(super) fn remove(&mut self, slot: usize) {
        let id = std::mem::take(&mut self.slots[slot].id);
        debug_assert_ne!(id, 0, "a slot is freed once");
        self.open -= 1;
        self.free.push(slot as u32);
        self.leave(id, slot);
    }

    /// Every call that is not over.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        self.slots.iter_mut().filter(|call| call.id != 0 && call.reply != Reply::Over)
    }

    /// The slots of every call that is not over and that `wanted` picks.
    pub(super) fn slots(&self, wanted: impl Fn(&Call) -> bool) -> Vec<usize> {
        let is_wanted = |call: &Call| call.id != 0 && call.reply != Reply::Over && wanted(call);
        (0..self.slots.len()).filter(|&slot| is_wanted(&self.slots[slot])).collect()
    }

    fn enter(&mut self, id: u32, slot: usize) {
        let mask = self.index.len() - 1;
        let mut at = home(id, mask);
        while self.index[at] != 0 {
            at = (at + 1) & mask;
        }
        self.index[at] = slot as u32 + 1;
    }

    /// Removes an entry and moves those behind it up, so that no walk breaks off early.
    fn leave(&mut self, id: u32, slot: usize) {
        let mask = self.index.len() - 1;
        let mut hole = home(id, mask);
        while self.index[hole] as usize != slot + 1 {
            hole = (hole + 1) & mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let Some(other) = (self.index[at] as usize).checked_sub(1) else { break };
            let distance_home = at.wrapping_sub(home(self.slots[other].id, mask)) & mask;
            if distance_home >= (at.wrapping_sub(hole) & mask) {
                self.index[hole] = self.index[at];
                hole = at;
            }
        }
        self.index[hole] = 0;
    }

    fn grow(&mut self) {
        let entries = (self.index.len() * 2).max(INDEX_ENTRIES_MIN);
        self.index.clear();
        self.index.resize(entries, 0);
        for slot in 0..self.slots.len() {
            if self.slots[slot].id != 0 {
                self.enter(self.slots[slot].id, slot);
            }
        }
    }
}

#[inline]
fn home(id: u32, mask: usize) -> usize {
    (id >> 1) as usize & mask
}

impl Index<usize> for Calls {
    type Output = Call;

    #[inline]
    fn index(&self, slot: usize) -> &Call {
        &self.slots[slot]
    }
}

impl IndexMut<usize> for Calls {
    #[inline]
    fn index_mut(&mut self, slot: usize) -> &mut Call {
        &mut self.slots[slot]
    }
}
