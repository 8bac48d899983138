//! The logs of one shard's store: one for each topic of a namespace, records with consecutive offsets.
//!
//! ```text
//! table: hash of (namespace, topic) ─► log ─► chain of segments ─► records back to back
//!                                                  └► order of all segments by their last write: the oldest goes first
//! ```
//! An append copies the record once, to the end of the log's last segment, and allocates nothing but a segment now and
//! then. Whole segments are given back from the front: when the log holds more than its namespace's retention, when
//! they are older than that allows, when all logs hold half of the store's memory, and when a trim has passed them. A
//! trim is exact; what lies below it in a segment cannot be read any more.

mod append;
mod chain;
mod order;
mod page;
mod read;
mod retain;
mod segment;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use super::budget::{Budget, Shortage, reserve_one};
use super::place::Place;
use super::table::{Found, Table};
use super::word::{OFFSET_STEP, Reference};
use crate::limits::{LOGS_MAX, PAGE_BYTES};
pub use append::Appended;
use chain::{Log, name_cost_bytes};
use order::{Order, Segments};
pub use page::Page;
pub(super) use read::Reading;
pub use read::Records;

/// What the logs of a namespace keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The most bytes that one log holds, everything included that is needed to find its records.
    pub bytes_max: usize,
    /// How long a record is kept, give or take an eighth, in nanoseconds; 0: no limit.
    pub age_max_ns: u64,
}

impl Retention {
    /// What is kept where nothing else is said.
    pub const DEFAULT: Self = Self { bytes_max: 64 << 20, age_max_ns: 0 };
}

/// Where a log is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) namespace: u16,
    /// The hash of the topic in its namespace.
    pub(super) hash: u64,
    pub(super) topic: &'a [u8],
}

/// Why a record was not appended, or a log not created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no memory for it.
    Short(Shortage),
    /// Alone it is more than its log may hold.
    TooLarge,
    /// There are [`LOGS_MAX`] logs.
    TooMany,
}

impl From<Shortage> for Refusal {
    fn from(shortage: Shortage) -> Self {
        Self::Short(shortage)
    }
}

/// Where a log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// The lowest offset that can be read.
    pub earliest: u64,
    /// The offset that is written next.
    pub latest: u64,
}

/// The logs of one namespace.
#[derive(Debug)]
struct Namespace {
    retention: Retention,
    order: Order,
}

/// All logs of one shard's store.
#[derive(Debug)]
pub(super) struct Logs {
    table: Table,
    logs: Vec<Log>,
    segments: Segments,
    order: Order,
    namespaces: Vec<Namespace>,
    /// Namespaces whose records age.
    aging: Vec<u16>,
    /// The first of these to look at.
    aging_next: usize,
    /// Logs with segments that are wholly trimmed.
    trimmed: Vec<u32>,
    /// What all of this counts for.
    held_bytes: usize,
    bytes_max: usize,
}

impl Logs {
    /// No logs, which will hold `bytes_max` together.
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self {
            table: Table::new(),
            logs: Vec::new(),
            segments: Segments::new(),
            order: Order::EMPTY,
            namespaces: Vec::new(),
            aging: Vec::new(),
            aging_next: 0,
            trimmed: Vec::new(),
            held_bytes: 0,
            bytes_max,
        }
    }

    /// There are at least so many namespaces.
    pub(super) fn extend_namespaces(&mut self, budget: &mut Budget, namespaces: u16) {
        while self.namespaces.len() < usize::from(namespaces) {
            // A bound too small for this leaves room for nothing, and every write will say so.
            let _ = budget.take(size_of::<Namespace>());
            self.namespaces.push(Namespace { retention: Retention::DEFAULT, order: Order::EMPTY });
        }
    }

    /// What the logs of each namespace keep from now on.
    pub(super) fn set_retention(&mut self, budget: &mut Budget, retentions: &[Retention]) {
        self.extend_namespaces(budget, retentions.len() as u16);
        for (namespace, retention) in self.namespaces.iter_mut().zip(retentions) {
            namespace.retention = *retention;
        }
        let ages = self.namespaces.iter().enumerate().filter(|(_, namespace)| namespace.retention.age_max_ns > 0);
        self.aging = ages.map(|(index, _)| index as u16).collect();
        self.aging_next = 0;
    }

    /// Bytes held, everything included.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The bound on them.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.logs.len()
    }

    /// Whether logs have less room within their own bound than there is in the store.
    pub(super) fn is_bound_tighter(&self, budget: &Budget) -> bool {
        self.bytes_max - self.held_bytes.min(self.bytes_max) <= budget.room_bytes()
    }

    /// Whether so many bytes could be held if all segments went.
    pub(super) fn may_hold(&self, budget: &Budget, bytes: usize) -> bool {
        bytes <= self.bytes_max.min(self.held_bytes + budget.room_bytes())
    }

    /// Where a log begins and ends; an absent one is empty.
    pub(super) fn bounds(&self, address: &Address<'_>) -> Bounds {
        let Some(number) = self.find(address) else { return Bounds::default() };
        let log = &self.logs[number];
        Bounds { earliest: log.low, latest: log.next }
    }

    /// Makes sure that the log is there.
    pub(super) fn create(&mut self, budget: &mut Budget, address: &Address<'_>) -> Result<Bounds, Refusal> {
        self.counted(budget, |logs, budget| logs.find_or_create(budget, address))?;
        Ok(self.bounds(address))
    }

    fn find(&self, address: &Address<'_>) -> Option<usize> {
        self.find_entry(address).map(|(_, number)| number)
    }

    fn find_entry(&self, address: &Address<'_>) -> Option<(Found, usize)> {
        let found = self.table.find(Place::of(address.hash), |reference| {
            let number = number_of(reference);
            let log = &self.logs[number];
            (*log.topic == *address.topic && log.namespace == address.namespace).then_some(number)
        });
        found.map(|(found, _, number)| (found, number))
    }

    fn find_or_create(&mut self, budget: &mut Budget, address: &Address<'_>) -> Result<usize, Refusal> {
        if let Some(number) = self.find(address) {
            return Ok(number);
        }
        let number = self.logs.len();
        if number == LOGS_MAX {
            return Err(Refusal::TooMany);
        }
        reserve_one(&mut self.logs, budget)?;
        let place = Place::of(address.hash);
        self.table.make_room(place, budget)?;
        let name_bytes = name_cost_bytes(address.topic);
        budget.charged(address.namespace, name_bytes, |budget| budget.take(name_bytes))?;
        self.logs.push(Log::new(address.namespace, address.topic));
        self.table.insert(place, reference_of(number), false);
        Ok(number)
    }

    /// Takes back the log that was created last, which has no segment.
    #[cold]
    fn remove_last(&mut self, budget: &mut Budget, address: &Address<'_>) {
        let Some((found, number)) = self.find_entry(address) else { return };
        debug_assert_eq!(number + 1, self.logs.len());
        self.table.remove(found);
        let Some(mut log) = self.logs.pop() else { return };
        debug_assert!(log.chain.is_empty());
        log.release_chain(budget);
        let name_bytes = name_cost_bytes(&log.topic);
        budget.give(name_bytes);
        budget.credit(log.namespace, name_bytes);
    }

    /// What the logs of a namespace count for it, from what is there.
    #[cfg(test)]
    pub(super) fn held_bytes_of(&self, namespace: u16) -> usize {
        let logs = self.logs.iter().filter(|log| log.namespace == namespace);
        logs.map(|log| log.held_bytes + log.chain_bytes() + name_cost_bytes(&log.topic)).sum()
    }

    /// What [`Self::held_bytes`] should be, from what is there.
    #[cfg(test)]
    pub(super) fn audit(&self) -> usize {
        use super::budget::ALLOCATION_BYTES;
        let list = |capacity: usize, size: usize| if capacity == 0 { 0 } else { capacity * size + ALLOCATION_BYTES };
        let mut bytes = self.table.held_bytes() + self.segments.audit() + list(self.trimmed.capacity(), 4);
        bytes += list(self.logs.capacity(), size_of::<Log>());
        for log in &self.logs {
            let of_log = |number: &u32| segment::cost_bytes(self.segments.get(*number).capacity());
            let segments: usize = log.chain.iter().map(of_log).sum();
            assert_eq!(log.held_bytes, segments);
            bytes += segments + list(log.chain.capacity(), 4) + name_cost_bytes(&log.topic);
        }
        bytes
    }

    /// Does something that takes memory, within both bounds: the store's, and that of all logs together.
    fn counted<T>(&mut self, budget: &mut Budget, act: impl FnOnce(&mut Self, &mut Budget) -> T) -> T {
        let before = budget.used_bytes();
        let bytes_max = budget.narrow(self.bytes_max - self.held_bytes.min(self.bytes_max));
        let outcome = act(self, budget);
        budget.widen(bytes_max);
        self.held_bytes = self.held_bytes + budget.used_bytes() - before;
        outcome
    }
}

/// The table names records of pages; the number of a log takes the same bits.
fn reference_of(number: usize) -> Reference {
    Reference::new(number / (PAGE_BYTES / OFFSET_STEP), number % (PAGE_BYTES / OFFSET_STEP) * OFFSET_STEP)
}

fn number_of(reference: Reference) -> usize {
    reference.page() * (PAGE_BYTES / OFFSET_STEP) + reference.offset() / OFFSET_STEP
}
