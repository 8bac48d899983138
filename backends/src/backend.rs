//! The trait that every backend implements.

use crate::{Command, Failure, PlacedSet, Reply};

/// What a backend knows of the call besides the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Monotonic time of this turn in nanoseconds, the same clock on every shard.
    pub now_ns: u64,
    /// Index of the call's namespace in the backend's own list.
    pub namespace: u16,
    /// [`prism_shard::route`]'s hash of the command's key; it picks the owner shard and serves the owner's table.
    pub hash: u64,
    /// Names the call when the answer comes later.
    pub call: u64,
}

/// What came of a command. A reply may borrow from the backend, so that a value is copied once, into the output.
#[derive(Debug, PartialEq)]
pub enum Execution<'s> {
    /// Done; the reply is to be encoded before the backend is used again.
    Done(Reply<'s>),
    /// Not done.
    Failed(Failure),
    /// The answer comes later, under the context's `call`.
    Parked,
}

/// The interface groups that a backend offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interfaces {
    /// KeyValueBasicInterface.
    pub keyvalue_basic: bool,
    /// KeyValueScanInterface.
    pub keyvalue_scan: bool,
    /// KeyValueTTLInterface.
    pub keyvalue_ttl: bool,
    /// ListBasicInterface.
    pub list_basic: bool,
    /// PubSubBasicInterface.
    pub pubsub_basic: bool,
    /// StreamBasicInterface.
    pub stream_basic: bool,
}

/// Executes commands for one shard.
pub trait Backend {
    /// What is offered.
    fn interfaces(&self) -> Interfaces;

    /// Executes `command` now, or parks it. Arguments were checked at the edge.
    fn execute<'s>(&'s mut self, context: &Context, command: &Command<'_>) -> Execution<'s>;

    /// Executes a Set by keeping the memory of its message instead of a copy; in `message` is other memory then, or
    /// none, for whoever receives the next one. None when that cannot be: nothing has happened, and [`Self::execute`]
    /// is to be asked.
    fn adopt(&mut self, _context: &Context, _set: &PlacedSet, _message: &mut Vec<u8>) -> Option<Result<(), Failure>> {
        None
    }

    /// A bounded piece of background work (expiry and the like); returns whether more is waiting.
    fn tend(&mut self, now_ns: u64) -> bool;

    /// Loads into the caches what a command on the key with this hash will look at first, without waiting for it. Only
    /// a hint: it changes nothing, and may be of any namespace.
    #[inline]
    fn prefetch_entry(&self, namespace: u16, hash: u64) {
        let _ = (namespace, hash);
    }

    /// The same of what it will look at then, once what [`Self::prefetch_entry`] has asked for is there.
    #[inline]
    fn prefetch_record(&self, namespace: u16, hash: u64) {
        let _ = (namespace, hash);
    }

    /// Whether it holds so much that prefetching is worth its work.
    #[inline]
    fn is_large(&self) -> bool {
        false
    }
}
