//! What a shard counts about itself: written by its own thread, read by any, without contention.
//!
//! It does not count calls. What an application counts stands beside it, under the application's names
//! ([`crate::Application::COUNTERS`]), so that one table has everything with its name and its help.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

macro_rules! counters {
    ($($name:ident, $text:literal, $doc:literal;)*) => {
        /// One thing that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Counter { $(#[doc = $doc] $name,)* }

        impl Counter {
            /// All of them, in the order of [`Snapshot`].
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in snake case, as a metric would have it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it counts, in one sentence.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

counters! {
    Turns, "turns", "Turns of the loop.";
    Enters, "enters", "Calls of io_uring_enter.";
    Parks, "parks", "Turns that ended waiting for an event.";
    Receives, "receives", "Receive completions that carried bytes.";
    ReceivedBytes, "received_bytes", "Bytes received.";
    ReceiveBufferMisses, "receive_buffer_misses", "Receives that ended because every provided buffer was in use.";
    Sends, "sends", "Send operations submitted.";
    ShortSends, "short_sends", "Sends that took only a part of their bytes.";
    SentBytes, "sent_bytes", "Bytes sent.";
    Accepted, "accepted", "Connections accepted by this shard's listeners, for whichever shard.";
    AcceptFailures, "accept_failures", "Accepts that failed for want of descriptors or memory.";
    Opened, "opened", "Connections placed on this shard.";
    Closed, "closed", "Connections of this shard that were closed.";
    Paused, "paused", "Times that a peer was no longer read because its output was not taken.";
    ParcelsSent, "parcels_sent", "Parcels pushed to other shards.";
    ParcelsReceived, "parcels_received", "Parcels taken from other shards.";
    MeshFull, "mesh_full", "Parcels given back because the other shard's queue was full.";
    WakesSent, "wakes_sent", "Wake-ups sent to other shards.";
    WakesReceived, "wakes_received", "Wake-ups received.";
    Errands, "errands", "Controls and sockets taken from the control lane.";
    Timers, "timers", "Timers that fired.";
    CallsAgain, "calls_again", "Times that the application asked to go on with a peer in the next turn.";
}

const COUNT: usize = Counter::ALL.len();

/// A counter's name in snake case, and what it counts.
pub type CounterText = (&'static str, &'static str);

/// The cells of one shard, shared between its thread and those who read.
#[derive(Debug)]
pub(crate) struct Cells {
    runtime: [AtomicU64; COUNT],
    own: Box<[AtomicU64]>,
    own_texts: &'static [CounterText],
}

impl Cells {
    pub(crate) fn shared(own_texts: &'static [CounterText]) -> Arc<CachePadded<Self>> {
        let runtime = std::array::from_fn(|_| AtomicU64::new(0));
        let own = own_texts.iter().map(|_| AtomicU64::new(0)).collect();
        Arc::new(CachePadded::new(Self { runtime, own, own_texts }))
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let own = self.own.iter().map(|cell| cell.load(Ordering::Relaxed)).collect();
        let runtime = std::array::from_fn(|index| self.runtime[index].load(Ordering::Relaxed));
        Snapshot { runtime, own, own_texts: self.own_texts }
    }
}

/// What every shard has counted, for any thread; cheap to clone, and still there when the shards have stopped.
#[derive(Debug, Clone)]
pub struct Statistics(pub(crate) Vec<Arc<CachePadded<Cells>>>);

impl Statistics {
    /// What stands there now, for each shard.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.0.iter().map(|cells| cells.snapshot()).collect()
    }
}

/// The writing end: one for each shard, used by its thread only, so an addition is a load and a store.
#[derive(Debug)]
pub struct Counters(Arc<CachePadded<Cells>>);

impl Counters {
    pub(crate) fn new(cells: Arc<CachePadded<Cells>>) -> Self {
        Self(cells)
    }

    /// Adds `amount`; wraps after 2^64.
    #[inline]
    pub fn add(&mut self, counter: Counter, amount: u64) {
        add(&self.0.runtime[counter as usize], amount);
    }

    /// Adds `amount` to the application's counter at `index` of its [`crate::Application::COUNTERS`].
    ///
    /// # Panics
    /// When there is no such counter.
    #[inline]
    pub fn add_own(&mut self, index: usize, amount: u64) {
        add(&self.0.own[index], amount);
    }

    /// Sets the application's counter at `index`, one that says what is and not what has been.
    ///
    /// # Panics
    /// When there is no such counter.
    #[inline]
    pub fn set_own(&mut self, index: usize, value: u64) {
        self.0.own[index].store(value, Ordering::Relaxed);
    }

    /// What stands there now.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.runtime[counter as usize].load(Ordering::Relaxed)
    }
}

#[inline]
fn add(cell: &AtomicU64, amount: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
}

/// The counters of one shard as they stood at some moment; each value is exact, together they are not one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    runtime: [u64; COUNT],
    own: Box<[u64]>,
    own_texts: &'static [CounterText],
}

impl Snapshot {
    /// The value of one counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.runtime[counter as usize]
    }

    /// Every counter, the application's last: its text and its value.
    pub fn iter(&self) -> impl Iterator<Item = (CounterText, u64)> {
        let runtime = Counter::ALL.iter().map(|counter| (counter.name(), counter.description()));
        let own = self.own_texts.iter().copied().zip(self.own.iter().copied());
        runtime.zip(self.runtime).chain(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_read() {
        let cells = Cells::shared(&[("calls", "Calls."), ("answers", "Answers.")]);
        let mut counters = Counters::new(cells.clone());
        counters.add(Counter::Turns, 3);
        counters.add(Counter::Timers, 1);
        counters.add(Counter::Turns, 4);
        counters.set_own(1, 7);
        counters.set_own(1, 1);
        counters.add_own(1, 1);
        let snapshot = cells.snapshot();
        assert_eq!((snapshot.get(Counter::Turns), snapshot.get(Counter::Timers)), (7, 1));
        assert_eq!((counters.get(Counter::Turns), snapshot.get(Counter::Sends)), (7, 0));
        let all: Vec<_> = snapshot.iter().filter(|(_, value)| *value > 0).map(|((name, _), n)| (name, n)).collect();
        assert_eq!(all, [("turns", 7), ("timers", 1), ("answers", 2)]);
        assert_eq!(snapshot.iter().count(), COUNT + 2);
    }

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = Counter::ALL.iter().map(|counter| counter.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Counter::ALL.len());
    }
}
