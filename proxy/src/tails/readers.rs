//! What a shard keeps of the ends of logs that its own connections wait at.

use std::collections::{HashMap, VecDeque};

use prism_backends::memstore::Page;
use prism_shard::{Slab, SlabKey};

use super::LogName;
use super::deliver::counted_bytes;

/// A reader's place at a tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(super) tail: SlabKey,
    index: u32,
}

/// The end of a log with readers.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) log: LogName,
    pub(super) owner: u32,
    /// The log is known to be so long.
    pub(super) latest: u64,
    /// The pulls of the readers.
    seats: Vec<Option<SlabKey>>,
    unused: Vec<u32>,
    /// Pages on their way to them, in their order; bounded by what their owner has on its way.
    deliveries: VecDeque<Delivery>,
}

impl Tail {
    /// The reader in a seat; `None` beyond the last one.
    #[inline]
    pub(super) fn reader(&self, index: usize) -> Option<Option<SlabKey>> {
        self.seats.get(index).copied()
    }
}

/// A page on its way to the readers of a tail.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) page: Box<Page>,
    /// The next reader.
    pub(super) index: usize,
    pub(super) parts: Parts,
}

/// A page as its readers get it: written once for each kind of them.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) messages: Option<Vec<u8>>,
    pub(super) records: Option<Vec<u8>>,
}

/// The tails of one shard.
#[derive(Debug)]
pub(crate) struct Tails {
    tails: Slab<Tail>,
    by_hash: HashMap<u64, Vec<SlabKey>>,
    /// Tails with pages on their way, each once, and some that are gone: round and round.
    line: VecDeque<SlabKey>,
    /// The most bytes that were ever copied in one turn.
    pub(super) most_bytes: usize,
    /// Bytes of pages of each shard that are taken, and not told yet.
    pub(super) taken_bytes: Vec<usize>,
}

/// What came of taking a seat.
pub(super) enum Joined {
    /// Others sit there already; the log is known to be so long.
    Known(Seat),
    /// This is the first: the owner is to be told.
    First(Seat),
}

impl Tails {
    /// No tails; there will be no more than `tails_max`.
    pub(crate) fn new(tails_max: usize) -> Self {
        Self {
            tails: Slab::new(tails_max),
            by_hash: HashMap::new(),
            line: VecDeque::new(),
            most_bytes: 0,
            taken_bytes: Vec::new(),
        }
    }

    /// Whether nobody waits at the end of any log.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.tails.is_empty() && self.by_hash.is_empty() && self.line.is_empty()
    }

    pub(super) fn get(&self, key: SlabKey) -> Option<&Tail> {
        self.tails.get(key)
    }

    pub(super) fn get_mut(&mut self, key: SlabKey) -> Option<&mut Tail> {
        self.tails.get_mut(key)
    }

    /// Takes a seat; `None` when there are too many tails.
    pub(super) fn join(&mut self, log: LogName, owner: u32, pull: SlabKey) -> Option<Joined> {
        let keys = self.by_hash.get(&log.hash);
        let known = keys.into_iter().flatten().find(|key| self.tails.get(**key).is_some_and(|tail| tail.log == log));
        if let Some(&key) = known {
            let tail = self.tails.get_mut(key)?;
            let index = tail.unused.pop().unwrap_or_else(|| {
                tail.seats.push(None);
                (tail.seats.len() - 1) as u32
            });
            tail.seats[index as usize] = Some(pull);
            return Some(Joined::Known(Seat { tail: key, index }));
        }
        let hash = log.hash;
        let (seats, unused, deliveries) = (vec![Some(pull)], Vec::new(), VecDeque::new());
        let tail = Tail { log, owner, latest: 0, seats, unused, deliveries };
        let key = self.tails.insert(tail).ok()?;
        self.by_hash.entry(hash).or_default().push(key);
        Some(Joined::First(Seat { tail: key, index: 0 }))
    }

    /// Leaves a seat; returns the tail when it was the last one's.
    pub(super) fn leave(&mut self, seat: Seat) -> Option<Tail> {
        let tail = self.tails.get_mut(seat.tail)?;
        tail.seats[seat.index as usize] = None;
        tail.unused.push(seat.index);
        if tail.unused.len() < tail.seats.len() {
            return None;
        }
        let tail = self.tails.remove(seat.tail)?;
        for delivery in &tail.deliveries {
            self.took(tail.owner, counted_bytes(&delivery.page));
        }
        if let Some(keys) = self.by_hash.get_mut(&tail.log.hash) {
            keys.retain(|key| *key != seat.tail);
            if keys.is_empty() {
                self.by_hash.remove(&tail.log.hash);
            }
        }
        Some(tail)
    }

    /// How long the log is known to be at whose end somebody sits.
    pub(crate) fn latest(&self, seat: Seat) -> u64 {
        self.tails.get(seat.tail).map_or(0, |tail| tail.latest)
    }

    /// A page is on its way to the readers of a tail.
    pub(super) fn add_delivery(&mut self, key: SlabKey, page: Box<Page>) {
        let Some(tail) = self.tails.get_mut(key) else { return };
        if tail.deliveries.is_empty() {
            self.line.push_back(key);
        }
        tail.deliveries.push_back(Delivery { page, index: 0, parts: Parts::default() });
    }

    /// The page to go on with: each tail has its turn.
    pub(super) fn next_delivery(&mut self) -> Option<(SlabKey, Delivery)> {
        loop {
            let key = self.line.pop_front()?;
            if let Some(delivery) = self.tails.get_mut(key).and_then(|tail| tail.deliveries.pop_front()) {
                return Some((key, delivery));
            }
        }
    }

    /// What was made of a page in this turn: `unfinished` when not all readers have had it.
    pub(super) fn end_delivery(&mut self, key: SlabKey, unfinished: Option<Delivery>) {
        let Some(tail) = self.tails.get_mut(key) else { return };
        if let Some(delivery) = unfinished {
            tail.deliveries.push_front(delivery);
        }
        if !tail.deliveries.is_empty() {
            self.line.push_back(key);
        }
    }

    /// Whether pages are on their way.
    pub(super) fn has_deliveries(&self) -> bool {
        !self.line.is_empty()
    }

    /// Notes that a page of the owner was taken.
    pub(super) fn took(&mut self, owner: u32, bytes: usize) {
        let index = owner as usize;
        if self.taken_bytes.len() <= index {
            self.taken_bytes.resize(index + 1, 0);
        }
        self.taken_bytes[index] += bytes;
    }
}
